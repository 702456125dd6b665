/*
 * grant_table_op on the domain's own grants: setup, query, map, unmap, copy,
 * and what must not work. Rules: <xen/grant_table.h>: the call returns 0 and
 * each element has its status; an entry in use shows GTF_reading or
 * GTF_writing until the last use ends; a map is undone by the handle that it
 * gave. References out of range, reused, of a wrong kind or for somebody else
 * are refused with a negative status each (security lessons 41-53).
 */
#include "tables.h"

#define grant_op(op, arg, n) hcall_grant_table_op(op, arg, n)
#define FIRST_REF 20u
#define SPOILT_REF 25u	/* of no use after one of the cases */

static struct grant_entry_v1 *table;
static unsigned int entries;

static struct window map_window(void)
{
	return window_get(20);
}

/* The table's frames, mapped below TEST_VA once for all. */
static void setup(void)
{
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 4 };
	xen_pfn_t frames[4];

	if (table)
		return;
	set_xen_guest_handle(s.frame_list, frames);
	PREPARE(grant_op(GNTTABOP_setup_table, &s, 1));
	if (s.status != GNTST_okay)
		tap_error("setup_table: %d", s.status);
	for (unsigned int i = 0; i < 4; i++) {
		struct window w = window_get(30 + i);

		PREPARE(window_set(&w, mfn_pte(frames[i], PTE_RWX)));
	}
	table = (struct grant_entry_v1 *)(TEST_VA + (30ul << PAGE_SHIFT));
	entries = 4 * PAGE_SIZE / sizeof(*table);
}

static domid_t self_id(void)
{
	static domid_t id = DOMID_INVALID;
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	struct evtchn_status s = { .dom = DOMID_SELF };
	struct evtchn_close c;

	if (id != DOMID_INVALID)
		return id;
	/* What "self" is: the status of an unbound port tells. */
	PREPARE(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a));
	s.port = c.port = a.port;
	PREPARE(hcall_event_channel_op(EVTCHNOP_status, &s));
	hcall_event_channel_op(EVTCHNOP_close, &c);
	id = s.u.unbound.dom;
	return id;
}

static void grant(grant_ref_t ref, unsigned long frame, uint16_t flags)
{
	setup();
	table[ref].domid = self_id();
	table[ref].frame = (uint32_t)frame;
	/* The flags last: they make the entry valid. */
	barrier();
	WRITE_ONCE(table[ref].flags, GTF_permit_access | flags);
}

static void ungrant(grant_ref_t ref)
{
	WRITE_ONCE(table[ref].flags, 0);
}

static struct gnttab_map_grant_ref map(grant_ref_t ref, uint32_t flags,
				       uint64_t where)
{
	struct gnttab_map_grant_ref m = {
		.host_addr = where, .flags = flags, .ref = ref,
		.dom = self_id(),
	};

	m.status = 77;
	CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	return m;
}

static int unmap(uint64_t where, grant_handle_t handle)
{
	struct gnttab_unmap_grant_ref u = {
		.host_addr = where, .handle = handle,
	};

	u.status = 77;
	CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, &u, 1), 0);
	return u.status;
}

static void setup_and_query(void)
{
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 0 };
	struct gnttab_query_size q = { .dom = DOMID_SELF };
	xen_pfn_t frames[4];

	setup();
	CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
	CHECK_EQ(q.status, GNTST_okay);
	CHECK(q.nr_frames >= 4);
	CHECK(q.max_nr_frames >= q.nr_frames);
	set_xen_guest_handle(s.frame_list, frames);
	CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
	CHECK_EQ(s.status, GNTST_okay);
	s.nr_frames = 1000000;
	CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
	CHECK(s.status < 0);
	s.nr_frames = 0xffffffff;
	CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
	CHECK(s.status < 0);
	s.nr_frames = 1;
	s.dom = 1234;
	CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 1), 0);
	CHECK(s.status < 0);
	q.dom = 1234;
	CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 1), 0);
	CHECK(q.status < 0);
	CHECK_EQ(grant_op(GNTTABOP_setup_table, &s, 2), -EINVAL);
	CHECK_EQ(grant_op(GNTTABOP_query_size, &q, 2), -EINVAL);
}

static void frame_list_refused(void)
{
	struct gnttab_setup_table s = { .dom = DOMID_SELF, .nr_frames = 1 };

	set_xen_guest_handle(s.frame_list, (void *)UNMAPPED_VA);
	CHECK(grant_op(GNTTABOP_setup_table, &s, 1) < 0 || s.status < 0);
	s.status = 0;
	set_xen_guest_handle(s.frame_list, (void *)XEN_VA);
	CHECK(grant_op(GNTTABOP_setup_table, &s, 1) < 0 || s.status < 0);
}

