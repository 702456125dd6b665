/*
 * Borrowed virtual time (Duda and Cheriton, SOSP 1999). A vCPU's actual virtual
 * time passes while it runs, the slower the more its domain weighs; the one
 * whose effective virtual time is earliest runs. The two are the same, unless
 * the domain may warp: then the vCPU's effective time is put forward by the
 * domain's warp, and it is served before its turn. What it runs is charged all
 * the same: it borrows from its own future, and over the long run everybody has
 * what the weights say.
 *
 * A vCPU that runs goes on until the time of one that waits is earlier by the
 * context-switch allowance (the pool's slice, in time of the one that runs): so
 * two that compute do not take turns by the nanosecond. One that woke is not
 * kept waiting for that: it is due as soon as its time is earlier.
 *
 * A warp has limits, so that a domain that takes it for computing does no harm:
 * after warp_limit of running warped a vCPU is so no more, until it has not been
 * warped, or slept, for the time that unwarp says. 0 is no limit.
 *
 * Nobody saves time up: who wakes is at least at the queue's floor, the earliest
 * time of those that wait or run there. Each queue has a heap of those that
 * other CPUs may run, too, and one of those that are pinned to it; so a decision
 * costs log n steps, and a CPU that looks for work elsewhere, which it does when
 * it idles and at ticks, reads one number of each of the others. Virtual time is
 * the pool's: a CPU takes over who is behind all of its own by an allowance.
 * Times that have nothing to do with the new queue's, since affinity kept the
 * two apart, are brought near to its floor.
 *
 * All under the lock of the vCPU's home.
 */
#include "policy.h"
#include "public/bvt.h"
#include "trace.h"
#include <xen/domctl.h>

#define ALLOWANCE (5 * NSEC_PER_MSEC) /* unless the pool has been told another */
#define LOOKS 16U /* of those that may move: so many, if the first may not */

/* Virtual times are compared by their difference: they may wrap around. */
static bool is_earlier(uint64_t a, uint64_t b)
{
	return (int64_t)(a - b) < 0;
}

/* Real time, as virtual time of a vCPU of that weight. */
static uint64_t virtual(nsec_t ns, uint16_t weight)
{
	return ((ns << 8) + weight - 1) / weight;
}

/* What the current one may run on while another would be due. */
static uint64_t allowance(const struct sched_cpu *q)
{
	return virtual(q->pool->slice, q->curr->domain->sched.weight);
}

/* q's next tick is no later than that, if it is ours to say. */
static void set_tick(struct sched_cpu *q, nsec_t t)
{
	if (q->cpu != this_cpu()->id || (q->tick_armed && t >= q->tick.expires))
		return;
	q->tick_armed = true;
	timer_set(&q->tick, t);
}

/* How far v may be put forward, in virtual time. */
static uint64_t warp_of(const struct vcpu *v)
{
	return virtual(READ_ONCE(v->domain->sched.warp) * 1000UL, 256);
}

/* --- heaps ---------------------------------------------------------------- */

/*
 * Merges two heaps into *at. At each step a coin says on which side of the
 * earlier one the other goes on: so the way down is log n, whatever comes, and
 * no node keeps a rank or a balance.
 */
static void heap_merge(uint32_t *coin, struct vcpu **at, struct vcpu *a,
		       struct vcpu *b)
{
	struct vcpu *later, **side;

	while (a && b) {
		if (is_earlier(b->sched.bvt.effective,
			       a->sched.bvt.effective)) {
			later = a;
			a = b;
		} else {
			later = b;
		}
		*at = a;
		a->sched.bvt.link = at;
		*coin = *coin * 1664525u + 1013904223u;
		side = *coin >> 31 ? &a->sched.bvt.left : &a->sched.bvt.right;
		at = side;
		a = *side;
		b = later;
	}
	*at = a ? a : b;
	if (*at)
		(*at)->sched.bvt.link = at;
}

/* The earlier of the two heaps' first; NULL: nobody waits. */
static struct vcpu *earliest(const struct sched_cpu *q)
{
	struct vcpu *a = q->bvt.pinned, *b = q->bvt.movable;

	if (!a || !b)
		return a ? a : b;
	return is_earlier(b->sched.bvt.effective,
			  a->sched.bvt.effective) ? b : a;
}

/* For other CPUs, which must not look at vCPUs that they hold no lock for. */
static void tell_first(struct sched_cpu *q)
{
	if (q->bvt.movable)
		WRITE_ONCE(q->bvt.first,
			   q->bvt.movable->sched.bvt.effective);
}

