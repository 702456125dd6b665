/*
 * grant/: who may have which frame, and that letting go leaves nothing. The
 * granter is hostile: it changes its entries at every moment, and dies; so is
 * the mapper. What must never be: a grant that looks free while somebody can
 * still reach the frame; a frame or a reference left when both are gone.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#define sched_yield hv_sched_yield /* ours; pthread.h brings another */
#include "world.h"
#include "mm.h"
#include "../grant/table.h"

#define VA(n) ((uint64_t)(n) * PAGE_SIZE)
#define IN_USE (GTF_reading | GTF_writing)

static struct domain *m, *g; /* mapper, privileged; granter */
static volatile struct grant_entry_v1 *table; /* g's first frame */
static mfn_t page[4]; /* g's */

static volatile struct grant_entry_v1 *table_of(struct domain *d)
{
	mfn_t mfn;

	assert_int_equal(grant_frame(d, 0, &mfn), 0);
	return world_virt(mfn);
}

/* @d lets @to have @mfn under @ref. */
static void grant(volatile struct grant_entry_v1 *t, uint32_t ref,
		  uint16_t to, mfn_t mfn, uint16_t flags)
{
	t[ref].domid = to;
	t[ref].frame = mfn.n;
	t[ref].flags = GTF_permit_access | flags;
}

static int setup(void **state)
{
	unsigned int i;

	m = world_domain(0, 2, true);
	g = world_domain(1, 2, false);
	(void)world_l1(m);
	table = table_of(g);
	for (i = 0; i < 4; i++) {
		page[i] = world_page(g);
		grant(table, i, 0, page[i], 0);
	}
	world_run(m, 0);
	return 0;
}

static int teardown(void **state)
{
	world_end();
	return 0;
}

/* --- short forms, as the running vCPU --- */

static int map_as(uint16_t dom, uint32_t ref, uint64_t addr, uint32_t flags,
		  uint32_t *handle)
{
	struct gnttab_map_grant_ref op = {
		.host_addr = addr, .flags = flags, .ref = ref, .dom = dom,
	};
	int status = grant_map(&op);

	*handle = op.handle;
	if (status == GNTST_okay)
		assert_int_not_equal(op.dev_bus_addr, 0);
	return status;
}

static uint32_t map(uint32_t ref, uint64_t addr, uint32_t flags)
{
	uint32_t handle;

	assert_int_equal(map_as(1, ref, addr, flags, &handle), GNTST_okay);
	return handle;
}

static int unmap2(uint32_t handle, uint64_t host, uint64_t dev)
{
	struct unmap u = { .op.host_addr = host, .op.dev_bus_addr = dev,
			   .op.handle = handle };

	grant_unmap_batch(&u, 1);
	return u.op.status;
}

static int unmap(uint32_t handle, uint64_t host)
{
	return unmap2(handle, host, 0);
}

static uint64_t pte_addr(uint64_t va)
{
	return mfn_paddr(world_l1(m)) + (va >> PAGE_SHIFT) * 8;
}

/* --- mapping --- */

static void map_and_unmap(void **state)
{
	uint32_t h = map(0, VA(5), GNTMAP_host_map);
	uint64_t pte = world_pte(m, VA(5));

	assert_int_equal(pte_mfn(pte).n, page[0].n);
	assert_int_equal(pte & (PTE_P | PTE_RW | PTE_US),
			 PTE_P | PTE_RW | PTE_US);
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	assert_int_equal(world_refs(page[0]), 3); /* its own, pin, entry */
	assert_int_equal(frame_type(frame_of(page[0])), TYPE_WRITABLE);
	assert_int_equal(g->refs, 2 + 1 + 4 + 1); /* with the mapping's */
	assert_int_equal(unmap(h, VA(5)), GNTST_okay);
	assert_int_equal(world_pte(m, VA(5)), 0);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(world_refs(page[0]), 1);
	assert_int_equal(frame_type(frame_of(page[0])), TYPE_NONE);
	assert_int_equal(unmap(h, VA(5)), GNTST_bad_handle);
}

