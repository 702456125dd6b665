/*
 * Between core.c, which knows who may run, and a policy, which knows who
 * should. Each CPU pool (pool.c) has a policy. A policy keeps a queue for each
 * CPU and decides; core.c holds the queue's lock around every call but those
 * marked as hints, and moves vCPUs between CPUs.
 */
#ifndef PV_SCHED_POLICY_H
#define PV_SCHED_POLICY_H

#include "domain.h"
#include <xen/vcpu.h>

struct sched_policy;

/*
 * CPUs, the domains that run on them, and how they share them. Written under
 * pools_lock, save for the weight; others read what they need as it is.
 */
struct sched_pool {
	unsigned int id;
	uint32_t serial;             /* never the same again; 0: no pool */
	const struct sched_policy *policy;
	uint64_t cpus;               /* bitmap */
	unsigned int nr_cpus, domains;
	nsec_t slice, rate_limit, tick;
	uint64_t weight;             /* of all that want to run: atomic, credit.c */
};

/* Classes of urgency of credit, the most urgent first. */
#define CREDIT_CLASSES 3

struct credit_queue {
	struct list class[CREDIT_CLASSES];
	/* Others read these without the lock. */
	uint32_t count[CREDIT_CLASSES], movable[CREDIT_CLASSES];
	struct list *look;           /* in the last class: who is looked at next */
	int64_t pace;                /* of earning, in PACEs */
};

struct bvt_queue {
	struct vcpu *pinned, *movable; /* heaps by effective virtual time */
	uint64_t floor;              /* virtual time of who is furthest behind */
	uint64_t first;              /* of the first movable one: a hint */
	bool look;                   /* others' queues are due to be looked at */
	uint32_t coin;
};

struct sched_cpu {
	struct spinlock lock;        /* RANK_SCHED: this queue and its vCPUs */
	unsigned int cpu;
	struct vcpu *curr;           /* chosen to run here */
	struct vcpu *idle;
	struct timer tick;
	bool tick_armed;
	uint32_t waiting;            /* queued here; others read it as a hint */
	struct sched_pool *pool;
	const struct sched_policy *policy; /* the pool's */
	struct credit_queue credit;
	struct bvt_queue bvt;
};

/*
 * v is always in q, or about to be, t is now. A vCPU that wants to run has
 * entered q: it is q->curr, or added, or just between the two.
 */
struct sched_policy {
	const char *name;
	unsigned int id;             /* XEN_SCHEDULER_* */
	nsec_t slice;                /* of a pool that has been told no other */
	void (*init_queue)(struct sched_cpu *q);   /* empty */
	/* v, asleep, has never run in q's pool before. */
	void (*init_vcpu)(struct sched_cpu *q, struct vcpu *v, nsec_t t);
	/* v wants to run from here on: it woke, or came from another CPU. */
	void (*enter)(struct sched_cpu *q, struct vcpu *v, nsec_t t, bool woke);
	void (*leave)(struct sched_cpu *q, struct vcpu *v, nsec_t t);
	/* v begins to run; v, q's current one, has run since the last charge. */
	void (*start)(struct sched_cpu *q, struct vcpu *v, nsec_t t);
	void (*charge)(struct sched_cpu *q, struct vcpu *v, nsec_t t);
	/* v waits from here on. keeps: it ran, and would go on if it could. */
	void (*add)(struct sched_cpu *q, struct vcpu *v, bool keeps);
	void (*del)(struct sched_cpu *q, struct vcpu *v);
	/* Takes out who shall run next; @avoid, if not NULL, only if it must. */
	struct vcpu *(*take)(struct sched_cpu *q, struct vcpu *avoid);
	/* v, which waits, shall run rather than who runs. */
	bool (*precedes)(struct sched_cpu *q, struct vcpu *v);
	/* q, about to choose, would rather have somebody from another CPU ... */
	bool (*looks)(const struct sched_cpu *q);
	/* ... of @from (a hint); takes him out of there, locked, too; or NULL. */
	bool (*wants)(const struct sched_cpu *q, const struct sched_cpu *from);
	struct vcpu *(*fetch)(struct sched_cpu *q, struct sched_cpu *from);
	/* A tick on q's CPU, its current vCPU charged: should others run? */
	bool (*tick)(struct sched_cpu *q, nsec_t t);
};

