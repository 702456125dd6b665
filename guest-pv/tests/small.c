/* Small domains: see small.h. */
#include "small.h"

#define BASE 0x400000ul		/* code, data and stacks, shared info */

enum { L4, L3, L2, L1, CODE, DATA, FRAMES };

/* --- what runs in the domains: one function, wherever it is copied to ----- */

static inline uint64_t clock_of(const struct vcpu_time_info *t)
{
	uint32_t version, low, high;
	uint64_t ns;

	do {
		version = READ_ONCE(t->version) & ~1u;
		__asm__ volatile("lfence; rdtsc" : "=a"(low), "=d"(high)
				 : : "memory");
		ns = ((uint64_t)high << 32 | low) - t->tsc_timestamp;
		ns = t->tsc_shift < 0 ? ns >> -t->tsc_shift :
		     ns << t->tsc_shift;
		ns = (uint64_t)((unsigned __int128)ns *
				t->tsc_to_system_mul >> 32);
		ns += t->system_time;
		__asm__ volatile("" : : : "memory");
	} while (version != READ_ONCE(t->version));
	return ns;
}

static inline void work(uint64_t turns)
{
	while (turns--)
		__asm__ volatile("");
}

__attribute__((flatten, noinline, aligned(16)))
static void program(struct order *o)
{
	const struct shared_info *s = (void *)(BASE + 2 * PAGE_SIZE);
	const struct vcpu_time_info *t = &s->vcpu_info[o->vcpu].time;
	uint32_t *late = (void *)(BASE + PAGE_SIZE + SMALL_LATE_AT);
	struct sched_poll p = { .nr_ports = 0 };
	uint64_t begin, steps;

	while (o->storm) {
		hypercall1(__HYPERVISOR_set_timer_op, clock_of(t) + MS / 20);
		hypercall4(__HYPERVISOR_mmuext_op, 0, 0, 0, DOMID_SELF);
		hypercall2(__HYPERVISOR_event_channel_op, EVTCHNOP_send, &p);
	}
	while (o->yields) {
		o->count++;
		hypercall2(__HYPERVISOR_sched_op, SCHEDOP_yield, 0);
	}
	if (!o->period) /* two instructions each time */
		__asm__ volatile("1: incq %0; jmp 1b" : "+m"(o->count));
	for (begin = clock_of(t);; begin += o->period) {
		work(o->turns);
		while (clock_of(t) < begin + o->busy)
			__asm__ volatile("");
		p.timeout = begin + o->period;
		while (clock_of(t) < p.timeout)
			hypercall2(__HYPERVISOR_sched_op, SCHEDOP_poll, &p);
		steps = (clock_of(t) - p.timeout) / SMALL_LATE_STEP;
		late[steps < SMALL_LATE ? steps : SMALL_LATE - 1]++;
	}
}

/* --- building them -------------------------------------------------------- */

long small_domctl(struct xen_domctl *c, unsigned int cmd, domid_t domid)
{
	c->cmd = cmd;
	c->domain = domid;
	c->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	return hypercall1(__HYPERVISOR_domctl, c);
}

long small_sysctl(struct xen_sysctl *s)
{
	s->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return hypercall1(__HYPERVISOR_sysctl, s);
}

/* Another domain's frame, at a window of ours; NULL takes it away. */
static void *map_frame(domid_t domid, unsigned long mfn)
{
	struct window w = window_get(60);
	struct mmu_update u = {
		.ptr = virt_to_maddr(w.entry), .val = mfn_pte(mfn, PTE_RWX),
	};

	PREPARE(hcall_mmu_update(&u, 1, NULL, domid));
	return (void *)w.va;
}

static void unmap_frame(void)
{
	struct window w = window_get(60);

	PREPARE(window_set(&w, 0));
}

static void set_entry(domid_t domid, unsigned long table, unsigned int i,
		      uint64_t entry)
{
	uint64_t *t = map_frame(domid, table);

	t[i] = entry;
	unmap_frame();
}

