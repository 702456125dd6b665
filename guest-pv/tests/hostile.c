/*
 * The security argument of paravirtual paging, attacked: a frame that is a
 * page table or a descriptor table must not become writable, by any way there
 * is, and a frame cannot be of two types at once. One case per kind of frame
 * under attack; each walks through a table of ways. After each way the frame
 * must hold what it held, and a store through whatever mapping was tried must
 * fault. Rules: comment on page types in the map, 3.2; security lessons 1, 2,
 * 6, 9, 14, 41-43, 71.
 */
#include "tables.h"

/* The victim: a frame with a type, and its read-only address in the arena. */
static uint64_t *victim;

struct way {
	const char *name;
	/* Tries it; W is a window that is empty now. <0: refused. */
	long (*try)(const struct window *w);
};

static uint64_t rw_pte(void)
{
	return mfn_pte(virt_to_mfn(victim), PTE_RWX);
}

static long by_mmu_update(const struct window *w)
{
	return pt_write(w->entry, rw_pte());
}

static long by_flag_flip(const struct window *w)
{
	long rc = pt_write(w->entry, mfn_pte(virt_to_mfn(victim), PTE_ROX));

	return rc ? rc : pt_write(w->entry, rw_pte());
}

static long by_preserve_ad(const struct window *w)
{
	struct mmu_update u = {
		.ptr = virt_to_maddr(w->entry) | MMU_PT_UPDATE_PRESERVE_AD,
		.val = rw_pte(),
	};
	long rc = pt_write(w->entry, mfn_pte(virt_to_mfn(victim), PTE_ROX));

	return rc ? rc : hcall_mmu_update(&u, 1, NULL, DOMID_SELF);
}

static long by_update_va_mapping(const struct window *w)
{
	return hcall_update_va_mapping(w->va, rw_pte(), UVMF_INVLPG);
}

static long by_update_va_mapping_self(const struct window *w)
{
	return hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, w->va,
			  rw_pte(), UVMF_INVLPG, 0);
}

static long by_its_arena_address(const struct window *w)
{
	(void)w;
	return page_set_rw(victim);
}

static long by_direct_store(const struct window *w)
{
	return try_write((unsigned long)w->entry, rw_pte()) < 0 ? 0 : -EFAULT;
}

static long by_not_user_bit(const struct window *w)
{
	return pt_write(w->entry, mfn_pte(virt_to_mfn(victim),
					  PTE_P | PTE_RW));
}

static long by_multicall(const struct window *w)
{
	struct multicall_entry call = {
		.op = __HYPERVISOR_update_va_mapping,
		.args = { w->va, rw_pte(), UVMF_INVLPG },
	};
	long rc = hcall_multicall(&call, 1);

	return rc ? rc : (long)call.result;
}

/* A table with a writable entry of the victim, made live in three ways. */
static long by_pinned_l1(const struct window *w)
{
	uint64_t *l1 = page_alloc();
	long rc;

	(void)w;
	l1[200] = rw_pte();
	PREPARE(page_set_ro(l1));
	rc = page_pin(l1, MMUEXT_PIN_L1_TABLE);
	if (!rc)
		return page_unpin(l1);
	table_free(l1);
	return rc;
}

static long by_linked_l1(const struct window *w)
{
	uint64_t *l1 = page_alloc(), *l2e;
	long rc;

	l1[200] = rw_pte();
	PREPARE(page_set_ro(l1));
	l2e = pt_entry(w->va + (9ul << 21), 2);
	rc = pt_write(l2e, mfn_pte(virt_to_mfn(l1), PTE_RWX));
	table_free(l1);
	return rc;
}

static long by_superpage(const struct window *w)
{
	uint64_t *l2e = pt_entry(w->va + (9ul << 21), 2);
	uint64_t base = virt_to_mfn(victim) & ~511ul;

	return pt_write(l2e, mfn_pte(base, PTE_RWX | PTE_PS));
}

static long by_superpage_l3(const struct window *w)
{
	uint64_t *l3e = pt_entry(w->va + (9ul << 30), 3);
	uint64_t base = virt_to_mfn(victim) & ~0x3fffful;

	return pt_write(l3e, mfn_pte(base, PTE_RWX | PTE_PS));
}

