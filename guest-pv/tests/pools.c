/*
 * CPU pools, and what they let one have: Dom0 makes a pool of CPU 1, fills it
 * with small domains of its own (small.h) under each policy, and looks at the
 * time they had, at how late they were, and at the trace of who ran. Pinned:
 * docs/scheduling.md.
 *
 * Meant for a machine of two CPUs that counts instructions, with a Dom0 of one
 * vCPU: guest-pv/checks/pools.
 */
#include "small.h"
#include <xen/trace.h>

#define FIRST 10		/* domain ids */
#define RING_PAGES 8
#define RING_SIZE (RING_PAGES * PAGE_SIZE - sizeof(struct t_buf))
#define ANY XEN_SYSCTL_CPUPOOL_PAR_ANY

static struct xen_sysctl s;

static long pool_op(unsigned int op, unsigned int id, unsigned int cpu)
{
	s.cmd = XEN_SYSCTL_cpupool_op;
	s.u.cpupool_op.op = op;
	s.u.cpupool_op.cpupool_id = id;
	s.u.cpupool_op.cpu = cpu;
	return small_sysctl(&s);
}

#define POOL(op, id, cpu) pool_op(XEN_SYSCTL_CPUPOOL_OP_##op, (id), (cpu))

static long move(unsigned int id, domid_t domid)
{
	s.u.cpupool_op.domid = domid;
	return POOL(MOVEDOMAIN, id, 0);
}

/* The pool's CPUs, or those that are free. */
static uint64_t cpus_of(unsigned int op, unsigned int id)
{
	uint64_t map = 0;

	s.u.cpupool_op.cpumap.bitmap.p = (uint8_t *)&map;
	s.u.cpupool_op.cpumap.nr_bits = 64;
	REQUIRE_EQ(pool_op(op, id, 0), 0);
	return map;
}

static unsigned int make_pool(unsigned int policy)
{
	if (!is_dom0())
		tap_skip("Dom0 alone");
	memset(&s, 0, sizeof(s));
	s.u.cpupool_op.sched_id = policy;
	REQUIRE_EQ(POOL(CREATE, ANY, 0), 0);
	return s.u.cpupool_op.cpupool_id;
}

static unsigned int pool_of_cpu_1(unsigned int policy)
{
	unsigned int id = make_pool(policy);

	REQUIRE_EQ(POOL(RMCPU, 0, 1), 0);
	REQUIRE_EQ(POOL(ADDCPU, id, 1), 0);
	return id;
}

static void end_pool(unsigned int id)
{
	CHECK_EQ(POOL(RMCPU, id, 1), 0);
	CHECK_EQ(POOL(DESTROY, id, 0), 0);
	CHECK_EQ(POOL(ADDCPU, 0, 1), 0);
}

static struct small hogs[4], wakers[4];

/* n of a kind, from a domain id on; they run. */
static void start(struct small *l, unsigned int n, domid_t first,
		  const struct small *kind)
{
	for (unsigned int i = 0; i < n; i++) {
		l[i] = *kind;
		l[i].domid = (domid_t)(first + i);
		small_create(&l[i]);
	}
	for (unsigned int i = 0; i < n; i++)
		small_start(l[i].domid);
}

static void destroy(const struct small *l, unsigned int n)
{
	for (; n; n--, l++)
		small_destroy(l->domid);
}

/* --- pools ---------------------------------------------------------------- */

