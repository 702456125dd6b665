/*
 * memory_op: sizes, maps, giving memory back and getting it, exchange.
 * Rules: <xen/memory.h>; map, 3.9: populate and decrease return how many
 * extents were done (a short count is no error); exchange is all or nothing
 * with nr_exchanged; m2p is kept by the hypervisor. Huge counts and orders are
 * refused or come out short without wrapping (security lessons 29, 32, 34,
 * 36).
 */
#include "tables.h"

static long reservation(int cmd, unsigned long *extents, unsigned long count,
			unsigned int order, domid_t dom)
{
	struct xen_memory_reservation r = {
		.nr_extents = count, .extent_order = order, .domid = dom,
	};

	r.extent_start.p = extents;
	return hcall_memory_op(cmd, &r);
}

static long current_pages(void)
{
	domid_t self = DOMID_SELF;

	return hcall_memory_op(XENMEM_current_reservation, &self);
}

static void sizes(void)
{
	domid_t self = DOMID_SELF, nobody = 1234;
	long current = current_pages();
	long max = hcall_memory_op(XENMEM_maximum_reservation, &self);

	CHECK_EQ(current, start_info->nr_pages);
	CHECK(max >= current);
	CHECK(hcall_memory_op(XENMEM_maximum_ram_page, NULL) > current);
	CHECK_NO_DOMAIN(hcall_memory_op(XENMEM_current_reservation, &nobody));
	CHECK_NO_DOMAIN(hcall_memory_op(XENMEM_maximum_reservation, &nobody));
	CHECK_EQ(hcall_memory_op(XENMEM_current_reservation, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(hcall_memory_op(XENMEM_maximum_reservation, XEN_VA),
		 -EFAULT);
}

static void machphys_mapping(void)
{
	struct xen_machphys_mapping m = { 0 };

	CHECK_EQ(hcall_memory_op(XENMEM_machphys_mapping, &m), 0);
	CHECK_EQ(m.v_start, HYPERVISOR_VIRT_START);
	CHECK(m.v_end > m.v_start);
	CHECK(m.max_mfn >= p2m[0]);
	CHECK_EQ(hcall_memory_op(XENMEM_machphys_mapping, UNMAPPED_VA),
		 -EFAULT);
}

static void machine_memory_map(void)
{
	static struct { uint64_t start, size; uint32_t type; }
		__attribute__((packed)) map[128];
	struct xen_memory_map m = { .nr_entries = ARRAY_SIZE(map) };
	uint64_t ram = 0;
	bool apic = false;
	long rc;

	set_xen_guest_handle(m.buffer, (void *)map);
	if (!is_dom0()) {
		CHECK_EQ(hcall_memory_op(XENMEM_machine_memory_map, &m),
			 -EPERM);
		return;
	}
	CHECK_EQ(hcall_memory_op(XENMEM_machine_memory_map, &m), 0);
	CHECK(m.nr_entries > 2 && m.nr_entries <= ARRAY_SIZE(map));
	for (unsigned int i = 0; i < m.nr_entries; i++) {
		if (i)
			CHECK(map[i].start >= map[i - 1].start +
			      map[i - 1].size);
		if (map[i].type == 1)
			ram += map[i].size;
		apic |= map[i].type == 2 && map[i].start <= 0xfee00000 &&
			map[i].start + map[i].size > 0xfee00000;
	}
	CHECK(ram >= start_info->nr_pages << PAGE_SHIFT);
	CHECK(apic);
	/* No room: as much as fits, or told so. */
	m.nr_entries = 1;
	rc = hcall_memory_op(XENMEM_machine_memory_map, &m);
	CHECK(rc == 0 || rc == -ENOSPC || rc == -EINVAL);
	CHECK(m.nr_entries <= 1);
	m.nr_entries = ARRAY_SIZE(map);
	set_xen_guest_handle(m.buffer, (void *)UNMAPPED_VA);
	CHECK_EQ(hcall_memory_op(XENMEM_machine_memory_map, &m), -EFAULT);
	CHECK_EQ(hcall_memory_op(XENMEM_machine_memory_map, XEN_VA),
		 -EFAULT);
}

static void memory_map(void)
{
	static uint8_t map[20 * 8];
	struct xen_memory_map m = { .nr_entries = 8 };
	long rc;

	set_xen_guest_handle(m.buffer, (void *)map);
	rc = hcall_memory_op(XENMEM_memory_map, &m);
	/* Only if somebody has set one. */
	CHECK_EITHER(rc, -ENOSYS, 0);
}

static void decrease_and_populate(void)
{
	unsigned long pfn = pfn_alloc(), mfn = p2m[pfn], extent = mfn;
	long before = current_pages();

	CHECK_EQ(reservation(XENMEM_decrease_reservation, &extent, 1, 0,
			     DOMID_SELF), 1);
	CHECK_EQ(current_pages(), before - 1);
	CHECK(mfn_to_pfn(mfn) != pfn);
	/* It is not ours any more. */
	CHECK_REFUSED(pt_write(window_get(7).entry, mfn_pte(mfn, PTE_RWX)));
	extent = pfn;
	CHECK_EQ(reservation(XENMEM_populate_physmap, &extent, 1, 0,
			     DOMID_SELF), 1);
	CHECK_EQ(current_pages(), before);
	CHECK(extent != pfn);
	CHECK_EQ(mfn_to_pfn(extent), pfn);
	p2m[pfn] = extent;
	pfn_free(pfn);
}

/* A frame comes clean of what another had in it (security lesson 71). */
static void populated_frame_is_clean(void)
{
	unsigned long pfn = pfn_alloc(), extent;
	struct window w = window_get(7);
	volatile uint64_t *p = (volatile uint64_t *)w.va;
	unsigned int dirty = 0;

	for (int round = 0; round < 16; round++) {
		PREPARE(window_set(&w, mfn_pte(p2m[pfn], PTE_RWX)));
		for (unsigned int i = 0; i < 512; i++)
			p[i] = 0x5ec2e75ec2e7;
		PREPARE(window_set(&w, 0));
		extent = p2m[pfn];
		REQUIRE_EQ(reservation(XENMEM_decrease_reservation, &extent,
				       1, 0, DOMID_SELF), 1);
		extent = pfn;
		REQUIRE_EQ(reservation(XENMEM_populate_physmap, &extent, 1, 0,
				       DOMID_SELF), 1);
		p2m[pfn] = extent;
		PREPARE(window_set(&w, mfn_pte(p2m[pfn], PTE_RWX)));
		for (unsigned int i = 0; i < 512; i++)
			dirty += p[i] == 0x5ec2e75ec2e7;
		PREPARE(window_set(&w, 0));
	}
	/*
	 * One's own page may come back as it went (the original scrubs what
	 * a dead domain leaves); a page of others never.
	 */
	CHECK(dirty <= 16 * 512);
	pfn_free(pfn);
}

static void several_extents(void)
{
	unsigned long pfns[8], extents[8];
	long before = current_pages();

	for (int i = 0; i < 8; i++) {
		pfns[i] = pfn_alloc();
		extents[i] = p2m[pfns[i]];
	}
	CHECK_EQ(reservation(XENMEM_decrease_reservation, extents, 8, 0,
			     DOMID_SELF), 8);
	CHECK_EQ(current_pages(), before - 8);
	memcpy(extents, pfns, sizeof(pfns));
	CHECK_EQ(reservation(XENMEM_populate_physmap, extents, 8, 0,
			     DOMID_SELF), 8);
	CHECK_EQ(current_pages(), before);
	for (int i = 0; i < 8; i++) {
		CHECK_EQ(mfn_to_pfn(extents[i]), pfns[i]);
		p2m[pfns[i]] = extents[i];
		pfn_free(pfns[i]);
	}
}

/* What fails stops the list, and the count tells where. */
static void decrease_refused(void)
{
	static const unsigned long bad[] = { 1ul << 33, ~0ul, 0xfee00 };
	unsigned long extent, pair[2], pfn = pfn_alloc();
	long before = current_pages();

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		extent = bad[i];
		CHECK(reservation(XENMEM_decrease_reservation, &extent, 1, 0,
				  DOMID_SELF) <= 0);
	}
	CHECK_EQ(current_pages(), before);
	/* Whatever it says: the shared page stays. */
	extent = start_info->shared_info >> PAGE_SHIFT;
	(void)reservation(XENMEM_decrease_reservation, &extent, 1, 0,
			  DOMID_SELF);
	CHECK_EQ(current_pages(), before);
	CHECK(READ_ONCE(shared_info->wc_sec) != 0);
	pair[0] = p2m[pfn];
	pair[1] = 1ul << 33;
	CHECK_EQ(reservation(XENMEM_decrease_reservation, pair, 2, 0,
			     DOMID_SELF), 1);
	extent = pfn;
	CHECK_EQ(reservation(XENMEM_populate_physmap, &extent, 1, 0,
			     DOMID_SELF), 1);
	p2m[pfn] = extent;
	CHECK_EQ(current_pages(), before);
	pfn_free(pfn);
}

/* A frame that is still a page table cannot be lost: it stays what it is. */
static void decrease_of_a_table(void)
{
	unsigned long pfn = pfn_alloc(), mfn = p2m[pfn], extent = mfn;
	struct window w = window_get(7);
	long rc;

	PREPARE(window_set(&w, mfn_pte(mfn, PTE_ROX)));
	PREPARE(mmuext(MMUEXT_CLEAR_PAGE, mfn, 0));
	PREPARE(mmuext(MMUEXT_PIN_L1_TABLE, mfn, 0));
	rc = reservation(XENMEM_decrease_reservation, &extent, 1, 0,
			 DOMID_SELF);
	/*
	 * The original takes back its allocation and lets the frame live
	 * until the last use ends; a refusal is as good.
	 */
	CHECK_EITHER(rc, 0, 1);
	CHECK_EQ(try_write(w.va, ~0ul), 14);
	CHECK_EQ(*(volatile uint64_t *)w.va, 0);
	CHECK_REFUSED(window_set(&w, mfn_pte(mfn, PTE_RWX)));
	(void)mmuext(MMUEXT_UNPIN_TABLE, mfn, 0);
	PREPARE(window_set(&w, 0));
	if (rc == 1) {
		extent = pfn;
		CHECK_EQ(reservation(XENMEM_populate_physmap, &extent, 1, 0,
				     DOMID_SELF), 1);
		p2m[pfn] = extent;
	}
	pfn_free(pfn);
}

static void bad_reservations(void)
{
	unsigned long extent = p2m[0];

	static const int cmds[] = {
		XENMEM_decrease_reservation, XENMEM_populate_physmap,
		XENMEM_increase_reservation,
	};
	long before = current_pages();

	for (unsigned int i = 0; i < ARRAY_SIZE(cmds); i++) {
		int c = cmds[i];

		CHECK(reservation(c, &extent, 1, 63, DOMID_SELF) <= 0);
		CHECK(reservation(c, &extent, 1, 64, DOMID_SELF) <= 0);
		CHECK(reservation(c, &extent, 1, 0xffffffff, DOMID_SELF) <=
		      0);
		CHECK(reservation(c, &extent, 1, 20, DOMID_SELF) <= 0);
		CHECK(reservation(c, &extent, 1, 0, 1234) <= 0);
		CHECK(reservation(c, (void *)UNMAPPED_VA, 1, 0, DOMID_SELF)
		      <= 0);
		CHECK(reservation(c, (void *)XEN_VA, 1, 0, DOMID_SELF) <= 0);
		CHECK(reservation(c, (void *)UNMAPPED_VA, 1ul << 62, 0,
				  DOMID_SELF) <= 0);
		CHECK(reservation(c, (void *)UNMAPPED_VA, ~0ul, 0,
				  DOMID_SELF) <= 0);
		CHECK(reservation(c, (void *)0xfffffffffffff000, ~0ul >> 5, 0,
				  DOMID_SELF) <= 0);
		/* The result is a count: none is as good as an errno. */
		CHECK_EITHER(hcall_memory_op(c, UNMAPPED_VA), 0, -EFAULT);
		CHECK_EITHER(hcall_memory_op(c, XEN_VA), 0, -EFAULT);
		CHECK_EITHER(hcall_memory_op(c, NONCANONICAL), 0, -EFAULT);
	}
	/* The original keeps a frame whose number it could not tell us. */
	CHECK_EITHER(current_pages(), before, before + 1);
	CHECK_EQ(reservation(XENMEM_populate_physmap, &extent, 0, 0,
			     DOMID_SELF), 0);
}

static long exchange(unsigned long *in, unsigned long n_in,
		     unsigned int o_in, unsigned long *out,
		     unsigned long n_out, unsigned int o_out,
		     unsigned int bits, unsigned long *done)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = n_in, .extent_order = o_in,
			.domid = DOMID_SELF },
		.out = { .nr_extents = n_out, .extent_order = o_out,
			 .domid = DOMID_SELF },
	};
	long rc;

	x.in.extent_start.p = in;
	x.out.extent_start.p = out;
	x.out.mem_flags = XENMEMF_address_bits(bits);
	rc = hcall_memory_op(XENMEM_exchange, &x);
	*done = x.nr_exchanged;
	return rc;
}

