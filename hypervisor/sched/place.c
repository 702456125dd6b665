/*
 * Homes: which CPU's queue a vCPU belongs to. It changes when an idle CPU
 * takes the vCPU (core.c), and here, when it may no longer run on that CPU: its
 * affinity has changed, or its pool.
 * Both homes' locks are held then, and the vCPU is on no CPU.
 */
#include "policy.h"

/* The fewest who wait, an idle one first; online and in the mask. */
unsigned int best_home(uint64_t mask)
{
	unsigned int i, n, best = 0, least = ~0u;
	const struct sched_cpu *q;

	for (i = 0; i < cpus_present; i++) {
		if (!(mask >> i & 1) || !cpus[i].online || !cpus[i].sched)
			continue;
		q = cpus[i].sched;
		n = READ_ONCE(q->waiting) + !(READ_ONCE(idle_cpus) >> i & 1);
		if (n < least) {
			least = n;
			best = i;
		}
	}
	return best;
}

static void lock_both(struct sched_cpu *a, struct sched_cpu *b)
{
	spin_lock(a->cpu <= b->cpu ? &a->lock : &b->lock);
	if (a != b)
		spin_lock(a->cpu <= b->cpu ? &b->lock : &a->lock);
}

static void unlock_both(struct sched_cpu *a, struct sched_cpu *b)
{
	spin_unlock(&a->lock);
	if (a != b)
		spin_unlock(&b->lock);
}

/* v, in no queue, wants to run in q. */
static void arrive(struct sched_cpu *q, struct vcpu *v)
{
	queue_enter(q, v, now(), false);
	queue_add(q, v);
	announce(q, v);
}

/*
 * v's home may no longer be one of its CPUs, or v may be in no queue because
 * it left such a CPU. Puts that right unless v is on a CPU, which does it
 * later. Whatever was seen without the lock is looked at again with it.
 */
void rehome(struct vcpu *v)
{
	struct sched_cpu *from, *to;

	for (;;) {
		from = cpus[READ_ONCE(v->sched.cpu)].sched;
		to = cpus[best_home(READ_ONCE(v->sched.may_run))].sched;
		lock_both(from, to);
		if (v->sched.cpu == from->cpu)
			break;
		unlock_both(from, to);
	}
	if (v->sched.on_cpu) {
		/*
		 * Chosen meanwhile; or it is still leaving, and does the rest.
		 */
		if (!allowed(v, from->cpu))
			kick_cpu(from->cpu);
	} else if (!allowed(v, from->cpu)) {
		if (v->sched.queued) {
			queue_del(from, v);
			from->policy->leave(from, v, now());
		}
		WRITE_ONCE(v->sched.cpu, to->cpu);
		if (v->sched.runnable)
			arrive(to, v);
	} else if (v->sched.runnable && !v->sched.queued) {
		/* It was leaving, and its affinity has come back. */
		arrive(from, v);
	}
	unlock_both(from, to);
}

/*
 * What v may run on from here on: those CPUs of its pool that are in its hard
 * affinity, or all of them if none is (the pool has changed since).
 */
static void place(struct vcpu *v, uint64_t hard)
{
	uint64_t pool = pool_cpus_of(v->domain);
	struct sched_cpu *q = vcpu_lock_home(v);
	bool queued = v->sched.queued;

	if (queued) /* a queue keeps those apart who are pinned */
		queue_del(q, v);
	v->sched.hard_affinity = hard;
	set_may_run(v, hard & pool ? hard & pool : pool);
	if (queued)
		queue_add(q, v);
	spin_unlock(&q->lock);
}

/* v may have to go, or may be run by others; not under a lock. */
static void placed(struct vcpu *v)
{
	smp_mb(); /* the mask before on_cpu: sched_switched() */
	if (READ_ONCE(v->sched.on_cpu))
		kick_cpu(READ_ONCE(v->sched.cpu));
	else if (!allowed(v, READ_ONCE(v->sched.cpu)))
		rehome(v);
	else if (READ_ONCE(v->sched.queued))
		offer(v); /* to those that could not run it before */
}

int sched_set_affinity(struct vcpu *v, uint64_t hard, uint64_t soft)
{
	spin_lock(&pools_lock);
	if (!(hard & pool_cpus_of(v->domain) & cpus_online())) {
		spin_unlock(&pools_lock);
		return -EINVAL;
	}
	place(v, hard);
	v->sched.soft_affinity = soft;
	spin_unlock(&pools_lock);
	placed(v);
	return 0;
}

void vcpu_place(struct vcpu *v)
{
	spin_lock(&pools_lock);
	place(v, v->sched.hard_affinity);
	spin_unlock(&pools_lock);
	placed(v);
}

void sched_quiesce(void)
{
	struct vcpu *v = current;
	uint64_t hard = v->sched.hard_affinity, m = cpus_online();
	int rc;

	for (; m; m &= m - 1) {
		rc = sched_set_affinity(v, m & -m, v->sched.soft_affinity);
		assert(!rc);
		schedule();
		assert(this_cpu()->id == (unsigned int)__builtin_ctzll(m));
	}
	rc = sched_set_affinity(v, hard, v->sched.soft_affinity);
	assert(!rc);
}
