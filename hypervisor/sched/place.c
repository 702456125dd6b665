/*
 * Homes: which CPU's queue a vCPU belongs to. It changes when an idle CPU
 * takes the vCPU (core.c), and here, when its affinity no longer has that CPU.
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
		n = queue_length(q) + !(READ_ONCE(idle_cpus) >> i & 1);
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
 * v's home may no longer be one of its CPUs, or v may be in no queue because
 * it left such a CPU. Puts that right unless v is on a CPU, which does it
 * later. Whatever was seen without the lock is looked at again with it.
 */
void rehome(struct vcpu *v)
{
	struct sched_cpu *from, *to;

	for (;;) {
		from = cpus[READ_ONCE(v->sched.cpu)].sched;
		to = cpus[best_home(READ_ONCE(v->sched.hard_affinity))].sched;
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
		if (v->sched.queued)
			queue_del(from, v);
		WRITE_ONCE(v->sched.cpu, to->cpu);
		if (v->sched.runnable) {
			queue_add(to, v);
			announce(to, v);
		}
	} else if (v->sched.runnable && !v->sched.queued) {
		/* It was leaving, and its affinity has come back. */
		queue_add(from, v);
		announce(from, v);
	}
	unlock_both(from, to);
}

int sched_set_affinity(struct vcpu *v, uint64_t hard, uint64_t soft)
{
	struct sched_cpu *q;

	if (!(hard & cpus_online()))
		return -EINVAL;
	q = vcpu_lock_home(v);
	WRITE_ONCE(v->sched.hard_affinity, hard);
	v->sched.soft_affinity = soft;
	spin_unlock(&q->lock);
	smp_mb(); /* the mask before on_cpu: sched_switched() */
	if (READ_ONCE(v->sched.on_cpu))
		kick_cpu(READ_ONCE(v->sched.cpu));
	else if (!allowed(v, READ_ONCE(v->sched.cpu)))
		rehome(v);
	else if (READ_ONCE(v->sched.queued))
		offer(v); /* to those that could not run it before */
	return 0;
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