static void map_and_unmap(void)
{
	struct window w = map_window();
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m;

	grant(FIRST_REF, virt_to_mfn(page), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	*(volatile uint64_t *)w.va = 0x1234;
	CHECK_EQ(page[0], 0x1234);
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing),
		 GTF_reading | GTF_writing);
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	CHECK_EQ(try_read(w.va, NULL), 14);
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing), 0);
	/* The handle is spent. */
	CHECK(unmap(w.va, m.handle) < 0);
	ungrant(FIRST_REF);
	page_free(page);
}

static void map_read_only(void)
{
	struct window w = map_window();
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m;

	page[0] = 5;
	grant(FIRST_REF, virt_to_mfn(page), GTF_readonly);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	CHECK(m.status < 0);
	m = map(FIRST_REF, GNTMAP_host_map | GNTMAP_readonly, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	CHECK_EQ(*(volatile uint64_t *)w.va, 5);
	CHECK_EQ(try_write(w.va, 1), 14);
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing),
		 GTF_reading);
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	ungrant(FIRST_REF);
	page_free(page);
}

/* Linux's form: the address is that of the PTE, in machine memory. */
static void map_by_pte(void)
{
	struct window w = map_window();
	uint64_t *page = page_alloc(), pte = virt_to_maddr(w.entry);
	uint32_t flags = GNTMAP_host_map | GNTMAP_contains_pte |
			 GNTMAP_application_map;
	struct gnttab_map_grant_ref m;

	grant(FIRST_REF, virt_to_mfn(page), 0);
	m = map(FIRST_REF, flags, pte);
	REQUIRE_EQ(m.status, GNTST_okay);
	*(volatile uint64_t *)w.va = 0x4321;
	CHECK_EQ(page[0], 0x4321);
	CHECK_EQ(unmap(pte, m.handle), GNTST_okay);
	CHECK_EQ(*w.entry, 0);
	/* Not aligned, not a page table, not there. */
	CHECK(map(FIRST_REF, flags, pte + 4).status < 0);
	CHECK(map(FIRST_REF, flags, pte + 1).status < 0);
	CHECK(map(FIRST_REF, flags, virt_to_maddr(page)).status < 0);
	CHECK(map(FIRST_REF, flags, 1ul << 45).status < 0);
	CHECK(map(FIRST_REF, flags, ~7ul).status < 0);
	CHECK(map(FIRST_REF, flags, virt_to_maddr(pt_entry(w.va, 2))).status <
	      0);
	CHECK_EQ(page[1], 0);
	ungrant(FIRST_REF);
	page_free(page);
}

static void twice_mapped(void)
{
	struct window w = map_window(), v = window_get(21);
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m, n;

	grant(FIRST_REF, virt_to_mfn(page), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	n = map(FIRST_REF, GNTMAP_host_map | GNTMAP_readonly, v.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	REQUIRE_EQ(n.status, GNTST_okay);
	CHECK(m.handle != n.handle);
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	/* One reader is left. */
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing),
		 GTF_reading);
	CHECK_EQ(unmap(v.va, n.handle), GNTST_okay);
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing), 0);
	ungrant(FIRST_REF);
	page_free(page);
}

static void map_refused(void)
{
	static const uint32_t refs[] = {
		100000, 0x7fffffff, 0x80000000, 0xffffffff,
	};
	struct window w = map_window();
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m;

	setup();
	for (unsigned int i = 0; i < ARRAY_SIZE(refs); i++)
		CHECK(map(refs[i], GNTMAP_host_map, w.va).status < 0);
	CHECK(map(entries - 1, GNTMAP_host_map, w.va).status < 0);
	/* For somebody else. */
	grant(FIRST_REF, virt_to_mfn(page), 0);
	table[FIRST_REF].domid = 1234;
	CHECK(map(FIRST_REF, GNTMAP_host_map, w.va).status < 0);
	/* Of a domain that is not. */
	m = (struct gnttab_map_grant_ref){ .host_addr = w.va, .dom = 1234,
					   .ref = FIRST_REF,
					   .flags = GNTMAP_host_map };
	CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, &m, 1), 0);
	CHECK_EQ(m.status, GNTST_bad_domain);
	/* No way asked for, and addresses without a table. */
	grant(FIRST_REF, virt_to_mfn(page), 0);
	CHECK(map(FIRST_REF, 0, w.va).status < 0);
	CHECK(map(FIRST_REF, GNTMAP_host_map, UNMAPPED_VA).status < 0);
	CHECK(map(FIRST_REF, GNTMAP_host_map, XEN_VA).status < 0);
	CHECK(map(FIRST_REF, GNTMAP_host_map, XEN_RO_VA).status < 0);
	CHECK(map(FIRST_REF, GNTMAP_host_map, NONCANONICAL).status < 0);
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing), 0);
	CHECK_EQ(*w.entry, 0);
	/* It can be taken back: nobody uses it. */
	ungrant(FIRST_REF);
	CHECK(map(FIRST_REF, GNTMAP_host_map, w.va).status < 0);
	page_free(page);
}

