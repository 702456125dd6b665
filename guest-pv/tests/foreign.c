/*
 * Another domain beside us: its frames, ports and grants. Dom0 makes an empty
 * domain of 16 pages with domctl, and then tries with its things what it may
 * (by naming the domain) and what nobody may (as if they were its own).
 * Rules: the domain argument of mmu_update, mmuext_op and the others names
 * the owner of a frame; security lessons 8, 9, 13, 16, 41, 44, 51, 58, 72.
 * When the domain is destroyed what we still hold of it lasts until we let go.
 */
#include "tables.h"
#include <xen/domctl.h>

#define OTHER 7
#define PAGES 16

static unsigned long frames[PAGES];
static bool made;

static long domctl(struct xen_domctl *c)
{
	c->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return hypercall1(__HYPERVISOR_domctl, c);
}

static long other_create(void)
{
	struct xen_domctl c = {
		.cmd = XEN_DOMCTL_createdomain, .domain = OTHER,
	};

	c.u.createdomain.max_vcpus = 1;
	c.u.createdomain.max_evtchn_port = 1023;
	c.u.createdomain.max_grant_frames = 4;
	c.u.createdomain.max_maptrack_frames = 4;
	c.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
	return domctl(&c);
}

static long other_destroy(void)
{
	struct xen_domctl c = {
		.cmd = XEN_DOMCTL_destroydomain, .domain = OTHER,
	};
	long rc;

	do {
		rc = domctl(&c);
	} while (rc == -85 || rc == -EAGAIN);	/* -ERESTART */
	return rc;
}

static void create(void)
{
	struct xen_domctl c = { .cmd = XEN_DOMCTL_max_mem, .domain = OTHER };
	struct xen_memory_reservation r = {
		.nr_extents = PAGES, .domid = OTHER,
	};

	if (!is_dom0())
		tap_skip("Dom0 alone");
	REQUIRE_EQ(other_create(), 0);
	made = true;
	CHECK_EQ(other_create(), -EEXIST);
	c.u.max_mem.max_memkb = PAGES * 4;
	CHECK_EQ(domctl(&c), 0);
	for (unsigned long i = 0; i < PAGES; i++)
		frames[i] = i;
	r.extent_start.p = frames;
	CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), PAGES);
	/* Its limit is reached. */
	CHECK_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), 0);
}

static void need_other(void)
{
	if (!made)
		tap_skip("no other domain");
}

static long map_foreign(const struct window *w, uint64_t pte, domid_t dom)
{
	struct mmu_update u = { .ptr = virt_to_maddr(w->entry), .val = pte };

	return hcall_mmu_update(&u, 1, NULL, dom);
}

static void map_by_name(void)
{
	struct window w = window_get(60);
	volatile uint64_t *p = (volatile uint64_t *)w.va;
	uint64_t pte = mfn_pte(frames[0], PTE_RWX);

	need_other();
	CHECK_EQ(map_foreign(&w, pte, OTHER), 0);
	p[0] = 0x77;
	CHECK_EQ(p[0], 0x77);
	CHECK_EQ(map_foreign(&w, 0, OTHER), 0);
	CHECK_EQ(hypercall4(__HYPERVISOR_update_va_mapping_otherdomain, w.va,
			    pte, UVMF_INVLPG, OTHER), 0);
	CHECK_EQ(p[0], 0x77);
	CHECK_EQ(window_set(&w, 0), 0);
	/* Frames of a third, or of nobody, by its name. */
	CHECK_REFUSED(map_foreign(&w, mfn_pte(0xfee00, PTE_RWX), OTHER));
	CHECK_REFUSED(map_foreign(&w, mfn_pte(virt_to_mfn(kernel_l4()),
					      PTE_RWX), OTHER));
	CHECK_EQ(*w.entry, 0);
}

/* As if it were ours: refused by every call that takes a frame. */
static void not_our_own(void)
{
	struct window w = window_get(60);
	unsigned long mfn = frames[1], extent = mfn;
	struct xen_memory_reservation r = {
		.nr_extents = 1, .domid = DOMID_SELF,
	};
	struct vcpu_register_vcpu_info info = { .mfn = mfn };
	struct mmu_update m2p = {
		.ptr = mfn << PAGE_SHIFT | MMU_MACHPHYS_UPDATE, .val = 5,
	};

	need_other();
	CHECK_REFUSED(pt_write(w.entry, mfn_pte(mfn, PTE_RWX)));
	CHECK_REFUSED(pt_write(w.entry, mfn_pte(mfn, PTE_ROX)));
	CHECK_REFUSED(window_set(&w, mfn_pte(mfn, PTE_ROX)));
	CHECK(try_write((unsigned long)w.entry, mfn_pte(mfn, PTE_RWX)) == 14);
	CHECK_EQ(*w.entry, 0);
	for (unsigned int op = MMUEXT_PIN_L1_TABLE; op <= MMUEXT_UNPIN_TABLE;
	     op++)
		CHECK_REFUSED(mmuext(op, mfn, 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_BASEPTR, mfn, 0));
	CHECK_REFUSED(mmuext(MMUEXT_NEW_USER_BASEPTR, mfn, 0));
	CHECK_REFUSED(mmuext(MMUEXT_CLEAR_PAGE, mfn, 0));
	CHECK_REFUSED(mmuext(MMUEXT_COPY_PAGE, mfn, frames[2]));
	CHECK_REFUSED(hypercall2(__HYPERVISOR_set_gdt, &mfn, 16));
	CHECK_REFUSED(hypercall2(__HYPERVISOR_update_descriptor,
				 mfn << PAGE_SHIFT, 0));
	CHECK_REFUSED(hcall_vcpu_op(VCPUOP_register_vcpu_info, 1, &info));
	CHECK_REFUSED(hcall_mmu_update(&m2p, 1, NULL, DOMID_SELF));
	r.extent_start.p = &extent;
	CHECK(hcall_memory_op(XENMEM_decrease_reservation, &r) <= 0);
	CHECK_REFUSED(pt_write_maddr(mfn << PAGE_SHIFT, 5));
}

