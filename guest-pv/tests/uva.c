/*
 * update_va_mapping and update_va_mapping_otherdomain. Rules: <xen/xen.h>,
 * UVMF_*: the L1 entry that maps an address is changed, if there is an L1
 * table; the low two bits of the flags say what to flush, the rest where:
 * here, everywhere (UVMF_ALL), or a pointer to a bitmap of vCPUs.
 */
#include "tables.h"

static void set_ro_rw_none(void)
{
	struct window w = window_get(1);
	uint64_t *page = page_alloc();
	uint64_t cpus = ~0ull;

	CHECK_EQ(hcall_update_va_mapping(w.va, mfn_pte(virt_to_mfn(page),
						       PTE_RWX), UVMF_NONE),
		 0);
	CHECK_EQ(try_write(w.va, 1), -1);
	CHECK_EQ(hcall_update_va_mapping(w.va, mfn_pte(virt_to_mfn(page),
						       PTE_ROX),
					 UVMF_INVLPG), 0);
	CHECK_EQ(try_write(w.va, 2), 14);
	CHECK_EQ(hcall_update_va_mapping(w.va, mfn_pte(virt_to_mfn(page),
						       PTE_RWX),
					 UVMF_TLB_FLUSH | UVMF_ALL), 0);
	CHECK_EQ(try_write(w.va, 3), -1);
	CHECK_EQ(hcall_update_va_mapping(w.va, 0, UVMF_INVLPG |
					 (unsigned long)&cpus), 0);
	CHECK_EQ(try_read(w.va, NULL), 14);
	CHECK_EQ(page[0], 3);
	page_free(page);
}

static void same_value_again(void)
{
	uint64_t *page = page_alloc();

	CHECK_EQ(page_set_rw(page), 0);
	CHECK_EQ(page_set_rw(page), 0);
	CHECK_EQ(page_set_ro(page), 0);
	CHECK_EQ(page_set_ro(page), 0);
	/* The counts are right: it can become a table, once. */
	CHECK_EQ(page_pin(page, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(page), 0);
	CHECK_EQ(page_set_rw(page), 0);
	page_free(page);
}

static void no_l1_there(void)
{
	uint64_t pte = mfn_pte(virt_to_mfn(page_alloc()), PTE_ROX);

	CHECK_EQ(hcall_update_va_mapping(UNMAPPED_VA, pte, 0), -EINVAL);
	CHECK_EQ(hcall_update_va_mapping(UNMAPPED_VA, 0, 0), -EINVAL);
	page_free(mfn_to_virt(pte_mfn(pte)));
}

static void bad_addresses(void)
{
	static const unsigned long bad[] = {
		XEN_RO_VA, XEN_VA, NONCANONICAL, 0xffff7ffffffff000,
		0xffff87fffffff000,
	};
	void *page = page_alloc();
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_RWX);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(hcall_update_va_mapping(bad[i], pte, UVMF_INVLPG),
			 -EINVAL);
		CHECK_EQ(hcall_update_va_mapping(bad[i], 0, UVMF_INVLPG),
			 -EINVAL);
	}
	page_free(page);
}

static void bad_flush(void)
{
	struct window w = window_get(1);
	void *page = page_alloc();
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_ROX);

	/*
	 * Type 3 of flush does not exist: the original takes it for none.
	 * Then bitmaps that cannot be read.
	 */
	CHECK_EITHER(hcall_update_va_mapping(w.va, pte, 3), 0, -EINVAL);
	CHECK_EITHER(hcall_update_va_mapping(w.va, pte, UVMF_TLB_FLUSH |
					     UNMAPPED_VA), 0, -EFAULT);
	CHECK_EITHER(hcall_update_va_mapping(w.va, pte, UVMF_INVLPG |
					     XEN_VA), 0, -EFAULT);
	PREPARE(window_set(&w, 0));
	page_free(page);
}

static void refused_frames(void)
{
	struct window w = window_get(1);

	CHECK_REFUSED(window_set(&w, mfn_pte(1ul << 33, PTE_ROX)));
	CHECK_REFUSED(window_set(&w, mfn_pte(0xfee00, PTE_RWX)));
	CHECK_REFUSED(window_set(&w, mfn_pte(virt_to_mfn(kernel_l4()),
					     PTE_RWX)));
	CHECK_EQ(*w.entry, 0);
	/* Read-only a table may be mapped. */
	CHECK_EQ(window_set(&w, mfn_pte(virt_to_mfn(kernel_l4()), PTE_ROX)),
		 0);
	CHECK_EQ(((uint64_t *)w.va)[511], kernel_l4()[511]);
	CHECK_EQ(window_set(&w, 0), 0);
}

static void otherdomain(void)
{
	struct window w = window_get(1);
	void *page = page_alloc();
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_ROX);

	CHECK_EQ(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain,
			    w.va, pte, UVMF_INVLPG, DOMID_SELF), 0);
	CHECK_EQ(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain,
			    w.va, 0, UVMF_INVLPG, DOMID_SELF), 0);
	CHECK_NO_DOMAIN(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain,
			    w.va, pte, UVMF_INVLPG, 1234));
	/* Our frame is not DOMID_IO's or DOMID_XEN's. */
	CHECK_REFUSED(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain,
				 w.va, mfn_pte(virt_to_mfn(page), PTE_RWX),
				 UVMF_INVLPG, DOMID_XEN));
	CHECK_EQ(*w.entry, 0);
	page_free(page);
}

static void io_frames(void)
{
	struct window w = window_get(1);

	if (!is_dom0())
		tap_skip("Dom0 alone");
	/* The video hole: no RAM, ours to map. */
	CHECK_EQ(window_set(&w, mfn_pte(0xb8, PTE_RWX | PTE_PCD | PTE_PWT)),
		 0);
	CHECK_EQ(window_set(&w, 0), 0);
	CHECK_EQ(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain,
			    w.va, mfn_pte(0xb8, PTE_RWX | PTE_PCD | PTE_PWT),
			    UVMF_INVLPG, DOMID_IO), 0);
	CHECK_EQ(window_set(&w, 0), 0);
	/* BIOS area and ACPI tables, read-only */
	CHECK_EQ(window_set(&w, mfn_pte(0xf5, PTE_ROX)), 0);
	CHECK_EQ(window_set(&w, 0), 0);
}

static const struct test_case cases[] = {
	{ "read-only, writable, none", set_ro_rw_none },
	{ "the same value again", same_value_again },
	{ "no L1 table there", no_l1_there },
	{ "bad addresses", bad_addresses },
	{ "bad flush", bad_flush },
	{ "frames refused", refused_frames },
	{ "otherdomain", otherdomain },
	{ "I/O frames", io_frames },
};

TEST_PROGRAM(uva, "update_va_mapping", cases);