static void bvt_init_queue(struct sched_cpu *q)
{
	memset(&q->bvt, 0, sizeof(q->bvt));
	q->bvt.coin = q->cpu + 1;
}

/* By time alone: who keeps his turn is put where everybody is. */
static void bvt_add(struct sched_cpu *q, struct vcpu *v, bool keeps)
{
	struct vcpu **root = v->sched.movable ? &q->bvt.movable : &q->bvt.pinned;
	struct bvt_vcpu *b = &v->sched.bvt;

	b->left = b->right = NULL;
	heap_merge(&q->bvt.coin, root, *root, v);
	tell_first(q);
}

static void bvt_del(struct sched_cpu *q, struct vcpu *v)
{
	struct bvt_vcpu *b = &v->sched.bvt;

	heap_merge(&q->bvt.coin, b->link, b->left, b->right);
	tell_first(q);
}

static struct vcpu *bvt_take(struct sched_cpu *q, struct vcpu *avoid)
{
	struct vcpu *v = earliest(q);

	q->bvt.look = false;
	bvt_del(q, v);
	if (v != avoid || !earliest(q))
		return v;
	v = bvt_take(q, NULL); /* it yields to whoever is next */
	bvt_add(q, avoid, false);
	return v;
}

/* --- virtual time ----------------------------------------------------------- */

/* Warped from here on, if its domain may be and v has been long enough not. */
static void try_warp(struct vcpu *v, nsec_t t)
{
	const struct sched_domain *d = &v->domain->sched;
	struct bvt_vcpu *b = &v->sched.bvt;

	if (likely(!READ_ONCE(d->warp))) {
		b->warped = false;
	} else if (t >= b->warp_off + READ_ONCE(d->unwarp) * 1000UL) {
		b->warped = true;
		b->warp_ran = 0;
	}
}

static void set_effective(struct vcpu *v)
{
	struct bvt_vcpu *b = &v->sched.bvt;

	b->effective = b->actual - (b->warped ? warp_of(v) : 0);
}

/* Nobody here is behind this. */
static void raise_floor(struct sched_cpu *q, uint64_t running)
{
	const struct vcpu *v = earliest(q);
	uint64_t first = v && is_earlier(v->sched.bvt.effective, running) ?
		v->sched.bvt.effective : running;

	if (is_earlier(q->bvt.floor, first))
		q->bvt.floor = first;
}

static void bvt_init_vcpu(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	v->sched.bvt = (struct bvt_vcpu){ .actual = q->bvt.floor };
}

/*
 * v comes to q, or wakes there: who has had his share is no farther from the
 * floor than this, ahead or behind.
 */
static void bring_near(const struct sched_cpu *q, struct vcpu *v, bool woke)
{
	const int64_t far = (int64_t)(warp_of(v) +
		virtual(2 * (q->pool->slice + q->pool->tick),
			v->domain->sched.weight));
	int64_t ahead = (int64_t)(v->sched.bvt.actual - q->bvt.floor);

	ahead = min(max(ahead, woke ? 0 : -far), far);
	v->sched.bvt.actual = q->bvt.floor + (uint64_t)ahead;
}

static void bvt_enter(struct sched_cpu *q, struct vcpu *v, nsec_t t, bool woke)
{
	bring_near(q, v, woke);
	v->sched.bvt.woke = woke;
	try_warp(v, t);
	set_effective(v);
}

static void bvt_leave(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	if (v->sched.bvt.warped)
		v->sched.bvt.warp_off = t;
}

static void bvt_start(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	struct bvt_vcpu *b = &v->sched.bvt;
	uint64_t limit = READ_ONCE(v->domain->sched.warp_limit) * 1000UL;

	b->woke = false;
	v->sched.last_run = t;
	if (unlikely(b->warped) && limit)
		set_tick(q, t + limit - min(limit, b->warp_ran));
}

static void charge_warp(struct vcpu *v, nsec_t ran, nsec_t t)
{
	uint64_t limit = READ_ONCE(v->domain->sched.warp_limit) * 1000UL;
	struct bvt_vcpu *b = &v->sched.bvt;

	if (!b->warped) {
		try_warp(v, t);
		return;
	}
	b->warp_ran += ran;
	if (!READ_ONCE(v->domain->sched.warp) || (limit && b->warp_ran >= limit)) {
		b->warped = false;
		b->warp_off = t;
	}
}

