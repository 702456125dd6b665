/*
 * Who runs where. Each CPU has a queue of vCPUs that wait for it, with a lock;
 * its pool's policy orders the queue (policy.h), this file keeps the states straight.
 *
 * A vCPU is asleep, queued, or running. It belongs to one CPU's queue, its
 * home, also while it sleeps. The home's lock guards all of that, and the home
 * changes only under the locks of both homes; vcpu_lock_home() finds it.
 *
 * Its stack is in use (on_cpu) from the moment when schedule() chooses it
 * until the next one runs on a stack of its own: sched_switched() clears the
 * flag. In between the old one may already have been woken and queued. Nobody
 * else may run it then, and nobody does:
 *
 *   - on_cpu implies that it runs, or just ran, on its home: only its home
 *     chooses it, and its home stays the same while on_cpu is set;
 *   - another CPU takes a vCPU from a queue only if on_cpu is clear
 *     (load-acquire, pairs with the store-release in sched_switched(): what
 *     the old CPU wrote to the stack and to the saved state is seen by the new
 *     one).
 *
 * No wake-up is lost. The sleeper sets blocked, then looks at its condition;
 * the waker makes the condition true, then looks at blocked: with a full
 * barrier in each, one of them sees the other. blocked is cleared under the
 * home's lock, under which schedule() looks at it for the last time. Parking
 * is the same, with the reasons of vcpu_must_stop() for a condition.
 *
 * No idle CPU sleeps while somebody waits whom it might run. It sets its bit
 * in idle_cpus, then looks through all queues; who queues a vCPU does that
 * first, then looks for an idle CPU and kicks it. A vCPU that the idle CPU had
 * to pass over because its stack was still in use is offered again by
 * sched_switched(). A queue whose lock was taken is looked at again:
 * need_resched stays set.
 *
 * need_resched tells a CPU to look: at its queue, and at whether its vCPU must
 * stop. It is set after the reason and cleared before looking. As long as the
 * vCPU that runs must stop, it is set again: only parking ends that.
 */
#include "policy.h"
#include "trace.h"

uint64_t idle_cpus;

bool vcpu_must_stop(const struct vcpu *v)
{
	const struct domain *d = v->domain;

	return READ_ONCE(v->sched.down) || READ_ONCE(d->pause_count) ||
	       READ_ONCE(d->shutting_down) || domain_is_dying(d) ||
	       cap_reached(d);
}

struct sched_cpu *vcpu_lock_home(struct vcpu *v)
{
	struct sched_cpu *q;

	for (;;) {
		q = cpus[READ_ONCE(v->sched.cpu)].sched;
		spin_lock(&q->lock);
		if (likely(q->cpu == v->sched.cpu))
			return q;
		spin_unlock(&q->lock);
	}
}

void kick_cpu(unsigned int cpu)
{
	WRITE_ONCE(cpus[cpu].need_resched, true);
	if (cpu != this_cpu()->id)
		ipi_kick(cpu);
}

/*
 * Offers v, which waits in a queue, to one other idle CPU that may run it: of the
 * pool, since a thread might run on any.
 */
void offer(const struct vcpu *v)
{
	unsigned int home = READ_ONCE(v->sched.cpu);
	const struct sched_pool *pool = READ_ONCE(cpus[home].sched->pool);
	uint64_t m, bit;

	smp_mb(); /* queued before idle_cpus is read: see above */
	m = READ_ONCE(idle_cpus) & READ_ONCE(v->sched.may_run) &
	    READ_ONCE(pool->cpus) & ~(1UL << home);
	for (; m; m &= ~bit) {
		bit = m & READ_ONCE(v->sched.prefers);
		bit = bit ? bit & -bit : m & -m;
		if (atomic_and(&idle_cpus, ~bit) & bit) {
			kick_cpu(__builtin_ctzll(bit));
			return;
		}
	}
}

static void enqueue(struct sched_cpu *q, struct vcpu *v, bool keeps)
{
	q->policy->add(q, v, keeps);
	WRITE_ONCE(q->waiting, q->waiting + 1);
	v->sched.queued = true;
}

/* v was taken out of q's queue. */
static void dequeued(struct sched_cpu *q, struct vcpu *v)
{
	WRITE_ONCE(q->waiting, q->waiting - 1);
	v->sched.queued = false;
}

void queue_add(struct sched_cpu *q, struct vcpu *v)
{
	enqueue(q, v, false);
}

void queue_del(struct sched_cpu *q, struct vcpu *v)
{
	q->policy->del(q, v);
	dequeued(q, v);
}

void queue_enter(struct sched_cpu *q, struct vcpu *v, nsec_t t, bool woke)
{
	if (unlikely(v->sched.pool_serial != q->pool->serial)) {
		q->policy->init_vcpu(q, v, t);
		v->sched.pool_serial = q->pool->serial;
	}
	q->policy->enter(q, v, t, woke);
}