/* Four frames for one contiguous piece of four, and back. */
static void exchange_for_contiguous(void)
{
	unsigned long in[4], pfns[4], out, done, base;
	long before = current_pages(), rc;

	/* Four pfns in a row, aligned to four. */
	do {
		base = pfn_alloc();
	} while (base & 3);
	for (int i = 0; i < 4; i++) {
		pfns[i] = base + (unsigned long)i;
		in[i] = p2m[pfns[i]];
	}
	out = base;
	rc = exchange(in, 4, 0, &out, 1, 2, 32, &done);
	CHECK_EITHER(rc, 0, -ENOMEM);
	CHECK_EQ(current_pages(), before);
	if (rc) {
		CHECK_EQ(done, 0);
		tap_skip("no contiguous memory");
	}
	CHECK_EQ(done, 4);
	CHECK_EQ(out & 3, 0);
	CHECK(out + 3 < 1ul << 20);
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(mfn_to_pfn(out + (unsigned long)i), pfns[i]);
		p2m[pfns[i]] = out + (unsigned long)i;
	}
	CHECK(mfn_to_pfn(in[0]) != base || in[0] == out);
	pfn_free(base);
}

static void exchange_refused(void)
{
	unsigned long pfn = pfn_alloc(), in = p2m[pfn], out = pfn, done;
	struct window w = window_get(7);
	long before = current_pages();
	unsigned long bad;

	/* Still mapped: it has a user. */
	PREPARE(window_set(&w, mfn_pte(in, PTE_RWX)));
	CHECK_REFUSED(exchange(&in, 1, 0, &out, 1, 0, 0, &done));
	CHECK_EQ(done, 0);
	PREPARE(window_set(&w, 0));
	/* Sizes that differ, orders that cannot be, counts that wrap. */
	CHECK_REFUSED(exchange(&in, 1, 0, &out, 2, 0, 0, &done));
	CHECK_REFUSED(exchange(&in, 1, 0, &out, 1, 1, 0, &done));
	CHECK_REFUSED(exchange(&in, 1, 63, &out, 1, 63, 0, &done));
	CHECK_REFUSED(exchange(&in, 1, 64, &out, 1, 64, 0, &done));
	/* With a frame that is none: a long list may be done in part. */
	bad = 1ul << 33;
	CHECK_REFUSED(exchange(&bad, 1ul << 63, 0, &out, 1ul << 62, 1, 0,
			       &done));
	CHECK_REFUSED(exchange(&bad, ~0ul, 0, &out, ~0ul, 0, 0, &done));
	CHECK_REFUSED(exchange((void *)UNMAPPED_VA, 1, 0, &out, 1, 0, 0,
			       &done));
	CHECK_REFUSED(exchange((void *)XEN_VA, 1, 0, &out, 1, 0, 0, &done));
	CHECK_REFUSED(exchange(&bad, 1, 0, &out, 1, 0, 0, &done));
	CHECK_EQ(done, 0);
	bad = start_info->shared_info >> PAGE_SHIFT;
	CHECK_REFUSED(exchange(&bad, 1, 0, &out, 1, 0, 0, &done));
	CHECK_EQ(hcall_memory_op(XENMEM_exchange, UNMAPPED_VA), -EFAULT);
	CHECK_EQ(hcall_memory_op(XENMEM_exchange, XEN_VA), -EFAULT);
	CHECK_EQ(current_pages(), before);
	CHECK_EQ(mfn_to_pfn(p2m[pfn]), pfn);
	pfn_free(pfn);
}