/* The hypervisor as a writer: buffers of calls that store something. */
static long by_version_buffer(const struct window *w)
{
	(void)w;
	return hcall_xen_version(XENVER_extraversion, victim);
}

static long by_runstate_buffer(const struct window *w)
{
	(void)w;
	return hcall_vcpu_op(VCPUOP_get_runstate_info, 0, victim);
}

static long by_clear_page(const struct window *w)
{
	(void)w;
	return mmuext(MMUEXT_CLEAR_PAGE, virt_to_mfn(victim), 0);
}

static long by_copy_page(const struct window *w)
{
	static uint64_t *source;
	(void)w;
	if (!source)
		source = page_alloc();
	memset(source, 0x99, PAGE_SIZE);
	return mmuext(MMUEXT_COPY_PAGE, virt_to_mfn(victim),
		      virt_to_mfn(source));
}

static long by_vcpu_info(const struct window *w)
{
	struct vcpu_register_vcpu_info info = {
		.mfn = virt_to_mfn(victim),
	};

	(void)w;
	return hcall_vcpu_op(VCPUOP_register_vcpu_info, 1, &info);
}

static long by_grant_setup(const struct window *w)
{
	struct gnttab_setup_table setup = {
		.dom = DOMID_SELF, .nr_frames = 1,
	};
	long rc;

	(void)w;
	/* The list of frames would be written into the victim. */
	setup.frame_list.p = (xen_pfn_t *)victim;
	rc = hcall_grant_table_op(GNTTABOP_setup_table, &setup, 1);
	return rc ? rc : setup.status;
}

static long by_exchange(const struct window *w)
{
	xen_pfn_t in = virt_to_mfn(victim), out = virt_to_pfn(victim);
	struct xen_memory_exchange x = {
		.in = { .nr_extents = 1, .domid = DOMID_SELF },
		.out = { .nr_extents = 1, .domid = DOMID_SELF },
	};
	long rc;

	(void)w;
	x.in.extent_start.p = &in;
	x.out.extent_start.p = &out;
	rc = hcall_memory_op(XENMEM_exchange, &x);
	return rc ? rc : (x.nr_exchanged ? 0 : -1);
}

static const struct way ways[] = {
	{ "mmu_update", by_mmu_update },
	{ "read-only first, then the flag", by_flag_flip },
	{ "PRESERVE_AD", by_preserve_ad },
	{ "update_va_mapping", by_update_va_mapping },
	{ "update_va_mapping_otherdomain to itself",
	  by_update_va_mapping_self },
	{ "the page's own address", by_its_arena_address },
	{ "a direct store to the L1", by_direct_store },
	{ "an entry without the user bit", by_not_user_bit },
	{ "a multicall", by_multicall },
	{ "an L1 that is pinned", by_pinned_l1 },
	{ "an L1 that is linked", by_linked_l1 },
	{ "a superpage in an L2", by_superpage },
	{ "a superpage in an L3", by_superpage_l3 },
	{ "buffer of xen_version", by_version_buffer },
	{ "buffer of get_runstate_info", by_runstate_buffer },
	{ "CLEAR_PAGE", by_clear_page },
	{ "COPY_PAGE", by_copy_page },
	{ "register_vcpu_info", by_vcpu_info },
	{ "frame list of the grant table", by_grant_setup },
	{ "exchange", by_exchange },
};

static void attack(void)
{
	static uint64_t before[512];
	struct window w = window_get(3);

	memcpy(before, victim, PAGE_SIZE);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
		if (ways[i].try(&w) >= 0) {
			printk("# not refused: %s\n", ways[i].name);
			CHECK(!"every way is refused");
		}
		if (*w.entry & PTE_P && try_write(w.va, ~0ul) < 0) {
			printk("# writable by: %s\n", ways[i].name);
			CHECK(!"no way makes it writable");
		}
		if (memcmp(before, victim, PAGE_SIZE)) {
			printk("# changed by: %s\n", ways[i].name);
			CHECK(!"no way changes it");
		}
		PREPARE(window_set(&w, 0));
	}
}