/*
 * Whose turn has only just begun goes on, whoever wakes: one that wakes another
 * of its domain often holds what that one needs next.
 */
static bool turn_is_new(const struct sched_cpu *q, nsec_t t)
{
	return t < q->curr->sched.state_entry + q->pool->rate_limit;
}

/*
 * v waits in q: the CPU of q runs it, or an idle one takes it. With others in
 * q its CPU has enough to do, whatever it does at this moment.
 *
 * Who wakes its sibling on this CPU is mostly about to sleep, and until then
 * holds what the sibling would spin for: it gets a moment to be done.
 */
void announce(struct sched_cpu *q, struct vcpu *v)
{
	bool idle = q->curr == q->idle;
	bool urgent = idle || q->policy->precedes(q, v);
	bool later = urgent && q->curr == current && !idle &&
		     current->domain == v->domain;

	if (later)
		timer_set(&q->tick, now() + SIBLING_GRACE);
	else if (urgent)
		kick_cpu(q->cpu);
	if (!urgent || later || q->waiting > 1 ||
	    (!idle && turn_is_new(q, now())))
		offer(v);
}

/* Lock of q, v's home, held. Its CPU may still be about to put v to sleep. */
static void make_runnable(struct sched_cpu *q, struct vcpu *v)
{
	nsec_t t;

	if (v->sched.runnable)
		return;
	t = now();
	v->sched.runnable = true;
	trace(TRC_SCHED_WAKE, v->domain->id, v->id);
	runstate_change(v, RUNSTATE_runnable, t);
	queue_enter(q, v, t, true);
	queue_add(q, v);
	announce(q, v);
}

/* v sleeps no longer in the place that *asleep tells, blocked or parked. */
static no_inline void rouse(struct vcpu *v, bool *asleep)
{
	struct sched_cpu *q = vcpu_lock_home(v);

	if (*asleep) {
		WRITE_ONCE(*asleep, false);
		make_runnable(q, v);
	}
	spin_unlock(&q->lock);
	if (unlikely(!prefers(v, q->cpu)))
		rehome(v);
}

void vcpu_wake(struct vcpu *v)
{
	smp_mb(); /* the condition before blocked: sched_block_prepare() */
	if (unlikely(READ_ONCE(v->sched.blocked)))
		rouse(v, &v->sched.blocked);
}

void vcpu_unpark(struct vcpu *v)
{
	smp_mb(); /* the reason before parked: park() */
	if (READ_ONCE(v->sched.parked) && !vcpu_must_stop(v))
		rouse(v, &v->sched.parked);
}

void vcpu_kick(struct vcpu *v)
{
	unsigned int cpu = READ_ONCE(v->sched.cpu);

	smp_mb(); /* the event before on_cpu: sched_switched() */
	if (READ_ONCE(v->sched.on_cpu) && cpu != this_cpu()->id)
		ipi_kick(cpu);
}

void vcpu_stop(struct vcpu *v)
{
	/*
	 * The reason before on_cpu: v is not on a CPU and will see it in
	 * sched_switched() before its guest runs, or it is kicked.
	 */
	smp_mb();
	if (READ_ONCE(v->sched.on_cpu))
		kick_cpu(READ_ONCE(v->sched.cpu));
	vcpu_wake(v);
}

bool vcpu_is_stopped(const struct vcpu *v)
{
	return READ_ONCE(v->sched.parked) &&
	       !load_acquire(&v->sched.on_cpu);
}

/*
 * Takes a vCPU that waits elsewhere in the pool, and that the policy would
 * rather run than those in q, into q, whose lock is held. The other queue's
 * lock is only tried for, since two CPUs may want each other's.
 */
static void steal(struct sched_cpu *q)
{
	const struct sched_policy *policy = q->policy;
	unsigned int i, n = cpus_present;
	struct sched_cpu *from;
	struct vcpu *v = NULL;

	for (i = 1; i < n && !v; i++) {
		from = cpus[(q->cpu + i) % n].sched;
		if (!from || from->pool != q->pool || !policy->wants(q, from))
			continue;
		if (!spin_trylock(&from->lock)) {
			WRITE_ONCE(cpus[q->cpu].need_resched, true);
			cpu_pause(); /* an idle CPU comes back at once */
			continue;
		}
		/* One alone is home when its CPU idles, which is on its way. */
		if (from->pool == q->pool &&
		    (from->curr != from->idle || from->waiting > 1))
			v = policy->fetch(q, from);
		if (v) {
			dequeued(from, v);
			WRITE_ONCE(v->sched.cpu, q->cpu);
			queue_add(q, v);
		}
		spin_unlock(&from->lock);
	}
}

