/*
 * The reaper: a thread that takes dead domains apart, so that who destroys one
 * need not wait. It runs as one vCPU among others, with a domain's ordinary
 * weight, which bounds what an end may cost the living.
 *
 * When something may have changed it looks at all of them. Of one that is
 * dying, as soon as its vCPUs have come to rest, everything is given back in
 * the order below; then it is DEAD and loses its life's reference. It stays in
 * the table while others hold frames of its (foreign mappings, grants): frames
 * name their owner by id, and each holds a reference to it. One without
 * references is freed.
 */
#include "domain.h"
#include "irq.h"
#include "mm.h"

static uint64_t kicks; /* counts reasons to look: atomic */

void reaper_kick(void)
{
	(void)atomic_add(&kicks, 1);
	wake_waiters(&kicks);
}

static bool at_rest(struct domain *d)
{
	struct vcpu *v;

	smp_mb(); /* DYING is set before users is read: domain_use() */
	if (READ_ONCE(d->users))
		return false; /* the last of them will kick */
	for_each_vcpu(d, v) {
		if (!READ_ONCE(v->sched.parked))
			return false; /* it will kick */
		while (!vcpu_is_stopped(v))
			preempt_yield();
	}
	return true;
}

/*
 * No vCPU runs any more, and no other domain is given anything new of this
 * one. Timers first, for they raise events; events before the memory that they
 * are written to; page tables before the frames that they refer to.
 */
static void tear_down(struct domain *d)
{
	struct vcpu *v;

	sched_quiesce(); /* who saw it alive just now has finished */
	tlb_flush_domain(d); /* CPUs keep no tables of it: mm/tlb.c */
	sched_destroy_domain(d);
	for_each_vcpu(d, v) {
		time_destroy_vcpu(v);
		timer_stop(&v->time.poll);
	}
	event_destroy_domain(d);
	irq_destroy_domain(d);
	for_each_vcpu(d, v) {
		area_free(sched_set_runstate_area(v, NULL));
		pv_vcpu_destroy(v);
		preempt_yield();
	}
	grant_destroy_domain(d);
	frame_unshare(d->shared);
	domain_release_frames(d);

	spin_lock(&d->lock);
	d->shared = NULL;
	store_release(&d->state, DOM_DEAD);
	spin_unlock(&d->lock);
	virq_raise_global(VIRQ_DOM_EXC);
}

static void reap(struct domain *d)
{
	if (READ_ONCE(d->state) == DOM_DYING && at_rest(d)) {
		tear_down(d);
		domain_put(d); /* its life's */
	}
	if (READ_ONCE(d->refs))
		return;
	pool_leave(d);
	domain_forget(d);
	virq_raise_global(VIRQ_DOM_EXC);
	sched_quiesce(); /* nobody is still looking at what he found */
	domain_free(d);
}

static void reaper(void *arg)
{
	struct domain *d;
	uint64_t seen;
	uint16_t id;

	for (;;) {
		seen = load_acquire(&kicks);
		for (id = 0; (d = domain_scan(id)); id++) {
			id = d->id;
			reap(d);
			preempt_yield();
		}
		wait_for_change(&kicks, seen);
	}
}

void reaper_start(void)
{
	if (!thread_create(reaper, NULL, "reaper"))
		panic("no memory for the reaper");
}
