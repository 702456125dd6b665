/*
 * The credit policy. A vCPU pays for the time that it runs and earns time at
 * the rate that its weight gives it: its part of all CPUs, measured against
 * the weights of everybody who wants to run. Who has credit is UNDER, who has
 * none left is OVER and waits behind; within a class all take turns, a slice
 * each. Whoever wakes with credit is BOOSTed, before all others, until the
 * first time that it is charged for: a short job is done at once, a long one
 * gains nothing.
 *
 * Nothing is sampled. Both sides of the account are brought up to date from
 * timestamps, for one vCPU at a time: when it stops running, when it wakes,
 * and at ticks for the one that runs and a few in turn of those that wait OVER.
 * So a decision costs the same however many vCPUs there are, and running between
 * two ticks is not free.
 *
 * Credit is bounded on both sides: who slept long has at most one slice in
 * hand, and who ran alone for long has at most a slice of debt when others
 * come. What is lost at a bound tells that all in a queue earn more than their
 * CPU has, or less: affinity, or that a vCPU fills but one CPU, leaves some of
 * them less than their weights would give. So it sets the pace of that queue,
 * until nothing is lost; queues that exchange vCPUs (core.c) share their paces.
 *
 * A domain with a cap has an account of its own, in time of any CPU: what its
 * vCPUs run is charged to it, each period pays the cap's part. Once a period's
 * worth is open they park at the guest boundary, though CPUs idle, until it is
 * paid. That is seen a tick late at most; what was overdrawn is paid too, so
 * that the share is exact in the long run.
 *
 * All under the lock of the vCPU's home; the sum of weights and the account
 * are atomic.
 */
#include "policy.h"
#include <xen/domctl.h>

#define SLICE (30 * NSEC_PER_MSEC)
#define CREDIT_MAX ((int64_t)SLICE)
#define PACE_TIME ((int64_t)(200 * NSEC_PER_MSEC)) /* lost: e-fold, or 1/e */
#define LOOKS 16U /* vCPUs that a tick looks at: so many, however many wait */

enum { BOOST, UNDER, OVER };

/* What v earned since the last time, up to t. */
static int64_t earned(struct vcpu *v, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;
	uint64_t weight = v->domain->sched.weight;
	uint64_t ns, rate, total;

	if (t <= s->earned_at)
		return 0;
	ns = t - s->earned_at;
	s->earned_at = t;
	if (ns >= 2 * SLICE * 1024) /* a long sleep: the bound, no overflow */
		return 2 * CREDIT_MAX;
	total = READ_ONCE(sched_runnable_weight);
	if (!s->weighed) /* asleep: as if it were one of them */
		total += weight;
	rate = weight * cpus_present *
	       ((uint64_t)cpus[s->cpu].sched->pace >> 16) / total;
	/* More than one CPU's worth is of no use. */
	return (int64_t)(ns * min(rate, PACE >> 16) / (PACE >> 16));
}

static void add_credit(struct vcpu *v, int64_t ns)
{
	int64_t sum = v->sched.credit + ns, lost;
	struct sched_cpu *q;

	v->sched.credit = max(min(sum, CREDIT_MAX), -CREDIT_MAX);
	if (likely(v->sched.credit == sum) || !v->sched.weighed)
		return;
	lost = max(min(sum - v->sched.credit, CREDIT_MAX), -CREDIT_MAX);
	q = cpus[v->sched.cpu].sched;
	q->pace = max(min(q->pace - q->pace / PACE_TIME * lost,
			  (int64_t)PACE << 16), (int64_t)PACE >> 8);
}

/* ns in a period; 0: no cap. */
static int64_t cap_budget(const struct domain *d)
{
	return READ_ONCE(d->sched.cap) * (int64_t)SLICE / 100;
}

bool cap_reached(const struct domain *d)
{
	int64_t budget = cap_budget(d);

	return budget && READ_ONCE(d->sched.cap_used) >= budget;
}

void sched_set_cap(struct domain *d, uint16_t percent)
{
	spin_lock(&d->lock);
	WRITE_ONCE(d->sched.cap, percent);
	timer_set(&d->sched.cap_timer, now() + SLICE);
	spin_unlock(&d->lock);
}