static void refused(void)
{
	struct xen_domctl c = { .u.createdomain = {
		.max_vcpus = 1, .max_evtchn_port = 1023, .cpupool_id = 1,
		.grant_opts = XEN_DOMCTL_GRANT_version(1) } };
	unsigned int id = make_pool(XEN_SCHEDULER_BVT);

	CHECK_EQ(id, 1);
	CHECK_EQ(small_domctl(&c, XEN_DOMCTL_createdomain, FIRST), -ENODEV);
	c.u.createdomain.cpupool_id = 2;
	CHECK_EQ(small_domctl(&c, XEN_DOMCTL_createdomain, FIRST), -ENOENT);
	CHECK_EQ(POOL(ADDCPU, id, 1), -ENODEV);
	CHECK_EQ(POOL(ADDCPU, id, 2), -EINVAL);
	CHECK_EQ(POOL(RMCPU, id, 1), -ENODEV);
	CHECK_EQ(POOL(RMCPU, 2, 1), -ENOENT);
	CHECK_EQ(POOL(RMCPU, 0, 1), 0);
	CHECK_EQ(cpus_of(XEN_SYSCTL_CPUPOOL_OP_FREEINFO, 0), 2);
	CHECK_EQ(POOL(RMCPU, 0, 0), -EBUSY);
	CHECK_EQ(POOL(DESTROY, 0, 0), -EBUSY);
	CHECK_EQ(POOL(ADDCPU, id, ANY), 0);
	CHECK_EQ(cpus_of(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 1);
	CHECK_EQ(cpus_of(XEN_SYSCTL_CPUPOOL_OP_INFO, id), 2);
	CHECK_EQ(move(id, 0), -EINVAL);
	CHECK_EQ(move(id, 4711), -EINVAL);
	CHECK_EQ(move(7, 0), -EINVAL);
	CHECK_EQ(POOL(DESTROY, id, 0), -EBUSY);
	end_pool(id);
	CHECK_EQ(cpus_of(XEN_SYSCTL_CPUPOOL_OP_INFO, 0), 3);
	CHECK_EQ(POOL(INFO, id, 0), -ENOENT);
}

static unsigned int cpu_of(domid_t domid)
{
	struct xen_domctl c = { 0 };

	PREPARE(small_domctl(&c, XEN_DOMCTL_getvcpuinfo, domid));
	return c.u.getvcpuinfo.cpu;
}

/* What it has of a second, in tenths of a per cent. */
static unsigned long had(domid_t domid)
{
	uint64_t before = small_cpu_time(domid), from = time_ns();

	small_sleep(1000 * MS);
	return (small_cpu_time(domid) - before) * 1000 / (time_ns() - from);
}

static void moves(void)
{
	const struct small hog = { .weight = 256, .vcpus = 1, .cpus = 3,
				   .policy = XEN_SCHEDULER_CREDIT };
	unsigned int id = pool_of_cpu_1(XEN_SCHEDULER_BVT);
	domid_t domid = FIRST;

	start(hogs, 1, domid, &hog);
	for (unsigned int i = 0; i < 3; i++) {
		CHECK_EQ(cpu_of(domid), 0);
		CHECK_EQ(move(id, domid), 0);
		CHECK_EQ(cpu_of(domid), 1);
		CHECK(had(domid) >= 990);
		CHECK_EQ(POOL(RMCPU, id, 1), -EBUSY);
		CHECK_EQ(move(0, domid), 0);
	}
	CHECK(had(domid) >= 900); /* and Dom0 beside it */
	destroy(hogs, 1);
	end_pool(id);
}

/* It would rather run on CPU 1, as long as nobody else must. */
static void soft_affinity(void)
{
	const struct small pinned = { .weight = 256, .vcpus = 1, .cpus = 2,
				      .policy = host_policy() };
	const struct small glad = { .weight = 256, .vcpus = 1, .cpus = 3,
				    .prefers = 2, .policy = host_policy() };
	domid_t domid = FIRST + 1;

	start(hogs, 1, FIRST, &pinned);
	start(wakers, 1, domid, &glad);
	for (unsigned int i = 0; i < 3; i++) {
		small_sleep(100 * MS);
		CHECK(had(domid) >= 900);
		CHECK(had(FIRST) >= 900);
		destroy(hogs, 1);
		small_sleep(100 * MS);
		CHECK_EQ(cpu_of(domid), 1);
		start(hogs, 1, FIRST, &pinned);
	}
	destroy(hogs, 1);
	destroy(wakers, 1);
}

static void shares_of_bvt(void)
{
	static const unsigned int weights[] = { 256, 512, 1024, 256 };
	unsigned int id = pool_of_cpu_1(XEN_SCHEDULER_BVT);
	/* The last has a cap; of what it leaves the others have their parts. */
	static const unsigned long want[] = { 129, 257, 514, 100 };
	struct small kind = { .vcpus = 1, .cpus = 3, .pool = id,
			      .policy = XEN_SCHEDULER_BVT };
	uint64_t before[4];

	for (unsigned int i = 0; i < 4; i++) {
		kind.weight = weights[i];
		kind.cap = i == 3 ? 10 : 0;
		start(&hogs[i], 1, (domid_t)(FIRST + i), &kind);
	}
	small_sleep(1000 * MS);
	for (unsigned int i = 0; i < 4; i++)
		before[i] = small_cpu_time(hogs[i].domid);
	small_sleep(10000 * MS);
	for (unsigned int i = 0; i < 4; i++) {
		unsigned long is = (small_cpu_time(hogs[i].domid) -
				    before[i]) / (10 * MS);

		printk("# weight %u: %lu.%lu %%, ideal %lu.%lu %%\n",
		       weights[i], is / 10, is % 10, want[i] / 10,
		       want[i] % 10);
		CHECK(is + 20 >= want[i] && is <= want[i] + 20);
	}
	destroy(hogs, 4);
	end_pool(id);
}

/* --- the trace -------------------------------------------------------------- */

static long trace_op(unsigned int cmd, unsigned int size, unsigned int mask)
{
	s.cmd = XEN_SYSCTL_tbuf_op;
	s.u.tbuf_op.cmd = cmd;
	s.u.tbuf_op.size = size;
	s.u.tbuf_op.evt_mask = mask;
	return small_sysctl(&s);
}

/* Nobody's frame, at window 70 + i. */
static void *map_trace(unsigned int i, unsigned long mfn)
{
	struct window w = window_get(70 + i);
	struct mmu_update u = {
		.ptr = virt_to_maddr(w.entry), .val = mfn_pte(mfn, PTE_RWX),
	};

	REQUIRE_EQ(hcall_mmu_update(&u, 1, NULL, DOMID_XEN), 0);
	return (void *)w.va;
}

/* The ring of CPU 1, side by side in our windows. */
static struct t_buf *trace_ring(void)
{
	const struct t_info *info;
	const uint32_t *frames;

	(void)trace_op(XEN_SYSCTL_TBUFOP_set_size, RING_PAGES, 0);
	REQUIRE_EQ(trace_op(XEN_SYSCTL_TBUFOP_get_info, 0, 0), 0);
	REQUIRE(s.u.tbuf_op.buffer_mfn);
	info = map_trace(RING_PAGES, s.u.tbuf_op.buffer_mfn);
	REQUIRE_EQ(info->tbuf_size, RING_PAGES);
	frames = (const uint32_t *)info + info->mfn_offset[1];
	for (unsigned int i = 1; i < RING_PAGES; i++)
		(void)map_trace(i, frames[i]);
	return map_trace(0, frames[0]);
}

static uint32_t word_at(const struct t_buf *b, uint32_t offset)
{
	return ((const uint32_t *)(b + 1))[offset % RING_SIZE / 4];
}

struct seen {
	unsigned int switches, wakes, charges, others;
	uint64_t first, last;	/* TSC */
};

/* What came of two domains since the ring was emptied; empties it. */
static struct seen look(struct t_buf *b, domid_t a, domid_t c)
{
	struct seen seen = { 0 };
	uint64_t tsc;
	uint32_t at, head, event;

	for (at = b->cons; at != READ_ONCE(b->prod);
	     at = (at + 12 + (head >> 28 & 7) * 4) % (2 * RING_SIZE)) {
		head = word_at(b, at);
		event = head & 0xfffffff;
		REQUIRE(head >> 31);
		tsc = word_at(b, at + 4) | (uint64_t)word_at(b, at + 8) << 32;
		REQUIRE(tsc >= seen.last);
		seen.last = tsc;
		seen.first = seen.first ? seen.first : tsc;
		if (event == TRC_SCHED_SWITCH)
			seen.switches += word_at(b, at + 12) == a &&
					 word_at(b, at + 20) == c;
		else if (event == TRC_SCHED_WAKE)
			seen.wakes += word_at(b, at + 12) == a;
		else if ((event & TRC_SCHED_CLASS) == TRC_SCHED_CLASS)
			seen.charges += word_at(b, at + 12) == a;
		else
			seen.others++;
	}
	b->cons = at;
	return seen;
}

static long set_slice(unsigned int id, unsigned int policy, unsigned int ms,
		      unsigned int us)
{
	s.cmd = XEN_SYSCTL_scheduler_op;
	s.u.scheduler_op.cpupool_id = id;
	s.u.scheduler_op.sched_id = policy;
	s.u.scheduler_op.cmd = XEN_SYSCTL_SCHEDOP_putinfo;
	s.u.scheduler_op.u.sched_credit.tslice_ms = ms;
	s.u.scheduler_op.u.sched_credit.ratelimit_us = us;
	s.u.scheduler_op.u.sched_credit.vcpu_migr_delay_us = 0;
	return small_sysctl(&s);
}

/*
 * Two that compute take turns; the trace tells how long these are. Turns of
 * credit end at the slice, or when one is OVER and the other is not; those of bvt
 * when one is an allowance ahead, which is after one to three.
 */
static void slices_of(unsigned int policy, const unsigned int *slice)
{
	unsigned int id = pool_of_cpu_1(policy);
	const struct small kind = { .weight = 256, .vcpus = 1, .cpus = 3,
				    .pool = id, .policy = policy };
	bool bvt = policy == XEN_SCHEDULER_BVT;
	struct t_buf *b = trace_ring();
	struct seen seen;

	CHECK_EQ(set_slice(id, XEN_SCHEDULER_RTDS, 30, 1000), -EINVAL);
	CHECK_EQ(set_slice(id, policy, 0, 1000), -EINVAL);
	CHECK_EQ(set_slice(id, policy, 1, 1001), -EINVAL);
	CHECK_EQ(set_slice(9, policy, 30, 1000), -ESRCH);
	start(hogs, 2, FIRST, &kind);
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_set_evt_mask, 0,
			  TRC_SCHED_VERBOSE), 0);
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_enable, 0, 0), 0);
	for (; *slice; slice++) {
		CHECK_EQ(set_slice(id, policy, *slice, 1000), 0);
		small_sleep(500 * MS);
		look(b, FIRST, FIRST + 1);
		small_sleep(3000 * MS);
		seen = look(b, FIRST, FIRST + 1);
		printk("# a slice of %u ms: %u turns in 3 s\n", *slice,
		       seen.switches);
		CHECK(seen.switches >= 1500 / *slice / (bvt ? 3 : 1));
		if (bvt)
			CHECK(seen.switches <= 1500 / *slice + 1);
		else /* two ticks at least */
			CHECK(seen.switches <= 1500 / (*slice / 3) + 1);
		CHECK_EQ(seen.charges, 0);
	}
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_disable, 0, 0), 0);
	destroy(hogs, 2);
	end_pool(id);
}

