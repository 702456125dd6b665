/*
 * The reaper: a thread that takes dead domains apart, so that who destroys one
 * need not wait. It runs as one vCPU among others, with a domain's ordinary
 * weight, which bounds what an end may cost the living.
 *
 * A domain comes here twice. First when it is dying: as soon as its vCPUs have
 * come to rest, everything it has is given back in the order below, and it is
 * DEAD and loses its life's reference. It stays in the table while others hold
 * frames of its (foreign mappings, grants): frames name their owner by id, and
 * each holds a reference to it. With the last reference it comes here again,
 * to be unlinked and freed.
 */
#include "area.h"
#include "domain.h"
#include "irq.h"

static struct spinlock lock = SPINLOCK(RANK_REAPER); /* both lists */
static struct list dying = { &dying, &dying };
static struct list gone = { &gone, &gone };
static uint64_t kicks;           /* counts reasons to look: atomic */

void reaper_kick(void)
{
	(void)atomic_add(&kicks, 1);
	wake_waiters(&kicks);
}

void reaper_take(struct domain *d)
{
	spin_lock(&lock);
	list_add_tail(&dying, &d->reap);
	spin_unlock(&lock);
	reaper_kick();
}

void reaper_free(struct domain *d)
{
	spin_lock(&lock);
	list_add_tail(&gone, &d->reap);
	spin_unlock(&lock);
	reaper_kick();
}

static struct domain *take_first(struct list *l)
{
	struct domain *d = NULL;

	spin_lock(&lock);
	if (!list_empty(l)) {
		d = list_first(l, struct domain, reap);
		list_del(&d->reap);
	}
	spin_unlock(&lock);
	return d;
}

static bool at_rest(struct domain *d)
{
	struct vcpu *v;
	unsigned int i;

	smp_mb(); /* DYING is set before users is read: domain_use() */
	if (READ_ONCE(d->users))
		return false; /* the last of them will kick */
	for_each_vcpu(d, v, i) {
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
	unsigned int i;

	sched_quiesce(); /* who saw it alive just now has finished */
	sched_destroy_domain(d);
	for_each_vcpu(d, v, i) {
		time_destroy_vcpu(v);
		timer_stop(&v->time.poll);
	}
	event_destroy_domain(d);
	irq_destroy_domain(d);
	for_each_vcpu(d, v, i) {
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

/* Those who are not at rest stay in the list; the others lose their life. */
static void reap_dying(void)
{
	struct list waiting;
	struct domain *d;

	list_init(&waiting);
	while ((d = take_first(&dying))) {
		if (at_rest(d)) {
			tear_down(d);
			domain_put(d);
		} else {
			list_add_tail(&waiting, &d->reap);
		}
	}
	spin_lock(&lock);
	while (!list_empty(&waiting)) {
		d = list_first(&waiting, struct domain, reap);
		list_del(&d->reap);
		list_add_tail(&dying, &d->reap);
	}
	spin_unlock(&lock);
}

static void free_gone(void)
{
	struct list batch;
	struct domain *d;

	list_init(&batch);
	while ((d = take_first(&gone))) {
		domain_unlink(d);
		list_add_tail(&batch, &d->reap);
	}
	if (list_empty(&batch))
		return;
	virq_raise_global(VIRQ_DOM_EXC);
	sched_quiesce(); /* nobody is still looking at what he found */
	while (!list_empty(&batch)) {
		d = list_first(&batch, struct domain, reap);
		list_del(&d->reap);
		domain_free(d);
	}
}

static void reaper(void *arg)
{
	uint64_t seen;

	for (;;) {
		seen = load_acquire(&kicks);
		reap_dying();
		free_gone();
		wait_for_change(&kicks, seen);
	}
}

void reaper_start(void)
{
	if (!thread_create(reaper, NULL, "reaper"))
		panic("no memory for the reaper");
}
