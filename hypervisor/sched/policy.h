/*
 * Between core.c, which knows who may run, and a policy, which knows who
 * should. A policy keeps the queue of each CPU and decides; core.c holds the
 * queue's lock around every call, and moves vCPUs between CPUs.
 */
#ifndef PV_SCHED_POLICY_H
#define PV_SCHED_POLICY_H

#include "domain.h"
#include <xen/vcpu.h>

/* Classes of urgency, the most urgent first. */
#define SCHED_CLASSES 3
#define CLASS_NONE SCHED_CLASSES /* only the idle vCPU */

struct sched_cpu {
	struct spinlock lock;       /* RANK_SCHED: this queue and its vCPUs */
	unsigned int cpu;
	struct vcpu *curr;          /* chosen to run here */
	struct vcpu *idle;
	struct timer tick;
	bool tick_armed;
	/* The policy's queues; others read the counts without the lock. */
	struct list class[SCHED_CLASSES];
	uint32_t count[SCHED_CLASSES];
	struct list *look;          /* in the last class: who is looked at next */
	int64_t pace;               /* of earning, in PACEs: credit.c */
};

struct sched_policy {
	const char *name;
	unsigned int id;            /* XEN_SCHEDULER_* */
	/* v gets a start in life. */
	void (*init_vcpu)(struct vcpu *v, nsec_t t);
	/* v was asleep and wants to run; v went to sleep. */
	void (*woke)(struct vcpu *v, nsec_t t);
	void (*slept)(struct vcpu *v, nsec_t t);
	/* v begins to run; v has run since the last charge. */
	void (*start)(struct vcpu *v, nsec_t t);
	void (*charge)(struct vcpu *v, nsec_t t);
	/* v's class, as of its last charge. */
	unsigned int (*class)(const struct vcpu *v);
	/* A tick on q's CPU, its current vCPU charged: should others run? */
	bool (*tick)(struct sched_cpu *q, nsec_t t);
};

extern const struct sched_policy sched_credit;

/* Queue operations that all policies share (core.c), lock held. */
void queue_add(struct sched_cpu *q, struct vcpu *v);
void queue_del(struct sched_cpu *q, struct vcpu *v);
/* The most urgent class that waits in q; no lock needed for a hint. */
unsigned int queue_best(const struct sched_cpu *q);

/* d has run for as long as its cap allows (credit.c). */
bool cap_reached(const struct domain *d);

/* Sum of the weights of all vCPUs that want to run: atomic. */
extern uint64_t sched_runnable_weight;

/* The lock of v's home, which stays its home until the lock is dropped. */
struct sched_cpu *vcpu_lock_home(struct vcpu *v);

/* --- between core.c and place.c --- */

extern uint64_t idle_cpus; /* bitmap, atomic: see core.c */

static inline bool allowed(const struct vcpu *v, unsigned int cpu)
{
	return READ_ONCE(v->sched.hard_affinity) >> cpu & 1;
}

static inline unsigned int queue_length(const struct sched_cpu *q)
{
	unsigned int class, n = 0;

	for (class = 0; class < SCHED_CLASSES; class++)
		n += READ_ONCE(q->count[class]);
	return n;
}

/* The CPU looks at its queue, and at whether its vCPU must stop, soon. */
void kick_cpu(unsigned int cpu);
/* v was put in q, whose lock is held: somebody shall run it. */
void announce(struct sched_cpu *q, struct vcpu *v);
/* v waits in a queue: another CPU that idles and may run it has a look. */
void offer(const struct vcpu *v);
/* Among CPUs that are online and in the mask. */
unsigned int best_home(uint64_t mask);
/* v's home may be wrong, or v in no queue: see place.c. */
void rehome(struct vcpu *v);

/* runstate.c, home's lock held. */
void runstate_change(struct vcpu *v, int state, nsec_t t);

#define PACE (1UL << 36)
#define TICK (10 * NSEC_PER_MSEC)
#define RATE_LIMIT NSEC_PER_MSEC /* the shortest turn of who wants a longer */
#define SIBLING_GRACE (NSEC_PER_MSEC / 5) /* announce() */

#endif