/* A grant of a frame that must not become writable: not by this way. */
static void map_of_tables_refused(void)
{
	struct window w = map_window();
	unsigned long frames[] = {
		virt_to_mfn(kernel_l4()),
		virt_to_mfn((void *)((unsigned long)w.entry & ~4095ul)),
		1ul << 31, 0xfee00,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(frames); i++) {
		grant(FIRST_REF, frames[i], 0);
		CHECK(map(FIRST_REF, GNTMAP_host_map, w.va).status < 0);
		CHECK_EQ(table[FIRST_REF].flags &
			 (GTF_reading | GTF_writing), 0);
		CHECK_EQ(*w.entry, 0);
		ungrant(FIRST_REF);
	}
}

/* While it is mapped the frame cannot become a table; afterwards it can. */
static void mapped_is_no_table(void)
{
	struct window w = map_window();
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m;

	grant(FIRST_REF, virt_to_mfn(page), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	PREPARE(page_set_ro(page));
	CHECK_REFUSED(page_pin(page, MMUEXT_PIN_L1_TABLE));
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	CHECK_EQ(page_pin(page, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(page), 0);
	ungrant(FIRST_REF);
	table_free(page);
}

static void unmap_refused(void)
{
	static const grant_handle_t handles[] = {
		1000, 0x7fffffff, 0xffffffff,
	};
	struct window w = map_window(), v = window_get(21);
	uint64_t *page = page_alloc();
	struct gnttab_map_grant_ref m;

	setup();
	for (unsigned int i = 0; i < ARRAY_SIZE(handles); i++)
		CHECK(unmap(w.va, handles[i]) < 0);
	grant(FIRST_REF, virt_to_mfn(page), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	/* The wrong place: the mapping stays whole. */
	CHECK(unmap(v.va, m.handle) < 0);
	CHECK(unmap(UNMAPPED_VA, m.handle) < 0);
	CHECK(unmap(XEN_VA, m.handle) < 0);
	CHECK_EQ(try_read(w.va, NULL), -1);
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	ungrant(FIRST_REF);
	page_free(page);
}

/*
 * The guest overwrote the mapping itself. The use may last for good then: the
 * hypervisor cannot know where the mapping went. Counts must hold.
 */
static void unmap_after_overwrite(void)
{
	struct window w = map_window();
	uint64_t *page = page_alloc(), *other = page_alloc();
	struct gnttab_map_grant_ref m;

	grant(SPOILT_REF, virt_to_mfn(page), 0);
	m = map(SPOILT_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	(void)window_set(&w, mfn_pte(virt_to_mfn(other), PTE_RWX));
	(void)unmap(w.va, m.handle);
	(void)window_set(&w, 0);
	/* Counts hold: both frames can be tables now, unless still pinned. */
	PREPARE(page_set_ro(other));
	CHECK_EQ(page_pin(other, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(other), 0);
	table_free(other);
	ungrant(SPOILT_REF);
	/* PAGE stays out of use: its grant may still be taken. */
}

static int copy(struct gnttab_copy *c)
{
	c->status = 77;
	CHECK_EQ(grant_op(GNTTABOP_copy, c, 1), 0);
	return c->status;
}

static struct gnttab_copy copy_request(void *to, uint16_t to_off,
				       grant_ref_t from, uint16_t from_off,
				       uint16_t len)
{
	struct gnttab_copy c = { .len = len, .flags = GNTCOPY_source_gref };

	c.source.u.ref = from;
	c.source.domid = self_id();
	c.source.offset = from_off;
	c.dest.u.gmfn = virt_to_mfn(to);
	c.dest.domid = DOMID_SELF;
	c.dest.offset = to_off;
	return c;
}

static void copies(void)
{
	uint8_t *from = page_alloc(), *to = page_alloc();
	struct gnttab_copy c;

	for (int i = 0; i < PAGE_SIZE; i++)
		from[i] = (uint8_t)(i * 7);
	grant(FIRST_REF, virt_to_mfn(from), GTF_readonly);
	c = copy_request(to, 0, FIRST_REF, 0, PAGE_SIZE);
	CHECK_EQ(copy(&c), GNTST_okay);
	CHECK(!memcmp(from, to, PAGE_SIZE));
	memset(to, 0, PAGE_SIZE);
	c = copy_request(to, 100, FIRST_REF, 4000, 96);
	CHECK_EQ(copy(&c), GNTST_okay);
	CHECK(!memcmp(from + 4000, to + 100, 96));
	CHECK_EQ(to[99], 0);
	CHECK_EQ(to[196], 0);
	c = copy_request(to, 0, FIRST_REF, 0, 0);
	CHECK_EQ(copy(&c), GNTST_okay);
	/* The other way: into a grant. */
	ungrant(FIRST_REF);
	grant(FIRST_REF, virt_to_mfn(from), 0);
	c = (struct gnttab_copy){ .len = 8, .flags = GNTCOPY_dest_gref };
	c.source.u.gmfn = virt_to_mfn(to);
	c.source.domid = DOMID_SELF;
	c.source.offset = 100;
	c.dest.u.ref = FIRST_REF;
	c.dest.domid = self_id();
	c.dest.offset = 8;
	CHECK_EQ(copy(&c), GNTST_okay);
	CHECK(!memcmp(from + 8, to + 100, 8));
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing), 0);
	ungrant(FIRST_REF);
	page_free(from);
	page_free(to);
}

static void copy_refused(void)
{
	uint8_t *from = page_alloc(), *to = page_alloc();
	struct gnttab_copy c;

	memset(from, 0xee, PAGE_SIZE);
	grant(FIRST_REF, virt_to_mfn(from), GTF_readonly);
	c = copy_request(to, 0, FIRST_REF, 1, PAGE_SIZE);
	CHECK(copy(&c) < 0);
	c = copy_request(to, 1, FIRST_REF, 0, PAGE_SIZE);
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, FIRST_REF, 0xffff, 0xffff);
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, 0xffffffff, 0, 8);
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, FIRST_REF + 1, 0, 8);
	CHECK(copy(&c) < 0);
	c = copy_request(kernel_l4(), 0, FIRST_REF, 0, 8);
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, FIRST_REF, 0, 8);
	c.dest.u.gmfn = 1ul << 33;
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, FIRST_REF, 0, 8);
	c.dest.u.gmfn = 0xfee00;
	CHECK(copy(&c) < 0);
	c = copy_request(to, 0, FIRST_REF, 0, 8);
	c.source.domid = 1234;
	CHECK_EQ(copy(&c), GNTST_bad_domain);
	c = copy_request(to, 0, FIRST_REF, 0, 8);
	c.dest.domid = 1234;
	CHECK(copy(&c) < 0);
	/* Into a grant that is for reading only. */
	c = (struct gnttab_copy){ .len = 8, .flags = GNTCOPY_dest_gref };
	c.source.u.gmfn = virt_to_mfn(to);
	c.source.domid = DOMID_SELF;
	c.dest.u.ref = FIRST_REF;
	c.dest.domid = self_id();
	CHECK(copy(&c) < 0);
	CHECK_EQ(from[0], 0xee);
	for (int i = 0; i < PAGE_SIZE; i++)
		if (to[i]) {
			CHECK(!"nothing was copied");
			break;
		}
	CHECK_EQ(table[FIRST_REF].flags & (GTF_reading | GTF_writing), 0);
	ungrant(FIRST_REF);
	page_free(from);
	page_free(to);
}