static void slices(void)
{
	static const unsigned int credit[] = { 30, 6, 0 }, bvt[] = { 5, 50, 0 };

	slices_of(XEN_SCHEDULER_CREDIT, credit);
	slices_of(XEN_SCHEDULER_BVT, bvt);
}

static void traced(void)
{
	const struct small hog = { .weight = 256, .vcpus = 1, .cpus = 3,
				   .pool = 1, .policy = XEN_SCHEDULER_BVT };
	const struct small waker = { .weight = 256, .vcpus = 1, .cpus = 3,
		.pool = 1, .policy = XEN_SCHEDULER_BVT,
		.order = { .busy = MS, .period = 20 * MS } };
	unsigned int id = pool_of_cpu_1(XEN_SCHEDULER_BVT);
	struct t_buf *b = trace_ring();
	struct seen seen;

	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_set_size, RING_PAGES, 0), -EINVAL);
	start(hogs, 1, FIRST, &hog);
	start(wakers, 1, FIRST + 1, &waker);
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_set_evt_mask, 0, TRC_ALL), 0);
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_enable, 0, 0), 0);
	small_sleep(100 * MS);
	look(b, FIRST + 1, FIRST);
	small_sleep(1000 * MS);
	seen = look(b, FIRST + 1, FIRST);
	CHECK(seen.wakes >= 48 && seen.wakes <= 52);
	CHECK(seen.switches >= 48 && seen.switches <= 52);
	CHECK(seen.charges >= 48);
	CHECK_EQ(seen.others, 0);
	/* A ring that nobody reads loses what comes last, and counts it. */
	small_sleep(10000 * MS);
	look(b, FIRST + 1, FIRST);
	small_sleep(100 * MS);
	seen = look(b, FIRST + 1, FIRST);
	CHECK_EQ(seen.others, 1);
	CHECK_EQ(trace_op(XEN_SYSCTL_TBUFOP_disable, 0, 0), 0);
	look(b, FIRST + 1, FIRST);
	small_sleep(100 * MS);
	CHECK_EQ(b->prod, b->cons);
	destroy(hogs, 1);
	destroy(wakers, 1);
	end_pool(id);
}

