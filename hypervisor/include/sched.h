/* Scheduling: sched/core.c and one file per policy. */
#ifndef PV_SCHED_H
#define PV_SCHED_H

#include "types.h"
#include "lib.h"
#include "time.h"

struct vcpu;
struct domain;
struct guest_area;
struct vcpu_runstate_info;

struct sched_pool;

/* bvt.c. Virtual times: a nanosecond at weight 256; they may wrap around. */
struct bvt_vcpu {
	uint64_t actual;         /* passes while it runs */
	uint64_t effective;      /* the same, put forward while it is warped */
	struct vcpu *left, *right, **link; /* the queue's heap */
	bool woke;               /* and has not run since */
	bool warped;
	uint64_t warp_ran;       /* ns, since it was warped */
	uint64_t warp_off;       /* when it was warped last */
};

/*
 * A vCPU sleeps in one of two places: inside the hypervisor (blocked), or at
 * the guest boundary (parked) while its domain is paused, shut down or dying
 * or it is itself down. Inside the hypervisor it stays runnable whatever its
 * domain's pause count. "Home" is the CPU whose queue it belongs to.
 */
struct sched_vcpu {
	struct list queue;      /* run queue link: home's lock */
	bool queued;            /* in that queue: home's lock */
	unsigned int cpu;       /* home; changes under both homes' locks */
	bool on_cpu;            /* its stack is in use, on its home: core.c */
	bool runnable;          /* queued or running: home's lock */
	bool down;              /* VCPUOP_down / not yet up; atomic */
	bool blocked;           /* set by itself, cleared under home's lock */
	bool parked;            /* set by itself, cleared under home's lock */
	/* Time by state: home's lock, as all below. */
	int state;              /* RUNSTATE_* */
	uint64_t state_entry, state_time[4]; /* ns */
	struct guest_area *area; /* registered runstate area, or NULL */
	uint32_t pool_serial;   /* the pool that it ran in last; 0: none */
	uint64_t last_run, slice_end;
	int64_t credit;         /* ns: credit.c */
	uint64_t earned_at;     /* credit.c */
	int priority;           /* credit.c: its class */
	uint16_t weighed;       /* its part of its pool's weight */
	struct bvt_vcpu bvt;
	/*
	 * Bitmaps of CPUs: as asked for; what it comes to in its pool, and those
	 * of may_run that it would rather run on (all: no matter).
	 */
	uint64_t hard_affinity, soft_affinity, may_run, prefers;
	bool movable;           /* may_run has more than one */
	uint64_t affinity_before; /* SCHEDOP_pin_override; 0: not pinned */
	/*
	 * SCHEDOP_poll: ~0 waits for any of several ports, else for this one;
	 * 0 does not wait. Others only read it, see sched_poll_wake().
	 */
	uint32_t poll_port;
};

struct sched_domain {
	uint16_t weight;
	uint16_t cap;            /* % of one CPU, 0: none; domain's lock */
	int64_t cap_used;        /* ns run and not paid: atomic, cap.c */
	struct timer cap_timer;  /* pays each period */
	/* bvt.c, in us: how far it is put forward, how long, how soon again. */
	uint32_t warp, warp_limit, unwarp;
	struct sched_pool *pool; /* pools_lock; NULL: threads, run anywhere */
	unsigned int pollers;    /* vCPUs in SCHEDOP_poll: atomic */
	uint64_t parks;          /* counts vCPUs that parked: atomic */
	/* hypercall/sched.c, domain's lock: SCHEDOP_watchdog. */
	uint32_t watchdogs_armed; /* bitmap */
	struct timer watchdog[2];
};

/*
 * Boot CPU, before any vCPU: the first pool's policy by name ("": the usual
 * one), slice and rate limit. What is refused is told in the log.
 */
#define SCHED_DEFAULT UINT64_MAX
void sched_init(const char *policy, uint64_t slice_ms, uint64_t rate_us);
/*
 * Boot CPU, once for each CPU that exists, its own first: queue and idle vCPU.
 * The boot CPU's idle vCPU is who runs already, on the stack it runs on;
 * another CPU starts on the top of cpus[cpu].idle->stack.
 */
void sched_init_cpu(unsigned int cpu);
/* A vCPU begins parked and down, in no queue. */
void sched_init_vcpu(struct vcpu *v);
void sched_init_domain(struct domain *d);

void vcpu_wake(struct vcpu *v);   /* blocked -> runnable; no-op otherwise */
void vcpu_unpark(struct vcpu *v); /* a reason to be parked is gone */
/*
 * A reason to park was set: v leaves its guest, or its sleep inside a call
 * (which returns early), and comes to the boundary soon. Does not wait.
 */
void vcpu_stop(struct vcpu *v);
/*
 * Whether there is a reason now. Who sleeps in a call for its guest asks after
 * sched_block_prepare(), and returns early.
 */