/* The next to run on q's CPU, out of its queue; avoid only if it must be. */
static struct vcpu *choose(struct sched_cpu *q, struct vcpu *avoid)
{
	struct vcpu *v;

	if (!q->waiting)
		(void)atomic_or(&idle_cpus, 1UL << q->cpu); /* then look */
	if (q->pool->nr_cpus > 1 && q->policy->looks(q))
		steal(q);
	if (!q->waiting)
		return q->idle;
	v = q->policy->take(q, avoid);
	dequeued(q, v);
	return v;
}

/* prev ran until now: it sleeps, waits again, or must leave this CPU. */
static void settle(struct sched_cpu *q, struct vcpu *prev, nsec_t t,
		   bool yield)
{
	q->policy->charge(q, prev, t);
	if (prev->sched.blocked || prev->sched.parked) {
		prev->sched.runnable = false;
		q->policy->leave(q, prev, t);
		runstate_change(prev, prev->sched.parked ? RUNSTATE_offline :
				RUNSTATE_blocked, t);
	} else if (!stays(prev, q)) {
		/* In no queue: sched_switched() finds it another home. */
		q->policy->leave(q, prev, t);
	} else {
		enqueue(q, prev, !yield);
	}
}

static void begin(struct sched_cpu *q, struct vcpu *next, nsec_t t)
{
	q->curr = next;
	WRITE_ONCE(next->sched.on_cpu, true);
	if (next->sched.state != RUNSTATE_running)
		runstate_change(next, RUNSTATE_running, t);
	if (next == q->idle)
		return;
	if (READ_ONCE(idle_cpus) >> q->cpu & 1)
		atomic_and(&idle_cpus, ~(1UL << q->cpu));
	q->policy->start(q, next, t);
	if (!q->tick_armed) {
		q->tick_armed = true;
		timer_set(&q->tick, t + q->pool->tick);
	}
}

static bool may_go_on(const struct sched_cpu *q)
{
	const struct sched_vcpu *s = &q->curr->sched;

	return q->curr != q->idle && !s->blocked && !s->parked &&
	       allowed(q->curr, q->cpu);
}

static void resched(bool yield)
{
	struct cpu *cpu = this_cpu();
	struct sched_cpu *q = cpu->sched;
	struct vcpu *prev = cpu->running, *next;
	nsec_t t = now();

	WRITE_ONCE(cpu->need_resched, false);
	smp_mb(); /* cleared before looking */
	spin_lock(&q->lock);
	assert(q->curr == prev && prev->sched.cpu == q->cpu);
	if (!yield && may_go_on(q) && turn_is_new(q, t)) {
		if (q->waiting)
			timer_set(&q->tick, prev->sched.state_entry +
				  q->pool->rate_limit);
		next = prev;
	} else {
		if (prev != q->idle)
			settle(q, prev, t, yield);
		next = choose(q, yield ? prev : NULL);
		if (prev != next && prev->sched.state == RUNSTATE_running)
			runstate_change(prev, RUNSTATE_runnable, t);
		begin(q, next, t);
	}
	spin_unlock(&q->lock);
	if (prev != next) {
		trace(TRC_SCHED_SWITCH, prev->domain->id, prev->id,
		      next->domain->id, next->id);
		context_switch(prev, next); /* then sched_switched() */
	} else if (prev != q->idle && vcpu_must_stop(prev)) {
		WRITE_ONCE(cpu->need_resched, true);
	}
}

void schedule(void)
{
	resched(false);
}

void sched_yield(void)
{
	const struct sched_cpu *q = this_cpu()->sched;

	if (q->waiting || READ_ONCE(this_cpu()->need_resched))
		resched(true);
}

void sched_switched(struct vcpu *prev)
{
	struct cpu *cpu = this_cpu();
	struct vcpu *v = cpu->running;

	store_release(&prev->sched.on_cpu, false);
	smp_mb(); /* pairs with offer(), vcpu_stop(), sched_set_affinity() */
	if (prev != cpu->idle) {
		if (!allowed(prev, cpu->id) ||
		    READ_ONCE(prev->sched.runnable) !=
		    READ_ONCE(prev->sched.queued))
			rehome(prev);
		else if (READ_ONCE(prev->sched.queued))
			offer(prev);
	}
	if (v != cpu->idle && vcpu_must_stop(v))
		WRITE_ONCE(cpu->need_resched, true);
}

void sched_block_prepare(void)
{
	/* A full barrier: what is read after it is newer than blocked. */
	(void)atomic_xchg(&current->sched.blocked, true);
}

void sched_block_cancel(void)
{
	WRITE_ONCE(current->sched.blocked, false);
}

