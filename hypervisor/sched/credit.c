/*
 * The credit policy. A vCPU pays for the time that it runs and earns time at
 * the rate that its weight gives it: its part of the pool's CPUs, measured against
 * the weights of everybody there who wants to run. Who has credit is UNDER, who has
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
 * until nothing is lost; queues that exchange vCPUs share their paces.
 *
 * All under the lock of the vCPU's home; the pool's sum of weights is atomic.
 */
#include "policy.h"
#include "trace.h"
#include <xen/domctl.h>

#define SLICE (30 * NSEC_PER_MSEC) /* unless the pool has been told another */
#define PACE_TIME ((int64_t)(200 * NSEC_PER_MSEC)) /* lost: e-fold, or 1/e */
#define LOOKS 16U /* vCPUs that a tick looks at: so many, however many wait */

enum { BOOST, UNDER, OVER };

static void credit_init_queue(struct sched_cpu *q)
{
	struct credit_queue *c = &q->credit;
	unsigned int i;

	memset(c, 0, sizeof(*c));
	for (i = 0; i < CREDIT_CLASSES; i++)
		list_init(&c->class[i]);
	c->look = &c->class[OVER];
	c->pace = PACE;
}

/* The most urgent class that waits in q, CREDIT_CLASSES: none. */
static unsigned int best(const struct sched_cpu *q)
{
	unsigned int class = 0;

	while (class < CREDIT_CLASSES && !READ_ONCE(q->credit.count[class]))
		class++;
	return class;
}

static void insert(struct sched_cpu *q, struct vcpu *v, bool first)
{
	unsigned int class = v->sched.priority;
	struct credit_queue *c = &q->credit;
	struct list *head = &c->class[class];

	list_add_tail(first ? head->next : head, &v->sched.queue);
	WRITE_ONCE(c->count[class], c->count[class] + 1);
	WRITE_ONCE(c->movable[class], c->movable[class] + v->sched.movable);
}

/* Before all others of its class, or behind them. */
static void credit_add(struct sched_cpu *q, struct vcpu *v, bool keeps)
{
	/* One whose slice is not over keeps its turn. */
	insert(q, v, keeps && v->sched.last_run < v->sched.slice_end);
}

static void credit_del(struct sched_cpu *q, struct vcpu *v)
{
	unsigned int class = v->sched.priority;
	struct credit_queue *c = &q->credit;

	if (c->look == &v->sched.queue)
		c->look = v->sched.queue.next;
	list_del(&v->sched.queue);
	WRITE_ONCE(c->count[class], c->count[class] - 1);
	WRITE_ONCE(c->movable[class], c->movable[class] - v->sched.movable);
}

static struct vcpu *credit_take(struct sched_cpu *q, struct vcpu *avoid)
{
	unsigned int class;
	struct vcpu *v;

	for (class = best(q); class < CREDIT_CLASSES; class++)
		list_for_each(v, &q->credit.class[class], sched.queue)
			if (v != avoid) {
				credit_del(q, v);
				return v;
			}
	credit_del(q, avoid);
	return avoid;
}

static bool credit_precedes(struct sched_cpu *q, struct vcpu *v)
{
	return v->sched.priority < q->curr->sched.priority;
}

/* Nobody has credit here. */
static bool credit_looks(const struct sched_cpu *q)
{
	return best(q) >= OVER;
}

static bool credit_wants(const struct sched_cpu *q,
			 const struct sched_cpu *from)
{
	unsigned int class, worse = best(q);

	for (class = 0; class < worse; class++)
		if (READ_ONCE(from->credit.movable[class]))
			return true;
	return false;
}

/* The most urgent that q's CPU may run. Who is pinned is not even looked at. */
static struct vcpu *find_movable(const struct sched_cpu *q,
				 const struct sched_cpu *from)
{
	unsigned int class, worse = best(q);
	struct vcpu *v;

	for (class = 0; class < worse; class++) {
		if (!from->credit.movable[class])
			continue;
		list_for_each(v, &from->credit.class[class], sched.queue)
			if (movable_to(v, q))
				return v;
	}
	return NULL;
}

static struct vcpu *credit_fetch(struct sched_cpu *q, struct sched_cpu *from)
{
	struct vcpu *v = find_movable(q, from);

	if (!v)
		return NULL;
	credit_del(from, v);
	q->credit.pace = from->credit.pace =
		(q->credit.pace + from->credit.pace) / 2;
	return v;
}