static void read_only(void **state)
{
	uint32_t h, w;

	grant(table, 0, 0, page[0], GTF_readonly);
	assert_int_equal(map_as(1, 0, VA(1), GNTMAP_host_map, &h),
			 GNTST_general_error);
	assert_int_equal(table[0].flags & IN_USE, 0);
	h = map(0, VA(1), GNTMAP_host_map | GNTMAP_readonly);
	assert_int_equal(world_pte(m, VA(1)) & PTE_RW, 0);
	assert_int_equal(table[0].flags & IN_USE, GTF_reading);
	assert_int_equal(frame_type(frame_of(page[0])), TYPE_NONE);
	/* made writable meanwhile: a second one may write, the first not */
	grant(table, 0, 0, page[0], GTF_reading);
	w = map(0, VA(2), GNTMAP_host_map);
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	assert_int_equal(unmap(w, VA(2)), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, GTF_reading);
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, 0);
}

static void by_pte_address(void **state)
{
	const uint32_t flags = GNTMAP_host_map | GNTMAP_contains_pte |
			       1u << _GNTMAP_guest_avail0;
	uint32_t h = map(0, pte_addr(VA(9)), flags);

	assert_int_equal(pte_mfn(world_pte(m, VA(9))).n, page[0].n);
	assert_int_equal(world_pte(m, VA(9)) & PTE_AVAIL, 0x200);
	/* not a virtual address, and not somewhere else */
	assert_int_equal(unmap(h, VA(9)), GNTST_general_error);
	assert_int_equal(unmap(h, pte_addr(VA(9)) + 4), GNTST_general_error);
	assert_int_equal(unmap(h, pte_addr(VA(8))), GNTST_general_error);
	assert_int_equal(unmap(h, mfn_paddr(page[0])), GNTST_general_error);
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	assert_int_equal(unmap(h, pte_addr(VA(9))), GNTST_okay);
}

/* Rows: how an entry or a request may be wrong; none leaves a trace. */
static void map_refusals(void **state)
{
	const mfn_t mine = world_page(m), l1 = world_page(g);
	static const uint16_t types[] = {
		GTF_invalid, GTF_accept_transfer, GTF_transitive,
	};
	const uint32_t host = GNTMAP_host_map;
	uint32_t h, i;
	struct frame *f;

	assert_int_equal(map_as(5, 0, VA(1), host, &h), GNTST_bad_domain);
	assert_int_equal(map_as(1, 512, VA(1), host, &h), GNTST_bad_gntref);
	assert_int_equal(map_as(1, ~0u, VA(1), host, &h), GNTST_bad_gntref);
	assert_int_equal(map_as(1, 0, VA(1), 0, &h), GNTST_bad_gntref);
	assert_int_equal(map_as(1, 0, VA(512), host, &h),
			 GNTST_bad_virt_addr);
	assert_int_equal(map_as(1, 0, VA(1), host | GNTMAP_contains_pte, &h),
			 GNTST_bad_virt_addr);
	assert_int_equal(map_as(1, 0, mfn_paddr(mine), host |
				GNTMAP_contains_pte, &h), GNTST_bad_virt_addr);
	for (i = 0; i < ARRAY_SIZE(types); i++) {
		table[0].flags = types[i];
		assert_int_equal(map_as(1, 0, VA(1), host, &h),
				 GNTST_general_error);
		assert_int_equal(table[0].flags, types[i]);
	}
	grant(table, 0, 1, page[0], 0); /* for somebody else */
	assert_int_equal(map_as(1, 0, VA(1), host, &h), GNTST_general_error);
	grant(table, 0, 0, mine, 0); /* not the granter's */
	assert_int_equal(map_as(1, 0, VA(1), host, &h), GNTST_bad_page);
	grant(table, 0, 0, MFN(0xfffffff), 0);
	assert_int_equal(map_as(1, 0, VA(1), host, &h), GNTST_bad_page);
	grant(table, 0, 0, l1, 0); /* a page table: readable, not writable */
	assert_int_equal(frame_get_as(g, l1, TYPE_L1, &f), 0);
	assert_int_equal(map_as(1, 0, VA(1), host, &h), GNTST_general_error);
	assert_int_equal(map_as(1, 0, VA(1), GNTMAP_device_map, &h),
			 GNTST_general_error);
	assert_int_equal(table[0].flags & IN_USE, 0);
	h = map(0, VA(1), host | GNTMAP_readonly);
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	frame_put_as(f);
	assert_int_equal(world_pte(m, VA(1)), 0);
	assert_int_equal(world_refs(page[0]), 1);
}