/* Frames and flags that change between two uses: the new ones count. */
static void reused_reference(void)
{
	struct window w = map_window(), v = window_get(21);
	uint64_t *a = page_alloc(), *b = page_alloc();
	struct gnttab_map_grant_ref m, n;

	a[0] = 0xa;
	b[0] = 0xb;
	grant(FIRST_REF, virt_to_mfn(a), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	/* In use: another frame in the entry changes nothing that is. */
	table[FIRST_REF].frame = (uint32_t)virt_to_mfn(b);
	CHECK_EQ(*(volatile uint64_t *)w.va, 0xa);
	n = map(FIRST_REF, GNTMAP_host_map | GNTMAP_readonly,
		v.va);
	if (n.status == GNTST_okay) {
		CHECK_EQ(*(volatile uint64_t *)v.va, 0xa);
		CHECK_EQ(unmap(v.va, n.handle), GNTST_okay);
	}
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	ungrant(FIRST_REF);
	grant(FIRST_REF, virt_to_mfn(b), 0);
	m = map(FIRST_REF, GNTMAP_host_map, w.va);
	REQUIRE_EQ(m.status, GNTST_okay);
	CHECK_EQ(*(volatile uint64_t *)w.va, 0xb);
	CHECK_EQ(unmap(w.va, m.handle), GNTST_okay);
	ungrant(FIRST_REF);
	page_free(a);
	page_free(b);
}

static void batch(void)
{
	struct gnttab_map_grant_ref m[3];
	struct gnttab_unmap_grant_ref u[2];
	uint64_t *page = page_alloc();

	grant(FIRST_REF, virt_to_mfn(page), 0);
	memset(m, 0, sizeof(m));
	for (int i = 0; i < 3; i++) {
		m[i].host_addr = window_get(20 + (unsigned int)i).va;
		m[i].flags = GNTMAP_host_map;
		m[i].ref = FIRST_REF;
		m[i].dom = self_id();
	}
	m[1].ref = 0xffffff;
	CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, m, 3), 0);
	CHECK_EQ(m[0].status, GNTST_okay);
	CHECK(m[1].status < 0);
	CHECK_EQ(m[2].status, GNTST_okay);
	memset(u, 0, sizeof(u));
	u[0].host_addr = m[0].host_addr;
	u[0].handle = m[0].handle;
	u[1].host_addr = m[2].host_addr;
	u[1].handle = m[2].handle;
	CHECK_EQ(grant_op(GNTTABOP_unmap_grant_ref, u, 2), 0);
	CHECK_EQ(u[0].status, GNTST_okay);
	CHECK_EQ(u[1].status, GNTST_okay);
	CHECK_EQ(grant_op(GNTTABOP_map_grant_ref, m, 0), 0);
	ungrant(FIRST_REF);
	page_free(page);
}