/* --- a warp ------------------------------------------------------------------- */

struct served {
	uint64_t late;		/* of 99 in 100 wakes */
	unsigned long share;	/* tenths of a per cent */
};

/* 2 ms every 10 ms, among 4 that compute and 4 that wake often. */
static struct served serve(unsigned int policy, uint32_t warp_us)
{
	unsigned int id = pool_of_cpu_1(policy);
	const struct small hog = { .weight = 256, .vcpus = 1, .cpus = 3,
				   .pool = id, .policy = policy };
	const struct small waker = { .weight = 256, .vcpus = 1, .cpus = 3,
		.pool = id, .policy = policy,
		.order = { .turns = small_turns(MS), .period = 5 * MS } };
	struct small one = { .domid = FIRST + 8, .weight = 1024, .vcpus = 1,
		.cpus = 3, .pool = id, .policy = policy, .warp_us = warp_us,
		.order = { .turns = small_turns(2 * MS), .period = 10 * MS } };
	struct served served;
	uint64_t before;

	start(hogs, 4, FIRST, &hog);
	start(wakers, 4, FIRST + 4, &waker);
	small_create(&one);
	small_start(one.domid);
	small_sleep(2000 * MS);
	(void)small_late(&one, 0);
	before = small_cpu_time(one.domid);
	small_sleep(20000 * MS);
	served.share = (small_cpu_time(one.domid) - before) / (20 * MS);
	served.late = small_late(&one, 99);
	printk("# %s: 99 of 100 within %lu us, share %lu.%lu %%\n",
	       policy == XEN_SCHEDULER_BVT ? "bvt" : "credit",
	       served.late / 1000, served.share / 10, served.share % 10);
	destroy(hogs, 4);
	destroy(wakers, 4);
	destroy(&one, 1);
	end_pool(id);
	return served;
}

static void warp(void)
{
	struct served credit = serve(XEN_SCHEDULER_CREDIT, 0);
	struct served bvt = serve(XEN_SCHEDULER_BVT, 50000);

	CHECK(bvt.late * 2 <= credit.late);
	CHECK(bvt.share + 20 >= credit.share &&
	      bvt.share <= credit.share + 20);
}

static const struct test_case cases[] = {
	{ "refused", refused },
	{ "a domain moves", moves },
	{ "soft affinity", soft_affinity },
	{ "shares and a cap by bvt", shares_of_bvt },
	{ "slices", slices },
	{ "traced", traced },
	{ "a warp against a boost", warp },
};

TEST_PROGRAM_ALONE(pools, "CPU pools, their policies, the trace", cases);