static void against_pinned(unsigned int pin)
{
	victim = page_alloc();
	victim[17] = 0x1000;		/* not present, but recognisable */
	PREPARE(page_set_ro(victim));
	PREPARE(page_pin(victim, pin));
	attack();
	CHECK_EQ(page_unpin(victim), 0);
	/* All counts are as they were: it becomes an ordinary page again. */
	table_free(victim);
}

static void against_l1(void)
{
	against_pinned(MMUEXT_PIN_L1_TABLE);
}

static void against_l2(void)
{
	against_pinned(MMUEXT_PIN_L2_TABLE);
}

static void against_l3(void)
{
	against_pinned(MMUEXT_PIN_L3_TABLE);
}

static void against_l4(void)
{
	against_pinned(MMUEXT_PIN_L4_TABLE);
}

static void against_tables_in_use(void)
{
	unsigned long va = (unsigned long)window_get(3).va;

	victim = kernel_l4();
	attack();
	for (int level = 3; level >= 2; level--) {
		unsigned long entry = (unsigned long)pt_entry(va, level);

		victim = (uint64_t *)(entry & ~(PAGE_SIZE - 1ul));
		attack();
	}
}

/* A GDT page: one flat code segment in entry 1. */
static void against_gdt(void)
{
	unsigned long frame;

	victim = page_alloc();
	victim[1] = 0x00affb000000ffff;
	frame = virt_to_mfn(victim);
	PREPARE(page_set_ro(victim));
	PREPARE(hypercall2(__HYPERVISOR_set_gdt, &frame, 16));
	attack();
	CHECK_EQ(hypercall2(__HYPERVISOR_set_gdt, NULL, 0), 0);
	table_free(victim);
}

/* One frame, two types: each type is taken while another is held. */
static void two_types(void)
{
	static const unsigned int pins[] = {
		MMUEXT_PIN_L1_TABLE, MMUEXT_PIN_L2_TABLE,
		MMUEXT_PIN_L3_TABLE, MMUEXT_PIN_L4_TABLE,
	};
	uint64_t *page = table_new();
	unsigned long frame = virt_to_mfn(page);

	for (unsigned int i = 0; i < ARRAY_SIZE(pins); i++) {
		PREPARE(page_pin(page, pins[i]));
		for (unsigned int j = 0; j < ARRAY_SIZE(pins); j++)
			CHECK_REFUSED(page_pin(page, pins[j]));
		CHECK_REFUSED(hypercall2(__HYPERVISOR_set_gdt, &frame, 16));
		CHECK_REFUSED(hypercall2(__HYPERVISOR_update_descriptor,
					 virt_to_maddr(page), 0));
		CHECK_REFUSED(page_set_rw(page));
		CHECK_EQ(page_unpin(page), 0);
	}
	PREPARE(hypercall2(__HYPERVISOR_set_gdt, &frame, 16));
	for (unsigned int j = 0; j < ARRAY_SIZE(pins); j++)
		CHECK_REFUSED(page_pin(page, pins[j]));
	CHECK_EQ(hypercall2(__HYPERVISOR_set_gdt, NULL, 0), 0);
	table_free(page);
}

/* Writable somewhere, hence nothing else: with one and with two mappings. */
static void writable_is_no_table(void)
{
	struct window w = window_get(3), v = window_get(4);
	uint64_t *page = table_new();
	unsigned long frame = virt_to_mfn(page);

	PREPARE(window_set(&w, mfn_pte(frame, PTE_RWX)));
	PREPARE(window_set(&v, mfn_pte(frame, PTE_RWX)));
	for (int left = 2; left > 0; left--) {
		for (unsigned int op = MMUEXT_PIN_L1_TABLE;
		     op <= MMUEXT_PIN_L4_TABLE; op++)
			CHECK_REFUSED(page_pin(page, op));
		CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, frame, 0));
		CHECK_REFUSED(hypercall2(__HYPERVISOR_set_gdt, &frame, 16));
		PREPARE(window_set(left == 2 ? &w : &v, 0));
	}
	CHECK_EQ(page_pin(page, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(page), 0);
	table_free(page);
}