static void version(void)
{
	struct gnttab_get_version g = { .dom = DOMID_SELF };
	struct gnttab_set_version s = { .version = 1 };

	setup();
	CHECK_EQ(grant_op(GNTTABOP_get_version, &g, 1), 0);
	CHECK_EQ(g.version, 1);
	CHECK_EQ(grant_op(GNTTABOP_set_version, &s, 1), 0);
	CHECK_EQ(s.version, 1);
	s.version = 3;
	CHECK(grant_op(GNTTABOP_set_version, &s, 1) < 0);
	s.version = 0;
	CHECK(grant_op(GNTTABOP_set_version, &s, 1) < 0);
	g.dom = 1234;
	CHECK(grant_op(GNTTABOP_get_version, &g, 1) < 0);
}

static void bad_calls(void)
{
	static const unsigned int ops[] = {
		GNTTABOP_map_grant_ref, GNTTABOP_unmap_grant_ref,
		GNTTABOP_setup_table, GNTTABOP_copy, GNTTABOP_query_size,
		GNTTABOP_get_version, GNTTABOP_set_version,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		CHECK_EQ(grant_op(ops[i], UNMAPPED_VA, 1), -EFAULT);
		CHECK_EQ(grant_op(ops[i], XEN_VA, 1), -EFAULT);
		CHECK_EQ(grant_op(ops[i], NONCANONICAL, 1), -EFAULT);
		CHECK(grant_op(ops[i], UNMAPPED_VA, 0x7fffffff) < 0);
		CHECK(grant_op(ops[i], UNMAPPED_VA, 0xffffffff) < 0);
	}
	CHECK_EQ(grant_op(99, NULL, 1), -ENOSYS);
	CHECK_EQ(grant_op(99, NULL, 0), -ENOSYS);
}

static const struct test_case cases[] = {
	{ "setup and query", setup_and_query },
	{ "frame lists refused", frame_list_refused },
	{ "map and unmap", map_and_unmap },
	{ "map read-only", map_read_only },
	{ "map by PTE", map_by_pte },
	{ "mapped twice", twice_mapped },
	{ "maps refused", map_refused },
	{ "maps of tables refused", map_of_tables_refused },
	{ "what is mapped is no table", mapped_is_no_table },
	{ "unmaps refused", unmap_refused },
	{ "unmap after an overwrite", unmap_after_overwrite },
	{ "copy", copies },
	{ "copies refused", copy_refused },
	{ "a reference used again", reused_reference },
	{ "a batch", batch },
	{ "version", version },
	{ "bad calls", bad_calls },
};

TEST_PROGRAM(grant, "grant_table_op on one's own grants", cases);