/* What v earned since the last time, up to t. */
static inline int64_t earned(const struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	const struct sched_pool *pool = q->pool;
	struct sched_vcpu *s = &v->sched;
	uint64_t weight = v->domain->sched.weight;
	uint64_t ns, rate, total;

	if (t <= s->earned_at)
		return 0;
	ns = t - s->earned_at;
	s->earned_at = t;
	if (ns >= 2 * pool->slice * 1024) /* a long sleep: the bound */
		return 2 * (int64_t)pool->slice;
	total = READ_ONCE(pool->weight);
	if (!s->weighed) /* asleep: as if it were one of them */
		total += weight;
	rate = weight * pool->nr_cpus * ((uint64_t)q->credit.pace >> 16) /
	       total;
	/* More than one CPU's worth is of no use. */
	return (int64_t)(ns * min(rate, PACE >> 16) / (PACE >> 16));
}

static inline void add_credit(struct sched_cpu *q, struct vcpu *v, int64_t ns)
{
	int64_t sum = v->sched.credit + ns, lost;
	const int64_t most = (int64_t)q->pool->slice;
	struct credit_queue *c = &q->credit;

	v->sched.credit = max(min(sum, most), -most);
	if (likely(v->sched.credit == sum) || !v->sched.weighed)
		return;
	lost = max(min(sum - v->sched.credit, most), -most);
	c->pace = max(min(c->pace - c->pace / PACE_TIME * lost,
			  (int64_t)PACE << 16), (int64_t)PACE >> 8);
}

static void credit_init_vcpu(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	v->sched.earned_at = t;
	v->sched.credit = 0;
	v->sched.priority = UNDER;
}

/* v's part of the sum from here on, until it leaves or the weight changes. */
static void weigh(struct sched_cpu *q, struct vcpu *v, uint16_t weight)
{
	(void)atomic_add(&q->pool->weight,
			 (uint64_t)weight - v->sched.weighed);
	v->sched.weighed = weight;
}

static void credit_enter(struct sched_cpu *q, struct vcpu *v, nsec_t t,
			 bool woke)
{
	struct sched_vcpu *s = &v->sched;

	add_credit(q, v, earned(q, v, t));
	weigh(q, v, v->domain->sched.weight);
	s->priority = s->credit < 0 ? OVER :
		      s->credit > 0 && woke ? BOOST : UNDER;
}

static void credit_leave(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	weigh(q, v, 0);
}

static void credit_start(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	v->sched.last_run = t;
	if (t >= v->sched.slice_end)
		v->sched.slice_end = t + q->pool->slice;
}

static void credit_charge(struct sched_cpu *q, struct vcpu *v, nsec_t t)
{
	struct sched_vcpu *s = &v->sched;
	int64_t ran = t > s->last_run ? (int64_t)(t - s->last_run) : 0;

	add_credit(q, v, earned(q, v, t) - ran);
	s->last_run += (nsec_t)ran;
	cap_charge(v->domain, ran);
	s->priority = s->credit < 0 ? OVER : UNDER;
	trace(TRC_CREDIT_CHARGED, v->domain->id, v->id, (uint32_t)s->credit,
	      (uint32_t)(s->credit >> 32), (uint32_t)s->priority);
}

/* Those who waited long enough have credit again. */
static void promote(struct sched_cpu *q, nsec_t t)
{
	struct credit_queue *c = &q->credit;
	unsigned int n = min(LOOKS, c->count[OVER]);
	struct vcpu *v;

	for (; n; n--) {
		if (c->look == &c->class[OVER]) /* its end: from the first */
			c->look = c->look->next;
		v = container_of(c->look, struct vcpu, sched.queue);
		c->look = c->look->next;
		add_credit(q, v, earned(q, v, t));
		if (v->sched.credit < 0)
			continue;
		credit_del(q, v);
		v->sched.priority = UNDER;
		insert(q, v, false);
	}
}

static bool credit_tick(struct sched_cpu *q, nsec_t t)
{
	struct vcpu *v = q->curr;
	unsigned int waits;

	promote(q, t);
	if (v->sched.weighed != v->domain->sched.weight)
		weigh(q, v, v->domain->sched.weight);
	waits = best(q);
	if (waits < (unsigned int)v->sched.priority)
		return true;
	/*
	 * Half a tick early is as near to the slice's end as half a tick late.
	 */
	if (t + q->pool->tick / 2 < v->sched.slice_end)
		return false;
	v->sched.slice_end = t;
	/* OVER: somebody UNDER may wait in another CPU's queue. */
	return waits < CREDIT_CLASSES || v->sched.priority == OVER;
}

const struct sched_policy sched_credit = {
	.name = "credit",
	.id = XEN_SCHEDULER_CREDIT,
	.slice = SLICE,
	.init_queue = credit_init_queue,
	.init_vcpu = credit_init_vcpu,
	.enter = credit_enter,
	.leave = credit_leave,
	.start = credit_start,
	.charge = credit_charge,
	.add = credit_add,
	.del = credit_del,
	.take = credit_take,
	.precedes = credit_precedes,
	.looks = credit_looks,
	.wants = credit_wants,
	.fetch = credit_fetch,
	.tick = credit_tick,
};