/* What is mapped for writing cannot become a page table. */
static void mapped_is_no_table(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_device_map);
	struct frame *f;

	assert_int_equal(frame_get_as(g, page[0], TYPE_L1, &f), -EBUSY);
	assert_int_equal(unmap2(h, 0, mfn_paddr(page[0])), GNTST_okay);
	memset(world_virt(page[0]), 0, PAGE_SIZE);
	assert_int_equal(frame_get_as(g, page[0], TYPE_L1, &f), 0);
	frame_put_as(f);
}

/* Host and device parts go one by one; the pin with the last of them. */
static void parts(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map | GNTMAP_device_map);
	uint64_t pa = mfn_paddr(page[0]);

	assert_int_equal(unmap2(h, VA(1), pa + PAGE_SIZE),
			 GNTST_bad_dev_addr);
	assert_int_not_equal(world_pte(m, VA(1)), 0);
	assert_int_equal(unmap2(h, VA(1), 0), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	assert_int_equal(frame_type(frame_of(page[0])), TYPE_WRITABLE);
	assert_int_equal(unmap2(h, VA(1), 0), GNTST_okay); /* nothing there */
	assert_int_equal(unmap2(h, 0, 0), GNTST_okay);
	assert_int_equal(unmap2(h, 0, pa), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(unmap2(h, 0, pa), GNTST_bad_handle);
	h = map(1, VA(1), GNTMAP_host_map | GNTMAP_device_map);
	assert_int_equal(unmap2(h, VA(1), mfn_paddr(page[1])), GNTST_okay);
	assert_int_equal(world_refs(page[1]), 1);
}

/* The entry found must be the entry made. */
static void unmap_refusals(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map);
	uint32_t r = map(1, VA(2), GNTMAP_host_map | GNTMAP_readonly);
	uint64_t *l1 = world_virt(world_l1(m));

	assert_int_equal(unmap(~0u, VA(1)), GNTST_bad_handle);
	assert_int_equal(unmap(512, VA(1)), GNTST_bad_handle);
	assert_int_equal(unmap(r + 1, VA(1)), GNTST_bad_handle);
	assert_int_equal(unmap(h, VA(2)), GNTST_general_error);
	assert_int_equal(unmap(h, VA(3)), GNTST_general_error);
	assert_int_equal(unmap(h, VA(1) | 1UL << 63), GNTST_general_error);
	l1[2] |= PTE_RW; /* as if it had been */
	assert_int_equal(unmap(r, VA(2)), GNTST_general_error);
	l1[2] &= ~PTE_RW;
	assert_int_equal(unmap(r, VA(2)), GNTST_okay);
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
}

/* --- a hostile granter --- */

/* The entry changes while pinned: it means what was pinned. */
static void entry_changes(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map), h2;

	table[0].frame = page[1].n;
	h2 = map(0, VA(2), GNTMAP_host_map);
	assert_int_equal(pte_mfn(world_pte(m, VA(2))).n, page[0].n);
	table[0].domid = 5;
	table[0].flags = 0;
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	assert_int_equal(world_refs(page[0]), 3);
	assert_int_equal(unmap(h2, VA(2)), GNTST_okay);
	assert_int_equal(world_refs(page[0]), 1);
	assert_int_equal(world_refs(page[1]), 1);
	assert_int_equal(table[0].flags, 0);
}