static void bvt_charge(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;
	nsec_t ran = t > s->last_run ? t - s->last_run : 0;

	s->last_run += ran;
	cap_charge(v->domain, (int64_t)ran);
	s->bvt.actual += virtual(ran, v->domain->sched.weight);
	charge_warp(v, ran, t);
	set_effective(v);
	raise_floor(q, s->bvt.effective);
	trace(TRC_BVT_CHARGED, v->domain->id, v->id, (uint32_t)s->bvt.actual,
	      (uint32_t)(s->bvt.actual >> 32), s->bvt.warped);
}

/* --- decisions --------------------------------------------------------------- */

/* Virtual time, as real time of v. */
static nsec_t real(uint64_t time, const struct vcpu *v)
{
	return (time * v->domain->sched.weight >> 8) + 1;
}

/* Whose time is @other shall run rather than q's current one. */
static bool is_due(const struct sched_cpu *q, uint64_t other)
{
	return !is_earlier(q->curr->sched.bvt.effective,
			   other + allowance(q));
}

/* If not now, then when the current one has come as far. */
static bool bvt_precedes(struct sched_cpu *q, struct vcpu *v)
{
	nsec_t t = now();

	bvt_charge(q, q->curr, t);
	if (is_earlier(v->sched.bvt.effective, q->curr->sched.bvt.effective))
		return true;
	set_tick(q, t + real(v->sched.bvt.effective -
			     q->curr->sched.bvt.effective, q->curr));
	return false;
}

static bool bvt_looks(const struct sched_cpu *q)
{
	return !q->waiting || q->bvt.look;
}

static bool bvt_wants(const struct sched_cpu *q, const struct sched_cpu *from)
{
	const struct vcpu *v = earliest(q);

	return READ_ONCE(from->bvt.movable) &&
	       (!v || is_earlier(READ_ONCE(from->bvt.first),
				 v->sched.bvt.effective));
}

/* The first that q's CPU may run, or one near the first; n: looks left. */
static struct vcpu *find_movable(const struct sched_cpu *q, struct vcpu *v,
				 unsigned int *n)
{
	struct vcpu *found;

	if (!v || !*n)
		return NULL;
	--*n;
	if (movable_to(v, q))
		return v;
	found = find_movable(q, v->sched.bvt.left, n);
	return found ? found : find_movable(q, v->sched.bvt.right, n);
}

static struct vcpu *bvt_fetch(struct sched_cpu *q, struct sched_cpu *from)
{
	unsigned int n = q->waiting ? LOOKS : ~0u; /* one that idles: all */
	struct vcpu *v = bvt_wants(q, from) ?
		find_movable(q, from->bvt.movable, &n) : NULL;

	if (!v)
		return NULL;
	bvt_del(from, v);
	if (!q->waiting) /* nobody here whom it could be unfair to */
		q->bvt.floor = from->bvt.floor;
	bring_near(q, v, false);
	set_effective(v);
	return v;
}

/* Somebody else's turn, here or in another CPU's queue. */
static bool bvt_tick(struct sched_cpu *q, nsec_t t)
{
	const struct vcpu *v = earliest(q);
	const struct sched_cpu *other;
	unsigned int i;
	bool due;

	if (v && v->sched.bvt.woke)
		due = is_earlier(v->sched.bvt.effective,
				 q->curr->sched.bvt.effective);
	else
		due = v && is_due(q, v->sched.bvt.effective);
	for (i = 0; i < cpus_present && q->pool->nr_cpus > 1; i++) {
		other = cpus[i].sched;
		if (other != q && other->pool == q->pool &&
		    READ_ONCE(other->bvt.movable) &&
		    is_due(q, READ_ONCE(other->bvt.first)))
			q->bvt.look = true;
	}
	return due || q->bvt.look;
}

const struct sched_policy sched_bvt = {
	.name = "bvt",
	.id = XEN_SCHEDULER_BVT,
	.slice = ALLOWANCE,
	.init_queue = bvt_init_queue,
	.init_vcpu = bvt_init_vcpu,
	.enter = bvt_enter,
	.leave = bvt_leave,
	.start = bvt_start,
	.charge = bvt_charge,
	.add = bvt_add,
	.del = bvt_del,
	.take = bvt_take,
	.precedes = bvt_precedes,
	.looks = bvt_looks,
	.wants = bvt_wants,
	.fetch = bvt_fetch,
	.tick = bvt_tick,
};