/* No stale translation survives the change of type (security lesson 6). */
static void no_stale_writable_entry(void)
{
	struct window w = window_get(3);
	uint64_t *page = table_new();

	PREPARE(window_set(&w, mfn_pte(virt_to_mfn(page), PTE_RWX)));
	*(volatile uint64_t *)w.va = 0;
	/* The entry goes without a flush; then the page becomes a table. */
	PREPARE(pt_write(w.entry, 0));
	PREPARE(page_pin(page, MMUEXT_PIN_L1_TABLE));
	CHECK_EQ(try_write(w.va, 0x1000), 14);
	CHECK_EQ(page[0], 0);
	CHECK_EQ(page_unpin(page), 0);
	table_free(page);
}

/* Frames of the hypervisor, found in what it shows us of itself. */
static void hypervisor_frames(void)
{
	struct window w = window_get(3);
	unsigned long shared = start_info->shared_info >> PAGE_SHIFT;
	uint64_t m2p = READ_ONCE(kernel_l4()[256]);

	/* Ours to write by contract, but no table. */
	CHECK_EQ(window_set(&w, mfn_pte(shared, PTE_RWX)), 0);
	CHECK_EQ(window_set(&w, 0), 0);
	CHECK_REFUSED(mmuext(MMUEXT_PIN_L1_TABLE, shared, 0));
	CHECK_REFUSED(mmuext(MMUEXT_PIN_L4_TABLE, shared, 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, shared, 0));
	/* The hypervisor's own tables, whose frames an L4 shows. */
	for (unsigned int slot = 256; slot < 272; slot++) {
		uint64_t entry = kernel_l4()[slot];

		/* One slot may be the L4 itself: the guest's own frame. */
		if (!(entry & PTE_P) ||
		    pte_mfn(entry) == virt_to_mfn(kernel_l4()))
			continue;
		CHECK_REFUSED(window_set(&w, mfn_pte(pte_mfn(entry),
						     PTE_RWX)));
		CHECK_REFUSED(window_set(&w, mfn_pte(pte_mfn(entry),
						     PTE_ROX)));
		CHECK_REFUSED(mmuext(MMUEXT_PIN_L3_TABLE, pte_mfn(entry), 0));
		CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, pte_mfn(entry), 0));
		CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, pte_mfn(entry),
				     pte_mfn(entry)));
		CHECK_REFUSED(mmuext(MMUEXT_UNPIN_TABLE, pte_mfn(entry), 0));
	}
	CHECK_EQ(kernel_l4()[256], m2p);
}

/* The hypervisor's addresses, as seen with loads and stores. */
static void hypervisor_addresses(void)
{
	static const unsigned long bad[] = {
		XEN_VA, 0xffff820000000000, 0xffff82d080000000,
		0xffff82d040200000, 0xffff828000000000, 0xffff87fffffff000,
		0xffff850000000000,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(try_read(bad[i], NULL), 14);
		CHECK_EQ(try_write(bad[i], 0), 14);
	}
	CHECK_EQ(try_read(XEN_RO_VA, NULL), -1);
	CHECK_EQ(try_write(XEN_RO_VA, 0), 14);
	CHECK_EQ(try_read(NONCANONICAL, NULL), 13);
}

static const struct test_case cases[] = {
	{ "against an L1 table", against_l1 },
	{ "against an L2 table", against_l2 },
	{ "against an L3 table", against_l3 },
	{ "against an L4 table", against_l4 },
	{ "against tables in use", against_tables_in_use },
	{ "against a descriptor table", against_gdt },
	{ "two types at once", two_types },
	{ "what is writable is no table", writable_is_no_table },
	{ "no stale writable translation", no_stale_writable_entry },
	{ "the hypervisor's frames", hypervisor_frames },
	{ "the hypervisor's addresses", hypervisor_addresses },
};

TEST_PROGRAM(hostile, "frames that must not become writable", cases);