/*
 * Sleeps until no reason to stop is left. Somebody may wait for the last vCPU
 * to park: the end of a shutdown, the reaper, or domain_pause_sync().
 */
static void park(struct vcpu *v)
{
	struct domain *d = v->domain;

	(void)atomic_xchg(&v->sched.parked, true);
	if (!vcpu_must_stop(v)) {
		/* Who removed the reason may do the same just now: no harm. */
		WRITE_ONCE(v->sched.parked, false);
		return;
	}
	domain_parked(d);
	(void)atomic_add(&d->sched.parks, 1);
	wake_waiters(&d->sched.parks);
	resched(false);
}

void sched_guest_boundary(void)
{
	struct vcpu *v = current;

	do {
		resched(false);
		/*
		 * A reason that is set after this look comes with
		 * need_resched, which was cleared before it: by the last
		 * resched().
		 */
		while (vcpu_must_stop(v))
			park(v);
	} while (READ_ONCE(this_cpu()->need_resched));
}

void idle_loop(void)
{
	for (;;) {
		if (READ_ONCE(this_cpu()->need_resched))
			schedule();
		else if (heap_scrub_some())
			irq_window();
		else
			/*
			 * need_resched is set before the kick, and interrupts
			 * are off since it was read: the kick ends the halt.
			 */
			irq_enable_and_halt();
	}
}

void preempt_yield(void)
{
	assert_no_lock_held();
	irq_window();
	if (READ_ONCE(this_cpu()->need_resched))
		resched(false);
}

int preempt_point(void)
{
	preempt_yield();
	return domain_is_dying(current->domain) ? -EINTR : 0;
}

static void tick(void *arg)
{
	struct sched_cpu *q = arg;
	nsec_t t = now();

	spin_lock(&q->lock);
	if (q->curr == q->idle) {
		q->tick_armed = false;
	} else {
		q->policy->charge(q, q->curr, t);
		if (q->policy->tick(q, t) || cap_reached(q->curr->domain) ||
		    !stays(q->curr, q))
			WRITE_ONCE(cpus[q->cpu].need_resched, true);
		timer_set(&q->tick, t + q->pool->tick);
	}
	spin_unlock(&q->lock);
}

/* All of the old pool's vCPUs here are runnable; sleepers enter when they wake. */
void queue_change_pool(struct sched_cpu *q, struct sched_pool *pool)
{
	struct vcpu *curr, *v;
	struct list waiting;
	nsec_t t = now();

	list_init(&waiting);
	spin_guard(&q->lock);
	curr = q->curr;
	while (q->waiting) {
		v = q->policy->take(q, NULL);
		dequeued(q, v);
		q->policy->leave(q, v, t);
		list_add_tail(&waiting, &v->sched.queue);
	}
	if (curr != q->idle) {
		q->policy->charge(q, curr, t);
		q->policy->leave(q, curr, t);
	}
	q->policy = pool->policy;
	q->pool = pool;
	q->policy->init_queue(q);
	if (curr != q->idle) {
		queue_enter(q, curr, t, false);
		q->policy->start(q, curr, t);
	}
	while (waiting.next != &waiting) {
		v = container_of(waiting.next, struct vcpu, sched.queue);
		list_del(&v->sched.queue);
		queue_enter(q, v, t, false);
		queue_add(q, v);
	}
	kick_cpu(q->cpu);
}

void sched_init_vcpu(struct vcpu *v)
{
	struct sched_vcpu *s = &v->sched;
	uint64_t one;

	list_init(&s->queue);
	s->hard_affinity = s->soft_affinity = ~0UL;
	set_may_run(v, pool_cpus_of(v->domain));
	one = s->may_run & 1UL << (v->domain->id + v->id) % cpus_present;
	s->cpu = best_home(one ? one : s->may_run);
	s->parked = s->down = true;
	s->state = RUNSTATE_offline;
	s->state_entry = now();
}

void sched_init_cpu(unsigned int cpu)
{
	struct sched_cpu *q = hv_alloc(sizeof(*q));

	if (!q)
		panic("no memory for the run queue of CPU %u", cpu);
	spin_init(&q->lock, RANK_SCHED);
	q->cpu = cpu;
	pool_begin(q);
	timer_init(&q->tick, tick, q);
	q->idle = q->curr = idle_vcpu_create(cpu);
	q->idle->sched.cpu = cpu;
	q->idle->sched.hard_affinity = 1UL << cpu;
	set_may_run(q->idle, 1UL << cpu);
	q->idle->sched.runnable = q->idle->sched.on_cpu = true;
	q->idle->sched.state = RUNSTATE_running;
	list_init(&q->idle->sched.queue);
	cpus[cpu].idle = cpus[cpu].running = q->idle;
	cpus[cpu].sched = q;
	(void)atomic_or(&idle_cpus, 1UL << cpu);
}
