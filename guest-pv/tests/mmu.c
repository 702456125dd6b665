/*
 * mmu_update: each command at each level, its count of what was done, and
 * every refusal. Rules: the comment "MMU-UPDATE REQUESTS" in <xen/xen.h>:
 * ptr[1:0] is the command, ptr[:2] the machine address, the domain argument
 * names the owner of the frames and (high half) of the tables; *done is
 * written also when a request fails (the kernel's privcmd relies on it).
 */
#include "tables.h"

static void set_and_clear_l1(void)
{
	struct window w = window_get(0);
	uint64_t *page = page_alloc();

	page[3] = 0x77;
	CHECK_EQ(pt_write(w.entry, mfn_pte(virt_to_mfn(page), PTE_ROX)), 0);
	CHECK_EQ(((uint64_t *)w.va)[3], 0x77);
	CHECK_EQ(try_write(w.va, 1), 14);
	CHECK_EQ(pt_write(w.entry, mfn_pte(virt_to_mfn(page), PTE_RWX)), 0);
	CHECK_EQ(try_write(w.va, 0x99), -1);
	CHECK_EQ(page[0], 0x99);
	CHECK_EQ(pt_write(w.entry, 0), 0);
	mmuext(MMUEXT_INVLPG_LOCAL, w.va, 0);
	CHECK_EQ(try_read(w.va, NULL), 14);
	page_free(page);
}

static void build_and_drop_every_level(void)
{
	unsigned long va = TEST_VA + (1ul << 39);	/* its own L4 slot */
	uint64_t *l1 = table_new(), *l2 = table_new(), *l3 = table_new();
	uint64_t *page = page_alloc();

	CHECK_EQ(pt_write(pt_entry(va, 4), mfn_pte(virt_to_mfn(l3), PTE_RWX)),
		 0);
	CHECK_EQ(pt_write(&l3[pt_index(va, 3)],
			  mfn_pte(virt_to_mfn(l2), PTE_RWX)), 0);
	CHECK_EQ(pt_write(&l2[pt_index(va, 2)],
			  mfn_pte(virt_to_mfn(l1), PTE_RWX)), 0);
	CHECK_EQ(pt_write(&l1[pt_index(va, 1)],
			  mfn_pte(virt_to_mfn(page), PTE_RWX)), 0);
	CHECK_EQ(try_write(va, 0x55), -1);
	CHECK_EQ(page[0], 0x55);
	/* While they are tables none of them may be mapped writable. */
	CHECK_REFUSED(page_set_rw(l1));
	CHECK_REFUSED(page_set_rw(l2));
	CHECK_REFUSED(page_set_rw(l3));
	CHECK_EQ(pt_write(pt_entry(va, 4), 0), 0);
	CHECK_EQ(try_read(va, NULL), 14);
	/* The whole tree is free again, and what it mapped too. */
	CHECK_EQ(page_set_rw(l1), 0);
	CHECK_EQ(page_set_rw(l2), 0);
	CHECK_EQ(page_set_rw(l3), 0);
	page_free(l1);
	page_free(l2);
	page_free(l3);
	page_free(page);
}