bool vcpu_must_stop(const struct vcpu *v);
/* Parked, and its stack no longer in use. */
bool vcpu_is_stopped(const struct vcpu *v);
/*
 * The running vCPU waits until vcpu_wake(): no lock held. Lost wake-ups: set
 * the condition's waiter state, then sched_block_prepare(), re-check the
 * condition, then schedule() or sched_block_cancel(). It may wake for no
 * reason: callers loop, or may return early.
 */
void sched_block_prepare(void);
void sched_block_cancel(void);
void sched_yield(void);
/* Runs another vCPU if one is due. */
void schedule(void);
/* First code after a stack swap: prev may run elsewhere from here on. */
void sched_switched(struct vcpu *prev);
/*
 * v must look at its event flags before it returns to its guest: interrupts
 * the CPU it runs on, if that is another one.
 */
void vcpu_kick(struct vcpu *v);
/*
 * At the guest boundary, before events are looked at, when the CPU's
 * need_resched is set (which every reason to stop sets, too): schedules, and
 * waits here while v may not run its guest. Returns with need_resched clear.
 */
void sched_guest_boundary(void);
noreturn_fn void idle_loop(void);

/* 0, or -EINVAL when no online CPU of v's pool is in @hard. */
must_check int sched_set_affinity(struct vcpu *v, uint64_t hard,
				  uint64_t soft);
/*
 * For a thread: runs on each CPU once. When it returns, everybody has left the
 * code without preempt points that he was in: nobody holds a pointer that he
 * found by a look-up without reference before the call.
 */
void sched_quiesce(void);
/* Sum of time in RUNSTATE_running, ns. */
uint64_t vcpu_runtime(struct vcpu *v);
/* Times by state up to this moment, as the ABI has them. */
void vcpu_runstate(struct vcpu *v, struct vcpu_runstate_info *r);
/* The area to be kept up to date from here on, or NULL; gives the old one. */
struct guest_area *sched_set_runstate_area(struct vcpu *v,
					   struct guest_area *a);
unsigned int sched_policy_id(void);  /* the first pool's: XEN_SCHEDULER_* */

/*
 * CPU pools (sched/pool.c), by number; errors as XEN_SYSCTL_cpupool_op has them:
 * -ENOENT no such pool, -EINVAL no such CPU, policy or domain, -EBUSY it has
 * domains, -EEXIST, -ENOSPC; -ENODEV the CPU is not free, or not the pool's, or
 * the pool has none, -EADDRINUSE somebody is bound to the CPU. A call that is
 * refused has changed nothing. Those that move CPUs or domains pass preemption
 * points, and return when nobody runs any more where he may not.
 */
#define POOL_ANY (~0u)
struct pool_info {
	unsigned int id, policy, domains; /* policy: XEN_SCHEDULER_* */
	uint64_t cpus;
	uint32_t slice_ms, rate_us;
};
/* *id: or POOL_ANY for the lowest that is free. */
must_check int pool_create(unsigned int *id, unsigned int policy);
must_check int pool_destroy(unsigned int id);
/* The first from @id on. */
must_check int pool_info(unsigned int id, struct pool_info *info);
must_check int pool_add_cpu(unsigned int id, unsigned int cpu);
must_check int pool_remove_cpu(unsigned int id, unsigned int cpu);
must_check int pool_move_domain(unsigned int id, struct domain *d);
/* slice: credit's turn, bvt's context-switch allowance. -EINVAL: limits. */
must_check int pool_set_times(unsigned int id, uint64_t slice_ms,
			      uint64_t rate_us);
uint64_t pool_free_cpus(void);
/* Number, and policy's (XEN_SCHEDULER_*), of the pool that d is in. */
unsigned int pool_of(const struct domain *d, unsigned int *policy);
/* d, which is being made, will run in a pool; a dead one has gone. */
must_check int pool_join(struct domain *d, unsigned int id);
void pool_leave(struct domain *d);
/* What v may run on has changed, or may have while it was being made. */
void vcpu_place(struct vcpu *v);

/* cap.c: a new cap, in force from here on; cap_timer's function. */
void sched_set_cap(struct domain *d, uint16_t percent);
void sched_pay_cap(void *domain);

/* hypercall/sched.c: a poll's timer fired; a dying domain's timers. */
void poll_timeout(void *vcpu);
void sched_destroy_domain(struct domain *d);

/*
 * event/: a port of d became pending, masked or not. Wakes who polls for it.
 * Costs a load when nobody polls.
 */
void sched_poll_wake_slow(struct domain *d, uint32_t port);
#define sched_poll_wake(d, port) \
	(unlikely(READ_ONCE((d)->sched.pollers)) ? \
		sched_poll_wake_slow((d), (port)) : (void)0)

/*
 * Lets interrupts in and others run; -EINTR when the caller's domain is dying.
 * No lock, no per-CPU pointer is held over it.
 */
must_check int preempt_point(void);
/* The same for work that must not stop half-way (teardown): never fails. */
void preempt_yield(void);

/* Sleeps until *word differs from seen; whoever changes it wakes. */
void wait_for_change(const uint64_t *word, uint64_t seen);
void wake_waiters(const uint64_t *word);

#endif