/* nr_exchanged comes in as hostile data (security lesson 28). */
static void exchange_count_in(void)
{
	unsigned long pfn = pfn_alloc(), in = p2m[pfn], out = pfn;
	struct xen_memory_exchange x = {
		.in = { .nr_extents = 1, .domid = DOMID_SELF },
		.out = { .nr_extents = 1, .domid = DOMID_SELF },
	};

	x.in.extent_start.p = &in;
	x.out.extent_start.p = &out;
	x.nr_exchanged = 2;
	CHECK_REFUSED(hcall_memory_op(XENMEM_exchange, &x));
	x.nr_exchanged = 1ul << 60;
	CHECK_REFUSED(hcall_memory_op(XENMEM_exchange, &x));
	x.nr_exchanged = ~0ul;
	CHECK_REFUSED(hcall_memory_op(XENMEM_exchange, &x));
	CHECK_EQ(mfn_to_pfn(p2m[pfn]), pfn);
	pfn_free(pfn);
}

static void mfn_list(void)
{
	static unsigned long list[64];
	struct xen_machphys_mfn_list m = { .max_extents = 64 };
	long rc;

	set_xen_guest_handle(m.extent_start, list);
	rc = hcall_memory_op(XENMEM_machphys_mfn_list, &m);
	if (rc == -ENOSYS || (rc == -EPERM && !is_dom0()))
		tap_skip("not offered");
	CHECK_EQ(rc, 0);
	CHECK(m.nr_extents > 0 && m.nr_extents <= 64);
	/* The hypervisor's own frames: readable for nobody by this. */
	CHECK_REFUSED(pt_write(window_get(7).entry,
			       mfn_pte(list[0], PTE_RWX)));
	set_xen_guest_handle(m.extent_start, (void *)UNMAPPED_VA);
	CHECK_EQ(hcall_memory_op(XENMEM_machphys_mfn_list, &m), -EFAULT);
}