/* In a table of ours that is made at once. */
static void not_in_our_tables(void)
{
	uint64_t *l1 = page_alloc(), *l2 = page_alloc();

	need_other();
	l1[7] = mfn_pte(frames[1], PTE_ROX);
	l2[7] = mfn_pte(frames[1], PTE_RWX);
	PREPARE(page_set_ro(l1));
	PREPARE(page_set_ro(l2));
	CHECK_REFUSED(page_pin(l1, MMUEXT_PIN_L1_TABLE));
	CHECK_REFUSED(page_pin(l2, MMUEXT_PIN_L2_TABLE));
	table_free(l1);
	table_free(l2);
}

/* Its frame as our page table, even under its name: never. */
static void no_table_of_others(void)
{
	struct mmu_update u = { 0 };

	need_other();
	window_get(60);
	for (int level = 2; level <= 4; level++) {
		unsigned long va = TEST_VA + (7ul << (12 + 9 * (level - 1)));

		u.ptr = virt_to_maddr(pt_entry(va, level));
		u.val = mfn_pte(frames[2], PTE_RWX);
		CHECK_REFUSED(hcall_mmu_update(&u, 1, NULL, OTHER));
		CHECK_EQ(*pt_entry(va, level), 0);
	}
}

/* What a builder does: a table of the other's frames, typed as its own. */
static void its_own_tables(void)
{
	struct window w = window_get(60);
	struct mmuext_op pin = { .cmd = MMUEXT_PIN_L1_TABLE };

	need_other();
	pin.arg1.mfn = frames[3];
	PREPARE(map_foreign(&w, mfn_pte(frames[3], PTE_RWX), OTHER));
	((volatile uint64_t *)w.va)[0] = mfn_pte(frames[4], PTE_RWX);
	((volatile uint64_t *)w.va)[1] = 0;
	/* Writable with us: no table. */
	CHECK_REFUSED(hcall_mmuext_op(&pin, 1, NULL, OTHER));
	PREPARE(map_foreign(&w, 0, OTHER));
	mmuext(MMUEXT_INVLPG_LOCAL, w.va, 0);
	CHECK_EQ(hcall_mmuext_op(&pin, 1, NULL, OTHER), 0);
	/* And a table: not writable with us. */
	CHECK_REFUSED(map_foreign(&w, mfn_pte(frames[3], PTE_RWX), OTHER));
	CHECK_EQ(map_foreign(&w, mfn_pte(frames[3], PTE_ROX), OTHER), 0);
	CHECK_EQ(pte_mfn(*(volatile uint64_t *)w.va), frames[4]);
	PREPARE(map_foreign(&w, 0, OTHER));
	pin.cmd = MMUEXT_UNPIN_TABLE;
	CHECK_EQ(hcall_mmuext_op(&pin, 1, NULL, OTHER), 0);
	CHECK_REFUSED(hcall_mmuext_op(&pin, 1, NULL, OTHER));
	/* Our frame in its table. */
	PREPARE(map_foreign(&w, mfn_pte(frames[3], PTE_RWX), OTHER));
	((volatile uint64_t *)w.va)[1] =
		mfn_pte(virt_to_mfn(kernel_l4()), PTE_RWX);
	PREPARE(map_foreign(&w, 0, OTHER));
	mmuext(MMUEXT_INVLPG_LOCAL, w.va, 0);
	pin.cmd = MMUEXT_PIN_L1_TABLE;
	CHECK_REFUSED(hcall_mmuext_op(&pin, 1, NULL, OTHER));
}