/* An entry of any level can be set while the table is pinned, not in use. */
static void update_pinned_table(void)
{
	uint64_t *l1 = table_new(), *page = page_alloc();

	REQUIRE_EQ(page_pin(l1, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(pt_write(&l1[7], mfn_pte(virt_to_mfn(page), PTE_RWX)), 0);
	CHECK_EQ(pte_mfn(l1[7]), virt_to_mfn(page));
	/* Mapped writable by l1: it cannot become a table. */
	PREPARE(page_set_ro(page));
	CHECK_REFUSED(page_pin(page, MMUEXT_PIN_L1_TABLE));
	CHECK_EQ(pt_write(&l1[7], 0), 0);
	CHECK_EQ(page_pin(page, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(page), 0);
	CHECK_EQ(page_unpin(l1), 0);
	table_free(l1);
	table_free(page);
}

static void plain_store_into_data_page(void)
{
	uint64_t *page = page_alloc();

	/* Not a table: the value is stored as it is, with all its bits. */
	CHECK_EQ(pt_write(&page[5], 0xdeadbeefcafef00d), 0);
	CHECK_EQ(page[5], 0xdeadbeefcafef00d);
	page_free(page);
}

static void preserve_ad(void)
{
	struct window w = window_get(0);
	uint64_t *page = page_alloc();
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_P | PTE_RW | PTE_US);
	struct mmu_update u;

	PREPARE(pt_write(w.entry, pte | PTE_A | PTE_D));
	u.ptr = virt_to_maddr(w.entry) | MMU_PT_UPDATE_PRESERVE_AD;
	u.val = pte & ~PTE_RW;
	CHECK_EQ(hcall_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
	CHECK_EQ(*w.entry & (PTE_P | PTE_RW | PTE_A | PTE_D),
		 PTE_P | PTE_A | PTE_D);
	CHECK_EQ(pt_write(w.entry, pte & ~PTE_RW), 0);
	CHECK_EQ(*w.entry & (PTE_A | PTE_D), 0);
	PREPARE(pt_write(w.entry, 0));
	page_free(page);
}

static void no_translate(void)
{
	struct window w = window_get(0);
	uint64_t *page = page_alloc();
	struct mmu_update u;

	u.ptr = virt_to_maddr(w.entry) | MMU_PT_UPDATE_NO_TRANSLATE;
	u.val = mfn_pte(virt_to_mfn(page), PTE_ROX);
	CHECK_EQ(hcall_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
	CHECK_EQ(pte_mfn(*w.entry), virt_to_mfn(page));
	PREPARE(pt_write(w.entry, 0));
	page_free(page);
}

static void machphys(void)
{
	void *page = page_alloc();
	unsigned long mfn = virt_to_mfn(page), pfn = virt_to_pfn(page);
	struct mmu_update u = {
		.ptr = (uint64_t)mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE,
		.val = 0x123456,
	};

	CHECK_EQ(hcall_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
	CHECK_EQ(mfn_to_pfn(mfn), 0x123456);
	u.val = pfn;
	CHECK_EQ(hcall_mmu_update(&u, 1, NULL, DOMID_SELF), 0);
	CHECK_EQ(mfn_to_pfn(mfn), pfn);
	page_free(page);
}

static void machphys_of_others(void)
{
	struct mmu_update u = { .val = 1 };
	unsigned long shared = start_info->shared_info;

	u.ptr = shared | MMU_MACHPHYS_UPDATE;
	/* The hypervisor's own page, though we may map it. */
	(void)hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
	u.ptr = (1ul << 45) | MMU_MACHPHYS_UPDATE;
	CHECK_REFUSED(hcall_mmu_update(&u, 1, NULL, DOMID_SELF));
	u.ptr = (0xfee00ul << PAGE_SHIFT) | MMU_MACHPHYS_UPDATE;
	CHECK_REFUSED(hcall_mmu_update(&u, 1, NULL, DOMID_SELF));
}

static void count_of_done(void)
{
	uint64_t *page = page_alloc();
	struct mmu_update u[4];
	unsigned int done = 77;

	for (unsigned int i = 0; i < 4; i++) {
		u[i].ptr = virt_to_maddr(&page[i]);
		u[i].val = i + 1;
	}
	CHECK_EQ(hcall_mmu_update(u, 4, &done, DOMID_SELF), 0);
	CHECK_EQ(done, 4);
	CHECK_EQ(page[3], 4);
	u[2].ptr = 1ul << 45;
	u[0].val = u[3].val = 9;
	CHECK_REFUSED(hcall_mmu_update(u, 4, &done, DOMID_SELF));
	CHECK_EQ(done, 2);
	CHECK_EQ(page[0], 9);
	CHECK_EQ(page[3], 4);
	done = 77;
	CHECK_EQ(hcall_mmu_update(u, 0, &done, DOMID_SELF), 0);
	page_free(page);
}

static void many_in_one_call(void)
{
	static struct mmu_update u[1500];
	uint64_t *page = page_alloc();
	unsigned int done = 0;

	for (unsigned int i = 0; i < ARRAY_SIZE(u); i++) {
		u[i].ptr = virt_to_maddr(&page[i % 512]);
		u[i].val = i;
	}
	CHECK_EQ(hcall_mmu_update(u, ARRAY_SIZE(u), &done, DOMID_SELF), 0);
	CHECK_EQ(done, ARRAY_SIZE(u));
	CHECK_EQ(page[1499 % 512], 1499);
	page_free(page);
}

static void bad_arguments(void)
{
	struct mmu_update u = { 0 };
	uint64_t *page = page_alloc();

	u.ptr = virt_to_maddr(page);
	CHECK_EQ(hcall_mmu_update(UNMAPPED_VA, 1, NULL, DOMID_SELF), -EFAULT);
	CHECK_EQ(hcall_mmu_update(XEN_VA, 1, NULL, DOMID_SELF), -EFAULT);
	CHECK_EQ(hcall_mmu_update(NONCANONICAL, 1, NULL, DOMID_SELF),
		 -EFAULT);
	CHECK_EQ(hcall_mmu_update(NULL, 1, NULL, DOMID_SELF), -EFAULT);
	/* The original forgets the count then, ours may say so. */
	CHECK_EITHER(hcall_mmu_update(&u, 1, UNMAPPED_VA, DOMID_SELF),
		     0, -EFAULT);
	CHECK_EITHER(hcall_mmu_update(&u, 1, XEN_VA, DOMID_SELF),
		     0, -EFAULT);
	CHECK_NO_DOMAIN(hcall_mmu_update(&u, 1, NULL, 1234));
	CHECK_NO_DOMAIN(hcall_mmu_update(&u, 1, NULL, DOMID_SELF | 1235u << 16));
	CHECK_REFUSED(hcall_mmu_update(&u, 1, NULL, DOMID_INVALID));
	CHECK_REFUSED(hcall_mmu_update(&u, 1, NULL, DOMID_IDLE));
	page_free(page);
}

static void huge_counts(void)
{
	struct mmu_update *u = page_alloc();
	unsigned int done = 0;

	/* The array runs into unmapped addresses or into bad requests. */
	memset(u, 0xff, PAGE_SIZE);
	CHECK_REFUSED(hcall_mmu_update(u, 0x7fffffff, &done, DOMID_SELF));
	CHECK_EQ(done, 0);
	CHECK_REFUSED(hcall_mmu_update(UNMAPPED_VA, 0x7fffffff, &done,
				       DOMID_SELF));
	CHECK_REFUSED(hcall_mmu_update(0xffffffffffffff00, 0x7fffffff, &done,
				       DOMID_SELF));
	page_free(u);
}

static void bad_frames(void)
{
	struct window w = window_get(0);
	static const unsigned long mfns[] = {
		0xffffffffff, 1ul << 33, 0xfee00 /* the local APIC */,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(mfns); i++) {
		CHECK_REFUSED(pt_write(w.entry, mfn_pte(mfns[i], PTE_RWX)));
		CHECK_EQ(*w.entry, 0);
	}
}

static void bad_flags(void)
{
	struct window w = window_get(0);
	uint64_t *page = page_alloc(), *l1 = table_new();
	uint64_t *l2e = pt_entry(TEST_VA + (5ul << 21), 2);
	uint64_t *l3e = pt_entry(TEST_VA + (5ul << 30), 3);
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_ROX);

	/* No superpages, at any level. */
	CHECK_EQ(pt_write(l2e, mfn_pte(virt_to_mfn(l1), PTE_RWX | PTE_PS)),
		 -EINVAL);
	CHECK_REFUSED(pt_write(l2e, (mfn_pte(virt_to_mfn(l1), 0) &
				     ~0x1fffffull) | PTE_RWX | PTE_PS));
	CHECK_REFUSED(pt_write(l3e, (mfn_pte(virt_to_mfn(l1), 0) &
				     ~0x3fffffffull) | PTE_RWX | PTE_PS));
	CHECK_EQ(*l2e, 0);
	CHECK_EQ(*l3e, 0);
	/* The available bits and NX are the guest's. */
	CHECK_EQ(pt_write(w.entry, pte | 0xe00), 0);
	CHECK_EQ(*w.entry & 0xe00, 0xe00);
	CHECK_EQ(pt_write(w.entry, pte | PTE_NX), 0);
	CHECK_EQ(*w.entry & PTE_NX, PTE_NX);
	CHECK_EQ(pt_write(w.entry, 0), 0);
	page_free(page);
	table_free(l1);
}

/* A table of the wrong level, or no table, is no table. */
static void wrong_level(void)
{
	uint64_t *l1 = table_new(), *data = page_alloc();
	uint64_t *l2e, *l3e, *l4e, flags = PTE_RWX;

	window_get(0);
	l2e = pt_entry(TEST_VA + (5ul << 21), 2);
	l3e = pt_entry(TEST_VA + (5ul << 30), 3);
	l4e = pt_entry(TEST_VA + (5ul << 39), 4);
	REQUIRE_EQ(page_pin(l1, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_REFUSED(pt_write(l3e, mfn_pte(virt_to_mfn(l1), flags)));
	CHECK_REFUSED(pt_write(l4e, mfn_pte(virt_to_mfn(l1), flags)));
	/* data is mapped writable */
	CHECK_REFUSED(pt_write(l2e, mfn_pte(virt_to_mfn(data), flags)));
	CHECK_REFUSED(pt_write(l3e, mfn_pte(virt_to_mfn(data), flags)));
	CHECK_REFUSED(pt_write(l4e, mfn_pte(virt_to_mfn(data), flags)));
	/* the kernel's own L4 as an L3, and as an L1 */
	CHECK_REFUSED(pt_write(l4e, mfn_pte(virt_to_mfn(kernel_l4()),
					    flags)));
	CHECK_REFUSED(pt_write(l2e, mfn_pte(virt_to_mfn(kernel_l4()),
					    flags)));
	CHECK_EQ(*l2e | *l3e | *l4e, 0);
	CHECK_EQ(page_unpin(l1), 0);
	table_free(l1);
	page_free(data);
}

static void reserved_l4_slots(void)
{
	uint64_t *l3 = table_new(), before;

	for (unsigned int slot = 256; slot < 272; slot++) {
		uint64_t *l4e = &kernel_l4()[slot];

		before = *l4e;
		CHECK_REFUSED(pt_write(l4e, mfn_pte(virt_to_mfn(l3),
						    PTE_RWX)));
		CHECK_REFUSED(pt_write(l4e, 0));
		CHECK_EQ(*l4e, before);
	}
	/* Neighbours are the guest's. */
	CHECK_EQ(pt_write(&kernel_l4()[255],
			  mfn_pte(virt_to_mfn(l3), PTE_RWX)), 0);
	CHECK_EQ(pt_write(&kernel_l4()[255], 0), 0);
	CHECK_EQ(pt_write(&kernel_l4()[272],
			  mfn_pte(virt_to_mfn(l3), PTE_RWX)), 0);
	CHECK_EQ(pt_write(&kernel_l4()[272], 0), 0);
	table_free(l3);
}

static const struct test_case cases[] = {
	{ "set and clear an L1 entry", set_and_clear_l1 },
	{ "build and drop every level", build_and_drop_every_level },
	{ "update a pinned table", update_pinned_table },
	{ "plain store into a data page", plain_store_into_data_page },
	{ "PRESERVE_AD keeps A and D", preserve_ad },
	{ "NO_TRANSLATE is as normal", no_translate },
	{ "MACHPHYS", machphys },
	{ "MACHPHYS of frames of others", machphys_of_others },
	{ "count of done", count_of_done },
	{ "1500 in one call", many_in_one_call },
	{ "bad arguments", bad_arguments },
	{ "huge counts", huge_counts },
	{ "bad frames", bad_frames },
	{ "bad flags", bad_flags },
	{ "tables of a wrong level", wrong_level },
	{ "reserved L4 slots", reserved_l4_slots },
};

TEST_PROGRAM(mmu, "mmu_update", cases);