static void fill(domid_t domid, const unsigned long *frames,
		 const struct small *l)
{
	struct xen_domctl c = { 0 };
	struct order *o;

	for (unsigned int i = 0; i < FRAMES; i++) {
		memset(map_frame(domid, frames[i]), 0, PAGE_SIZE);
		unmap_frame();
	}
	memcpy(map_frame(domid, frames[CODE]), program, 2048);
	o = map_frame(domid, frames[DATA]);
	for (unsigned int i = 0; i < l->vcpus; i++) {
		o[i] = l->order;
		o[i].vcpu = i;
	}
	unmap_frame();
	PREPARE(small_domctl(&c, XEN_DOMCTL_getdomaininfo, domid));
	set_entry(domid, frames[L4], pt_index(BASE, 4),
		  mfn_pte(frames[L3], PTE_RWX));
	set_entry(domid, frames[L3], pt_index(BASE, 3),
		  mfn_pte(frames[L2], PTE_RWX));
	set_entry(domid, frames[L2], pt_index(BASE, 2),
		  mfn_pte(frames[L1], PTE_RWX));
	set_entry(domid, frames[L1], 0, mfn_pte(frames[CODE], PTE_ROX));
	set_entry(domid, frames[L1], 1, mfn_pte(frames[DATA], PTE_RWX));
	set_entry(domid, frames[L1], 2,
		  mfn_pte(c.u.getdomaininfo.shared_info_frame, PTE_RWX));
}

static void start_vcpu(const struct small *l, unsigned int id,
		       unsigned long l4)
{
	uint64_t hard = l->cpus, soft = l->prefers ? l->prefers : ~0ul;
	static struct vcpu_guest_context v;
	struct xen_domctl c = { 0 };

	memset(&v, 0, sizeof(v));
	v.flags = VGCF_IN_KERNEL | VGCF_online;
	v.user_regs.rip = BASE;
	/* Who only computes needs none: from the fifth on they are shared. */
	v.user_regs.rsp = BASE + 2 * PAGE_SIZE - 512 * (id % 4) - 8;
	v.user_regs.rdi = BASE + PAGE_SIZE + id * sizeof(struct order);
	v.user_regs.rflags = 0x200;
	v.user_regs.cs = FLAT_KERNEL_CS;
	v.user_regs.ss = FLAT_KERNEL_SS;
	v.kernel_ss = FLAT_KERNEL_SS;
	v.kernel_sp = v.user_regs.rsp;
	v.ctrlreg[3] = xen_pfn_to_cr3(l4);
	c.u.vcpucontext.vcpu = id;
	c.u.vcpucontext.ctxt.p = &v;
	PREPARE(small_domctl(&c, XEN_DOMCTL_setvcpucontext, l->domid));
	memset(&c, 0, sizeof(c));
	c.u.vcpuaffinity.vcpu = id;
	c.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT;
	c.u.vcpuaffinity.cpumap_hard.bitmap.p = (uint8_t *)&hard;
	c.u.vcpuaffinity.cpumap_hard.nr_bits = 64;
	c.u.vcpuaffinity.cpumap_soft.bitmap.p = (uint8_t *)&soft;
	c.u.vcpuaffinity.cpumap_soft.nr_bits = 64;
	PREPARE(small_domctl(&c, XEN_DOMCTL_setvcpuaffinity, l->domid));
}