/* Pinned by one, the entry now names another: he waits. */
static void another_mapper(void **state)
{
	struct domain *third = world_domain(2, 1, false);
	uint32_t h = map(0, VA(1), GNTMAP_host_map), h2;

	(void)world_l1(third);
	table[0].domid = 2;
	world_run(third, 0);
	assert_int_equal(map_as(1, 0, VA(1), GNTMAP_host_map, &h2),
			 GNTST_general_error);
	world_run(m, 0);
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	world_run(third, 0);
	assert_int_equal(map_as(1, 0, VA(1), GNTMAP_host_map, &h2), 0);
	assert_int_equal(unmap(h2, VA(1)), GNTST_okay);
}

/* The granter gives the page away while it is mapped. */
static void page_given_back(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map);
	uint64_t free_before = world_free_pages();
	struct frame *f = frame_get(g, page[0]);

	assert_int_equal(frame_release(f), 0);
	frame_put(f);
	assert_int_equal(world_free_pages(), free_before);
	assert_int_equal(world_refs(page[0]), 2);
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	assert_int_equal(world_free_pages(), free_before + 1);
}

static void pins_overflow(void **state)
{
	uint32_t h[255], more;
	unsigned int i;

	for (i = 0; i < 255; i++)
		h[i] = map(0, VA(i + 1), GNTMAP_host_map);
	assert_int_equal(map_as(1, 0, VA(300), GNTMAP_host_map, &more),
			 GNTST_no_space);
	more = map(0, VA(300), GNTMAP_host_map | GNTMAP_readonly);
	assert_int_equal(unmap(more, VA(300)), GNTST_okay);
	for (i = 0; i < 255; i++)
		assert_int_equal(unmap(h[i], VA(i + 1)), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, 0);
}

static void handles_run_out(void **state)
{
	uint32_t h[512], more;
	unsigned int i;

	for (i = 0; i < 512; i++)
		h[i] = map(i % 4, VA(i), GNTMAP_host_map);
	assert_int_equal(map_as(1, 0, VA(0), GNTMAP_host_map, &more),
			 GNTST_no_space);
	assert_int_equal(unmap(h[77], VA(77)), GNTST_okay);
	assert_int_equal(map(0, VA(77), GNTMAP_host_map), h[77]);
	/* the rest is for the end of the domain */
}

/* Many at once, then none: what they took comes back. */
static void records_come_back(void **state)
{
	uint64_t before = world_free_pages();
	uint32_t h[300], last;
	unsigned int i;

	for (i = 0; i < 300; i++)
		h[i] = map(i % 4, VA(i + 1), GNTMAP_host_map);
	assert_int_equal(world_free_pages(), before - 1);
	for (i = 0; i < 300; i++)
		assert_int_equal(unmap(h[i], VA(i + 1)), GNTST_okay);
	assert_int_equal(world_free_pages(), before);
	assert_int_equal(unmap(h[299], VA(300)), GNTST_bad_handle);
	last = map(0, VA(1), GNTMAP_host_map);
	assert_true(last < 256);
	assert_int_equal(unmap(last, VA(1)), GNTST_okay);
}

/* --- order of letting go --- */

static unsigned int flushes;

static void at_flush(struct domain *d)
{
	assert_ptr_equal(d, m);
	assert_int_equal(world_pte(m, VA(1)), 0);
	assert_int_equal(world_pte(m, VA(2)), 0);
	/* the granter must not think that it is over, nor lose the page */
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	assert_int_equal(table[1].flags & IN_USE, GTF_reading);
	assert_true(world_refs(page[0]) >= 2);
	assert_int_equal(grant_pinned(g, 0) == frame_of(page[0]), 1);
	flushes++;
}