static void event_channels(void)
{
	struct evtchn_alloc_unbound mine = {
		.dom = OTHER, .remote_dom = DOMID_SELF,
	};
	struct evtchn_alloc_unbound thirds = {
		.dom = OTHER, .remote_dom = 1234,
	};
	struct evtchn_bind_interdomain b = { .remote_dom = OTHER };
	struct evtchn_bind_interdomain again = { .remote_dom = OTHER };
	struct evtchn_status s = { .dom = OTHER };
	struct evtchn_close c;
	struct evtchn_send send;
	struct xen_domctl vcpus = {
		.cmd = XEN_DOMCTL_max_vcpus, .domain = OTHER,
		.u.max_vcpus.max = 1,
	};
	char peer[8];

	need_other();
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &mine), 0);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &thirds), 0);
	b.remote_port = thirds.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_bind_interdomain, &b),
		 -EINVAL);
	b.remote_port = again.remote_port = mine.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_bind_interdomain, &b), 0);
	s.port = mine.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_status, &s), 0);
	CHECK_EQ(s.status, EVTCHNSTAT_interdomain);
	/* Taken: not a second time. */
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_bind_interdomain, &again),
		 -EINVAL);
	send.port = b.local_port;
	if (!option_get("peer", peer, sizeof(peer)))
		/* No vCPU there yet; the original does not survive this. */
		CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send, &send), 0);
	CHECK_EQ(domctl(&vcpus), 0);
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_send, &send), 0);
	c.port = b.local_port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_close, &c), 0);
	s.port = mine.port;
	CHECK_EQ(hcall_event_channel_op(EVTCHNOP_status, &s), 0);
	CHECK_EQ(s.status, EVTCHNSTAT_unbound);
}

static struct gnttab_map_grant_ref held;

/* Its grant table, which we fill as its builder; then its grant, mapped. */
static void grants(void)
{
	struct gnttab_setup_table s = { .dom = OTHER, .nr_frames = 1 };
	struct window w = window_get(61), v = window_get(62);
	volatile struct grant_entry_v1 *table;
	struct gnttab_copy c = { .len = 8, .flags = GNTCOPY_source_gref };
	uint64_t *to = page_alloc();
	xen_pfn_t frame;

	need_other();
	set_xen_guest_handle(s.frame_list, &frame);
	CHECK_EQ(hcall_grant_table_op(GNTTABOP_setup_table, &s, 1), 0);
	REQUIRE_EQ(s.status, GNTST_okay);
	REQUIRE_EQ(map_foreign(&w, mfn_pte(frame, PTE_RWX), OTHER), 0);
	table = (volatile struct grant_entry_v1 *)w.va;
	table[9].domid = 0;
	table[9].frame = (uint32_t)frames[0];
	table[9].flags = GTF_permit_access;
	table[10].domid = 0;
	table[10].frame = (uint32_t)virt_to_mfn(kernel_l4());
	table[10].flags = GTF_permit_access;
	held = (struct gnttab_map_grant_ref){
		.host_addr = v.va, .flags = GNTMAP_host_map, .ref = 9,
		.dom = OTHER,
	};
	CHECK_EQ(hcall_grant_table_op(GNTTABOP_map_grant_ref, &held, 1), 0);
	REQUIRE_EQ(held.status, GNTST_okay);
	CHECK_EQ(*(volatile uint64_t *)v.va, 0x77);
	/* It grants what is ours: not by this way either. */
	c.source.u.ref = 10;
	c.source.domid = OTHER;
	c.dest.u.gmfn = virt_to_mfn(to);
	c.dest.domid = DOMID_SELF;
	CHECK_EQ(hcall_grant_table_op(GNTTABOP_copy, &c, 1), 0);
	CHECK(c.status < 0);
	c.source.u.ref = 9;
	CHECK_EQ(hcall_grant_table_op(GNTTABOP_copy, &c, 1), 0);
	CHECK_EQ(c.status, GNTST_okay);
	CHECK_EQ(to[0], 0x77);
	CHECK_EQ(window_set(&w, 0), 0);
	page_free(to);
}

/* It dies while we hold its page: the page stays as it is until we let go. */
static void destroy(void)
{
	struct gnttab_unmap_grant_ref u = { .host_addr = held.host_addr,
					    .handle = held.handle };
	volatile uint64_t *p = (volatile uint64_t *)held.host_addr;
	struct window w = window_get(60);
	uint64_t end = time_ns() + 20000000000;

	need_other();
	CHECK_EQ(other_destroy(), 0);
	if (held.host_addr) {
		delay_ns(20000000);
		CHECK_EQ(p[0], 0x77);
		p[0] = 0x78;
		CHECK_EQ(hcall_grant_table_op(GNTTABOP_unmap_grant_ref, &u,
					      1), 0);
		CHECK_EQ(u.status, GNTST_okay);
		CHECK_EQ(try_read(held.host_addr, NULL), 14);
	}
	CHECK_REFUSED(map_foreign(&w, mfn_pte(frames[5], PTE_RWX), OTHER));
	/* Nothing is left: its number is free again. */
	while (other_create() && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK(time_ns() < end);
	CHECK_EQ(other_destroy(), 0);
	made = false;
}

static const struct test_case cases[] = {
	{ "create", create },
	{ "mapped by name", map_by_name },
	{ "not as our own", not_our_own },
	{ "not in our tables", not_in_our_tables },
	{ "not as our tables", no_table_of_others },
	{ "its own tables", its_own_tables },
	{ "event channels", event_channels },
	{ "grants", grants },
	{ "destroy", destroy },
};

TEST_PROGRAM(foreign, "another domain's frames, ports, grants", cases);
