/*
 * Small domains that Dom0 builds by itself: six frames, and a program of one
 * page that keeps a CPU busy as its order says. For tests and measures of the
 * scheduler.
 */
#ifndef GUEST_TESTS_SMALL_H
#define GUEST_TESTS_SMALL_H

#include "tables.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include "hypervisor/include/public/bvt.h"

#define MS 1000000ul
#define SMALL_VCPUS 40		/* at most: their orders share a page */

struct order {
	unsigned int vcpu;
	uint64_t busy, period;	/* ns; period 0: computes for ever */
	uint64_t turns;		/* of a loop, instead of busy: its work */
	bool storm, yields;
	uint64_t count;		/* of yields, or of turns of the empty loop */
};

/*
 * How late the one vCPU of a domain began its periods, counted by steps of time
 * in its page of orders, behind them.
 */
#define SMALL_LATE_AT 1024
#define SMALL_LATE 128
#define SMALL_LATE_STEP (MS / 4)

struct small {
	domid_t domid;
	unsigned int weight, vcpus, cap;
	uint64_t cpus;		/* bitmap */
	struct order order;
	unsigned int pool, policy; /* policy: the pool's, XEN_SCHEDULER_* */
	uint32_t warp_us;	/* of BVT */
	uint64_t prefers;	/* soft affinity; 0: does not matter */
	unsigned long data;	/* the frame of its orders, once it is there */
};

/* Paused. The domain of that number before may still be on its way out. */
void small_create(struct small *l);
void small_start(domid_t domid);
/* The first pool's: XEN_SCHEDULER_*. */
unsigned int host_policy(void);
/* Returns when it is gone. */
void small_destroy(domid_t domid);
uint64_t small_cpu_time(domid_t domid);
/* What its vCPUs have counted. */
uint64_t small_count(const struct small *l);
/* No later than that were so many per cent of its periods; 0 resets. */
uint64_t small_late(const struct small *l, unsigned int percent);
/* How many turns of that loop take so long, where nobody else runs. */
uint64_t small_turns(uint64_t ns);
void small_sleep(uint64_t ns);
long small_sysctl(struct xen_sysctl *s);
long small_domctl(struct xen_domctl *c, unsigned int cmd, domid_t domid);

#endif