static void flush_before_pin(void **state)
{
	const uint32_t host = GNTMAP_host_map;
	struct unmap u[3] = {
		{ .op.host_addr = VA(1), .op.handle = map(0, VA(1), host) },
		{ .op.host_addr = VA(9), .op.handle = 400 },
		{ .op.host_addr = VA(2),
		  .op.handle = map(1, VA(2), host | GNTMAP_readonly) },
	};

	flushes = 0;
	world_flush = at_flush;
	grant_unmap_batch(u, 3);
	assert_int_equal(flushes, 1);
	assert_int_equal(u[0].op.status, GNTST_okay);
	assert_int_equal(u[1].op.status, GNTST_bad_handle);
	assert_int_equal(u[2].op.status, GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(table[1].flags & IN_USE, 0);
}

/* The same handle twice in a batch: the second finds it in work. */
static void twice_in_a_batch(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map);
	struct unmap u[2] = {
		{ .op.host_addr = VA(1), .op.handle = h },
		{ .op.host_addr = VA(1), .op.handle = h },
	};

	grant_unmap_batch(u, 2);
	assert_int_equal(u[0].op.status, GNTST_okay);
	assert_int_equal(u[1].op.status, GNTST_bad_handle);
	assert_int_equal(world_refs(page[0]), 1);
}

/* The guest overwrote the entry: its own loss, until it ends. */
static void entry_overwritten(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map);
	uint64_t *t = frame_virt(frame_of(world_l1(m)));

	assert_int_equal(l1_cmpxchg(m, t + 1, world_pte(m, VA(1)), 0), 0);
	assert_int_equal(world_refs(page[0]), 2);
	assert_int_equal(unmap(h, VA(1)), GNTST_general_error);
	assert_int_equal(table[0].flags & IN_USE, IN_USE);
	world_kill(m);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(world_refs(page[0]), 1);
}

/* --- ends --- */

static void mapper_dies(void **state)
{
	(void)map(0, VA(1), GNTMAP_host_map | GNTMAP_device_map);
	(void)map(1, VA(2), GNTMAP_device_map);
	(void)map(2, VA(3), GNTMAP_host_map | GNTMAP_readonly);
	world_kill(m);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(table[1].flags & IN_USE, 0);
	assert_int_equal(table[2].flags & IN_USE, 0);
	assert_int_equal(world_refs(page[0]), 1);
	assert_int_equal(world_refs(page[1]), 1);
	assert_int_equal(m->refs, 0);
}

static void granter_dies(void **state)
{
	uint32_t h = map(0, VA(1), GNTMAP_host_map), h2;
	uint32_t dev = map(1, VA(2), GNTMAP_device_map);
	mfn_t mfn;

	world_kill(g);
	assert_int_not_equal(g->refs, 0); /* a page, a table, mappings */
	assert_int_equal(map_as(1, 2, VA(3), GNTMAP_host_map, &h2),
			 GNTST_bad_domain);
	assert_int_equal(grant_frame(g, 0, &mfn), -ESRCH);
	memset(world_virt(page[0]), 1, PAGE_SIZE); /* still a page */
	assert_int_equal(unmap(h, VA(1)), GNTST_okay);
	assert_int_equal(unmap2(dev, 0, mfn_paddr(page[1])), GNTST_okay);
	assert_int_equal(g->refs, 0);
}

static void both_die(void **state)
{
	(void)map(0, VA(1), GNTMAP_host_map);
	(void)map(1, VA(2), GNTMAP_device_map | GNTMAP_host_map);
	world_kill(g);
	world_kill(m);
	assert_int_equal(g->refs, 0);
	assert_int_equal(m->refs, 0);
}

