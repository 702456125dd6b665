/*
 * Homes: which CPU's queue a vCPU belongs to. It changes when an idle CPU
 * takes the vCPU (core.c), and here: when it may no longer run on that CPU,
 * since its affinity has changed, or its pool; and when it would rather run on
 * another one, and can (soft affinity).
 * Both homes' locks are held then, and the vCPU is on no CPU.
 */
#include "policy.h"

/* Those who want to run in q. */
static unsigned int load(const struct sched_cpu *q)
{
	return READ_ONCE(q->waiting) + !(READ_ONCE(idle_cpus) >> q->cpu & 1);
}

/* The least load; online and in the mask. */
unsigned int best_home(uint64_t mask)
{
	unsigned int i, n, best = 0, least = ~0u;

	for (i = 0; i < cpus_present; i++) {
		if (!(mask >> i & 1) || !cpus[i].online || !cpus[i].sched)
			continue;
		n = load(cpus[i].sched);
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

/*
 * Away from where it would rather be, v goes there if a CPU is idle there; or,
 * since others want to run here, if that makes the queue there no longer than
 * the one that it leaves was: who would rather be here comes back in its place.
 */
bool goes_elsewhere(const struct vcpu *v, const struct sched_cpu *q)
{
	unsigned int there =
		load(cpus[best_home(READ_ONCE(v->sched.prefers))].sched);
	unsigned int here = load(q) - (v->sched.queued || q->curr == v);

	return !there || (here && there <= here + 1);
}

/* v, in no queue, wants to run in q. */
static void arrive(struct sched_cpu *q, struct vcpu *v)
{
	queue_enter(q, v, now(), false);
	queue_add(q, v);
	announce(q, v);
}

/*
 * v's home may no longer be one of its CPUs, or not the one where it would
 * rather be, or v may be in no queue because it left such a CPU. Puts that right
 * unless v is on a CPU, which does it later. Whatever was seen without the lock
 * is looked at again with it.
 */
void rehome(struct vcpu *v)
{
	struct sched_cpu *from, *to;

	for (;;) {
		from = cpus[READ_ONCE(v->sched.cpu)].sched;
		to = cpus[best_home(READ_ONCE(v->sched.prefers))].sched;
		lock_both(from, to);
		if (v->sched.cpu == from->cpu)
			break;
		unlock_both(from, to);
	}
	if (v->sched.on_cpu) {
		/*
		 * Chosen meanwhile; or it is still leaving, and does the rest.
		 */
		if (!stays(v, from))
			kick_cpu(from->cpu);
	} else if (!stays(v, from)) {
		if (v->sched.queued) {
			queue_del(from, v);
			from->policy->leave(from, v, now());
		}
		WRITE_ONCE(v->sched.cpu, to->cpu);
		if (v->sched.runnable)
			arrive(to, v);
	} else if (v->sched.runnable && !v->sched.queued) {
		/* It was leaving: its affinity, or somebody else, is back. */
		arrive(from, v);
	}
	unlock_both(from, to);
}

/*
 * What v may run on from here on: those CPUs of its pool that are in its hard
 * affinity, or all of them if none is (the pool has changed since).
 */
static void place(struct vcpu *v, uint64_t hard, uint64_t soft)
{
	uint64_t pool = pool_cpus_of(v->domain);
	struct sched_cpu *q = vcpu_lock_home(v);
	bool queued = v->sched.queued;

	if (queued) /* a queue keeps those apart who are pinned */
		queue_del(q, v);
	v->sched.hard_affinity = hard;
	v->sched.soft_affinity = soft;
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
	else if (!prefers(v, READ_ONCE(v->sched.cpu)))
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
	place(v, hard, soft);
	spin_unlock(&pools_lock);
	placed(v);
	return 0;
}

void vcpu_place(struct vcpu *v)
{
	spin_lock(&pools_lock);
	place(v, v->sched.hard_affinity, v->sched.soft_affinity);
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