/* A period is over. After the cap is gone this runs once, to let all go. */
void sched_pay_cap(void *domain)
{
	struct domain *d = domain;
	int64_t budget;

	spin_lock(&d->lock); /* two may not pay for the same time */
	budget = cap_budget(d);
	/* A tick in hand: so much may have run and not be charged yet. */
	(void)atomic_sub(&d->sched.cap_used,
			 min(budget, READ_ONCE(d->sched.cap_used) +
			     (int64_t)TICK));
	/* A period after the last, which may have been late. */
	if (budget && !domain_is_dying(d))
		timer_set(&d->sched.cap_timer, max(now(), 2 * SLICE +
			  d->sched.cap_timer.expires) - SLICE);
	spin_unlock(&d->lock);
	domain_unpark_vcpus(d);
}

static void credit_init_vcpu(struct vcpu *v, nsec_t t)
{
	v->sched.earned_at = t;
	v->sched.priority = UNDER;
}

/* v's part of the sum from here on, until it sleeps or the weight changes. */
static void weigh(struct vcpu *v, uint16_t weight)
{
	(void)atomic_add(&sched_runnable_weight,
			 (uint64_t)weight - v->sched.weighed);
	v->sched.weighed = weight;
}

static void credit_woke(struct vcpu *v, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;

	add_credit(v, earned(v, t));
	weigh(v, v->domain->sched.weight);
	s->priority = s->credit > 0 ? BOOST : s->credit < 0 ? OVER : UNDER;
}

static void credit_slept(struct vcpu *v, nsec_t t)
{
	weigh(v, 0);
}

static void credit_start(struct vcpu *v, nsec_t t)
{
	v->sched.last_run = t;
	if (t >= v->sched.slice_end)
		v->sched.slice_end = t + SLICE;
}

static void credit_charge(struct vcpu *v, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;
	int64_t ran = t > s->last_run ? (int64_t)(t - s->last_run) : 0;

	add_credit(v, earned(v, t) - ran);
	s->last_run += (nsec_t)ran;
	if (cap_budget(v->domain))
		(void)atomic_add(&v->domain->sched.cap_used, ran);
	s->priority = s->credit < 0 ? OVER : UNDER;
}

static unsigned int credit_class(const struct vcpu *v)
{
	return v->sched.priority;
}

/* Those who waited long enough have credit again. */
static void promote(struct sched_cpu *q, nsec_t t)
{
	unsigned int n = min(LOOKS, q->count[OVER]);
	struct vcpu *v;

	for (; n; n--) {
		if (q->look == &q->class[OVER]) /* its end: from the first */
			q->look = q->look->next;
		v = container_of(q->look, struct vcpu, sched.queue);
		q->look = q->look->next;
		add_credit(v, earned(v, t));
		if (v->sched.credit < 0)
			continue;
		queue_del(q, v);
		v->sched.priority = UNDER;
		queue_add(q, v);
	}
}

static bool credit_tick(struct sched_cpu *q, nsec_t t)
{
	unsigned int class, waits;

	promote(q, t);
	if (q->curr->sched.weighed != q->curr->domain->sched.weight)
		weigh(q->curr, q->curr->domain->sched.weight);
	if (cap_reached(q->curr->domain))
		return true;
	class = credit_class(q->curr);
	waits = queue_best(q);
	if (waits < class)
		return true;
	/*
	 * Half a tick early is as near to the slice's end as half a tick late.
	 */
	if (t + TICK / 2 < q->curr->sched.slice_end)
		return false;
	q->curr->sched.slice_end = t;
	/* OVER: somebody UNDER may wait in another CPU's queue. */
	return waits != CLASS_NONE || class == OVER;
}

const struct sched_policy sched_credit = {
	.name = "credit",
	.id = XEN_SCHEDULER_CREDIT,
	.init_vcpu = credit_init_vcpu,
	.woke = credit_woke,
	.slept = credit_slept,
	.start = credit_start,
	.charge = credit_charge,
	.class = credit_class,
	.tick = credit_tick,
};