static void own_grants(void **state)
{
	volatile struct grant_entry_v1 *t = table_of(m);
	mfn_t mine = world_page(m);
	uint32_t h;

	grant(t, 3, 0, mine, 0);
	assert_int_equal(map_as(DOMID_SELF, 3, VA(1), GNTMAP_host_map, &h),
			 0);
	assert_int_equal(pte_mfn(world_pte(m, VA(1))).n, mine.n);
	world_kill(m); /* maps its own, and ends */
	assert_int_equal(m->refs, 0);
}

/* --- table --- */

static void growing(void **state)
{
	uint64_t before = world_free_pages();
	mfn_t mfn, again;

	assert_int_equal(grant_frame(g, 4, &mfn), -EINVAL);
	assert_int_equal(g->grant.frames, 1);
	assert_int_equal(g->grant.max_frames, 4);
	assert_int_equal(grant_frame(g, 3, &mfn), 0);
	assert_int_equal(grant_frame(g, 3, &again), 0);
	assert_int_equal(mfn.n, again.n);
	assert_int_equal(g->grant.frames, 4);
	assert_int_equal(world_free_pages(), before - 6);
	assert_int_equal(((uint64_t *)world_virt(mfn))[511], 0);
	grant(table, 0, 0, page[0], 0);
}

/* --- copy --- */

static struct gnttab_copy copy_op(bool from_grant, bool to_grant, mfn_t own,
				  uint32_t ref)
{
	struct gnttab_copy c = { .len = 100 };

	c.flags = (from_grant ? GNTCOPY_source_gref : 0) |
		  (to_grant ? GNTCOPY_dest_gref : 0);
	c.source.domid = from_grant ? 1 : DOMID_SELF;
	c.dest.domid = to_grant ? 1 : DOMID_SELF;
	if (from_grant)
		c.source.u.ref = ref;
	else
		c.source.u.gmfn = own.n;
	if (to_grant)
		c.dest.u.ref = ref;
	else
		c.dest.u.gmfn = own.n;
	return c;
}

static void copies(void **state)
{
	mfn_t mine = world_page(m);
	struct gnttab_copy c = copy_op(true, false, mine, 0);

	memset(world_virt(page[0]), 7, PAGE_SIZE);
	c.source.offset = 4000;
	c.len = 96;
	c.dest.offset = 10;
	assert_int_equal(grant_copy(&c), GNTST_okay);
	assert_int_equal(((uint8_t *)world_virt(mine))[9], 0);
	assert_int_equal(((uint8_t *)world_virt(mine))[10], 7);
	assert_int_equal(((uint8_t *)world_virt(mine))[105], 7);
	assert_int_equal(((uint8_t *)world_virt(mine))[106], 0);
	c = copy_op(false, true, mine, 1);
	assert_int_equal(grant_copy(&c), GNTST_okay);
	assert_int_equal(((uint8_t *)world_virt(page[1]))[10], 7);
	c.len = PAGE_SIZE;
	assert_int_equal(grant_copy(&c), GNTST_okay);
	c.len = 0;
	assert_int_equal(grant_copy(&c), GNTST_okay);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(table[1].flags & IN_USE, 0);
	assert_int_equal(world_refs(page[0]), 1);
	assert_int_equal(world_refs(page[1]), 1);
	assert_int_equal(world_refs(mine), 1);
}