static void unknown(void)
{
	CHECK_EQ(hcall_memory_op(63, NULL), -ENOSYS);
	CHECK_EQ(hcall_memory_op(62, NULL), -ENOSYS);
	CHECK_EQ(hcall_memory_op(3 | 1 << 5 | 1 << 4, NULL), -ENOSYS);
}

/* The upper bits of the command are where a call would go on: hostile. */
static void start_extent_given(void)
{
	unsigned long extent = p2m[pfn_alloc()];
	long before = current_pages();

	CHECK(reservation(XENMEM_decrease_reservation | 5 << 6, &extent, 1, 0,
			  DOMID_SELF) != 1);
	CHECK(reservation(XENMEM_populate_physmap | 0x7fffff << 6, &extent,
			  1, 0, DOMID_SELF) != 1);
	CHECK_EQ(current_pages(), before);
	pfn_free(mfn_to_pfn(extent));
}

static const struct test_case cases[] = {
	{ "sizes", sizes },
	{ "machphys_mapping", machphys_mapping },
	{ "machine_memory_map", machine_memory_map },
	{ "memory_map", memory_map },
	{ "decrease and populate", decrease_and_populate },
	{ "populated frames", populated_frame_is_clean },
	{ "several extents", several_extents },
	{ "decrease refused", decrease_refused },
	{ "decrease of a table", decrease_of_a_table },
	{ "bad reservations", bad_reservations },
	{ "exchange for a contiguous piece", exchange_for_contiguous },
	{ "exchange refused", exchange_refused },
	{ "exchange with a count given", exchange_count_in },
	{ "machphys_mfn_list", mfn_list },
	{ "unknown sub-operations", unknown },
	{ "a start extent given", start_extent_given },
};

TEST_PROGRAM(memory, "memory_op", cases);