void small_create(struct small *l)
{
	struct xen_domctl c = { 0 };
	unsigned long frames[FRAMES];
	struct xen_memory_reservation r = {
		.nr_extents = FRAMES, .domid = l->domid,
	};
	const struct sched_bvt_params params = {
		.weight = (uint16_t)l->weight, .cap = (uint16_t)l->cap,
		.warp_us = l->warp_us,
	};
	long rc = 0;

	c.u.createdomain.cpupool_id = l->pool;
	c.u.createdomain.max_vcpus = l->vcpus;
	c.u.createdomain.max_evtchn_port = 1023;
	c.u.createdomain.max_grant_frames = 4;
	c.u.createdomain.max_maptrack_frames = 4;
	c.u.createdomain.grant_opts = XEN_DOMCTL_GRANT_version(1);
	for (unsigned int tries = 0; tries < 1000; tries++) {
		rc = small_domctl(&c, XEN_DOMCTL_createdomain, l->domid);
		if (rc != -EEXIST)
			break;
		delay_ns(MS); /* the last of that name is on its way */
	}
	PREPARE(rc);
	memset(&c, 0, sizeof(c));
	c.u.max_vcpus.max = l->vcpus;
	PREPARE(small_domctl(&c, XEN_DOMCTL_max_vcpus, l->domid));
	memset(&c, 0, sizeof(c));
	c.u.max_mem.max_memkb = FRAMES * 4;
	PREPARE(small_domctl(&c, XEN_DOMCTL_max_mem, l->domid));
	for (unsigned long i = 0; i < FRAMES; i++)
		frames[i] = i;
	r.extent_start.p = frames;
	REQUIRE_EQ(hcall_memory_op(XENMEM_populate_physmap, &r), FRAMES);
	l->data = frames[DATA];
	fill(l->domid, frames, l);
	for (unsigned int i = 0; i < l->vcpus; i++)
		start_vcpu(l, i, frames[L4]);
	memset(&c, 0, sizeof(c));
	c.u.scheduler_op.sched_id = l->policy;
	c.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	memcpy(&c.u.scheduler_op.u, &params, sizeof(params));
	PREPARE(small_domctl(&c, XEN_DOMCTL_scheduler_op, l->domid));
}

uint64_t small_turns(uint64_t ns)
{
	const uint64_t some = 100000;
	uint64_t from = time_ns();

	work(some);
	return ns * some / (time_ns() - from);
}

void small_sleep(uint64_t ns)
{
	struct sched_poll p = { .timeout = time_ns() + ns };

	while (time_ns() < p.timeout)
		hcall_sched_op(SCHEDOP_poll, &p);
}

void small_destroy(domid_t domid)
{
	struct xen_domctl c = { 0 };
	long rc;

	do {
		rc = small_domctl(&c, XEN_DOMCTL_destroydomain, domid);
	} while (rc == -85 || rc == -EAGAIN);	/* -ERESTART */
	CHECK_EQ(rc, 0);
	while (!small_domctl(&c, XEN_DOMCTL_getdomaininfo, domid) &&
	       c.domain == domid)
		small_sleep(10 * MS);
}

uint64_t small_cpu_time(domid_t domid)
{
	struct xen_domctl c = { 0 };

	PREPARE(small_domctl(&c, XEN_DOMCTL_getdomaininfo, domid));
	return c.u.getdomaininfo.cpu_time;
}

unsigned int host_policy(void)
{
	struct xen_sysctl s = { .cmd = XEN_SYSCTL_sched_id };

	PREPARE(small_sysctl(&s));
	return s.u.sched_id.sched_id;
}

void small_start(domid_t domid)
{
	struct xen_domctl c = { 0 };

	PREPARE(small_domctl(&c, XEN_DOMCTL_unpausedomain, domid));
}

uint64_t small_count(const struct small *l)
{
	const struct order *o = map_frame(l->domid, l->data);
	uint64_t sum = 0;

	for (unsigned int i = 0; i < l->vcpus; i++)
		sum += READ_ONCE(o[i].count);
	unmap_frame();
	return sum;
}

uint64_t small_late(const struct small *l, unsigned int percent)
{
	uint32_t *late = (uint32_t *)((char *)map_frame(l->domid, l->data) +
				      SMALL_LATE_AT);
	uint64_t all = 0, sum = 0;
	unsigned int i;

	if (!percent)
		memset(late, 0, SMALL_LATE * sizeof(*late));
	for (i = 0; i < SMALL_LATE; i++)
		all += READ_ONCE(late[i]);
	for (i = 0; i < SMALL_LATE && sum * 100 < all * percent; i++)
		sum += READ_ONCE(late[i]);
	unmap_frame();
	return i * SMALL_LATE_STEP;
}