static void copy_refusals(void **state)
{
	mfn_t mine = world_page(m);
	struct gnttab_copy c = copy_op(true, false, mine, 0);

	c.source.offset = PAGE_SIZE - 99;
	assert_int_equal(grant_copy(&c), GNTST_bad_copy_arg);
	c.source.offset = 0;
	c.dest.offset = PAGE_SIZE - 99;
	assert_int_equal(grant_copy(&c), GNTST_bad_copy_arg);
	c.dest.offset = 0xffff;
	c.len = 0xffff;
	assert_int_equal(grant_copy(&c), GNTST_bad_copy_arg);
	c = copy_op(true, false, world_l1(m), 0); /* into a page table */
	assert_int_equal(grant_copy(&c), GNTST_bad_page);
	c = copy_op(false, true, world_l1(m), 0); /* out of one is fine */
	assert_int_equal(grant_copy(&c), GNTST_okay);
	c = copy_op(true, false, page[0], 0); /* not one's own */
	assert_int_equal(grant_copy(&c), GNTST_bad_page);
	c = copy_op(false, false, mine, 0);
	c.source.domid = 1; /* frames of others by grant only */
	assert_int_equal(grant_copy(&c), GNTST_permission_denied);
	c = copy_op(true, false, mine, 0);
	c.source.domid = 5;
	assert_int_equal(grant_copy(&c), GNTST_bad_domain);
	c = copy_op(true, false, mine, 99999);
	assert_int_equal(grant_copy(&c), GNTST_bad_gntref);
	grant(table, 0, 0, page[0], GTF_readonly);
	c = copy_op(false, true, mine, 0);
	assert_int_equal(grant_copy(&c), GNTST_general_error);
	assert_int_equal(table[0].flags & IN_USE, 0);
	assert_int_equal(world_refs(mine), 1);
}

/* --- several CPUs --- */

static bool stop;

/* The granter on its own CPU: entries never stand still. */
static void *fickle_granter(void *arg)
{
	unsigned int seed = 5, i;

	host_cpu = &cpus[1];
	world_run(g, 0);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		i = rand_r(&seed) % 4;
		switch (rand_r(&seed) % 5) {
		case 0:
			table[i].frame = page[rand_r(&seed) % 4].n;
			break;
		case 1:
			table[i].domid = rand_r(&seed) % 2;
			break;
		case 2:
			table[i].flags = rand_r(&seed);
			break;
		default:
			grant(table, i, 0, page[i], 0);
		}
	}
	return NULL;
}

/* Another vCPU of the mapper guesses handles. */
static void *second_mapper(void *arg)
{
	unsigned int seed = 9;

	host_cpu = &cpus[2];
	world_run(m, 1);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST))
		(void)unmap2(rand_r(&seed) % 40, VA(1 + rand_r(&seed) % 20),
			     0);
	return NULL;
}

static void races(void **state)
{
	mfn_t mine = world_page(m);
	unsigned int i, seed = 2, n;
	struct gnttab_copy c;
	pthread_t t[2];
	uint32_t h;

	stop = false;
	pthread_create(&t[0], NULL, fickle_granter, NULL);
	pthread_create(&t[1], NULL, second_mapper, NULL);
	for (i = 0; i < 100000; i++) {
		n = 1 + rand_r(&seed) % 20;
		switch (rand_r(&seed) % 3) {
		case 0:
			(void)map_as(1, rand_r(&seed) % 4, VA(n),
				     GNTMAP_host_map | (n & GNTMAP_readonly),
				     &h);
			break;
		case 1:
			(void)unmap(rand_r(&seed) % 40, VA(n));
			break;
		default:
			c = copy_op(n & 1, !(n & 1), mine, n % 4);
			(void)grant_copy(&c);
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	/* whatever they left, one end or the other finds it */
	world_kill(rand_r(&seed) % 2 ? m : g);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(map_and_unmap), TEST(read_only), TEST(by_pte_address),
		TEST(map_refusals), TEST(mapped_is_no_table), TEST(parts),
		TEST(unmap_refusals), TEST(entry_changes),
		TEST(another_mapper), TEST(page_given_back),
		TEST(pins_overflow), TEST(handles_run_out),
		TEST(records_come_back),
		TEST(flush_before_pin), TEST(twice_in_a_batch),
		TEST(entry_overwritten), TEST(mapper_dies),
		TEST(granter_dies), TEST(both_die), TEST(own_grants),
		TEST(growing), TEST(copies), TEST(copy_refusals),
		TEST(races),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("grant", tests, NULL, NULL);
}