extern const struct sched_policy sched_credit, sched_bvt;

/* The lock of v's home, which stays its home until the lock is dropped. */
struct sched_cpu *vcpu_lock_home(struct vcpu *v);

/* --- cap.c: what a domain's cap lets it run, whatever the policy --- */

bool cap_used_up(const struct domain *d);

/* d has run for as long as its cap allows. */
static inline bool cap_reached(const struct domain *d)
{
	return unlikely(READ_ONCE(d->sched.cap)) && cap_used_up(d);
}

static inline void cap_charge(struct domain *d, int64_t ran)
{
	if (unlikely(READ_ONCE(d->sched.cap)))
		(void)atomic_add(&d->sched.cap_used, ran);
}

/* --- between core.c, place.c and pool.c --- */

extern uint64_t idle_cpus; /* bitmap, atomic: see core.c */

static inline bool allowed(const struct vcpu *v, unsigned int cpu)
{
	return READ_ONCE(v->sched.may_run) >> cpu & 1;
}

static inline bool prefers(const struct vcpu *v, unsigned int cpu)
{
	return READ_ONCE(v->sched.prefers) >> cpu & 1;
}

/* v, in no queue, may run on these CPUs, rather on those of its soft affinity. */
static inline void set_may_run(struct vcpu *v, uint64_t mask)
{
	uint64_t soft = v->sched.soft_affinity & mask;

	WRITE_ONCE(v->sched.may_run, mask);
	WRITE_ONCE(v->sched.prefers, soft & cpus_online() ? soft : mask);
	v->sched.movable = mask & (mask - 1);
}

/* v waits in another CPU's queue, locked: q's CPU may run it just now. */
static inline bool movable_to(const struct vcpu *v, const struct sched_cpu *q)
{
	return allowed(v, q->cpu) && !load_acquire(&v->sched.on_cpu);
}

/* The CPU looks at its queue, and at whether its vCPU must stop, soon. */
void kick_cpu(unsigned int cpu);
/* Lock held: in and out of the queue. */
void queue_add(struct sched_cpu *q, struct vcpu *v);
void queue_del(struct sched_cpu *q, struct vcpu *v);
/* v wants to run in q from here on, it comes from elsewhere: lock held. */
void queue_enter(struct sched_cpu *q, struct vcpu *v, nsec_t t, bool woke);
/* Gives q, and all who want to run there, to another pool. */
void queue_change_pool(struct sched_cpu *q, struct sched_pool *pool);
/* v was put in q, whose lock is held: somebody shall run it. */
void announce(struct sched_cpu *q, struct vcpu *v);
/* v waits in a queue: another CPU that idles and may run it has a look. */
void offer(const struct vcpu *v);
/* Among CPUs that are online and in the mask. */
unsigned int best_home(uint64_t mask);
/* place.c: v would rather be elsewhere, and can. */
bool goes_elsewhere(const struct vcpu *v, const struct sched_cpu *q);

/* v, whose home is q, and the lock held, has nowhere better to be. */
static inline bool stays(const struct vcpu *v, const struct sched_cpu *q)
{
	return likely(prefers(v, q->cpu)) ||
	       (allowed(v, q->cpu) && !goes_elsewhere(v, q));
}

/* v's home may be wrong, or v in no queue: see place.c. */
void rehome(struct vcpu *v);

/* runstate.c, home's lock held. */
void runstate_change(struct vcpu *v, int state, nsec_t t);

/* pool.c. RANK_POOL: pools, who belongs to which, and hard affinities. */
extern struct spinlock pools_lock;
/* At boot: q's CPU is in the first pool. */
void pool_begin(struct sched_cpu *q);
/* Those that d's vCPUs may run on; a hypervisor thread on any. */
uint64_t pool_cpus_of(const struct domain *d);

#define PACE (1UL << 36)
#define TICK (10 * NSEC_PER_MSEC) /* at most: pool->tick */
#define RATE_LIMIT NSEC_PER_MSEC  /* the shortest turn of who wants a longer */
#define SIBLING_GRACE (NSEC_PER_MSEC / 5) /* announce() */

#endif
