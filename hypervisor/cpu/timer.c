/*
 * Timers: a heap for each CPU, ordered by expiry, on the local APIC's
 * one-shot timer. A heap of links needs no memory of its own, so that setting
 * a timer never fails.
 *
 * A timer's `claimed` is held by whoever sets or stops it, also while its
 * function, on another CPU, wants to do the same. Inside it, a queue's lock
 * guards the heap, the links and `active` of the timers in it, and `running`:
 * an active timer may fire at any moment, a claimed one that is not active
 * stays so. The hardware is programmed by its own CPU only, and may fire
 * too early (the timer it was set for has been stopped): then it is set anew.
 */
#include "time.h"
#include "cpu.h"
#include "irq.h"
#include "lib.h"
#include "printk.h"
#include "spinlock.h"

struct timer_queue {
	struct spinlock lock;
	struct timer *root;    /* first to expire */
	struct timer *running; /* its function is being called */
	nsec_t armed;          /* the hardware fires then; NEVER: not set */
};

#define NEVER UINT64_MAX

static struct timer_queue queues[MAX_CPUS];

/*
 * Merges two heaps into *at. A skew heap: what is merged into goes on as the
 * left child and the old left child moves to the right, so that a long way
 * down does not stay long; over many operations each costs log n steps.
 */
static void heap_merge(struct timer **at, struct timer *a, struct timer *b)
{
	struct timer *t;

	while (a && b) {
		if (b->expires < a->expires) {
			t = a;
			a = b;
			b = t;
		}
		*at = a;
		a->link = at;
		at = &a->left;
		t = a->right;
		a->right = a->left;
		if (a->right)
			a->right->link = &a->right;
		a = t;
	}
	*at = a ? a : b;
	if (*at)
		(*at)->link = at;
}

static void heap_remove(struct timer *t)
{
	heap_merge(t->link, t->left, t->right);
	t->active = false;
}

/* This CPU's queue, locked: the hardware fires no later than it must. */
static void queue_arm(struct timer_queue *q)
{
	nsec_t when = q->root ? q->root->expires : NEVER;

	if (when >= q->armed)
		return;
	q->armed = when;
	timer_hw_set(when);
}

void timer_init(struct timer *t, void (*fn)(void *), void *arg)
{
	*t = (struct timer){ .fn = fn, .arg = arg };
}

static void claim(struct timer *t)
{
	while (atomic_xchg(&t->claimed, true))
		cpu_relax_poll();
}

static void unclaim(struct timer *t)
{
	store_release(&t->claimed, false);
}

/* Takes a timer out of its queue, whichever that is; false: it was in none. */
static bool deactivate(struct timer *t)
{
	struct timer_queue *q = &queues[READ_ONCE(t->cpu)];

	spin_guard(&q->lock);
	if (!t->active)
		return false;
	heap_remove(t);
	return true;
}

/* A claimed timer that is in no queue but maybe this CPU's. */
static inline void activate(struct timer *t, nsec_t expires)
{
	struct timer_queue *q = this_cpu()->timers;

	spin_guard(&q->lock);
	if (t->active)
		heap_remove(t);
	t->left = t->right = NULL;
	t->cpu = this_cpu()->id;
	t->active = true;
	t->expires = expires;
	heap_merge(&q->root, q->root, t);
	if (!q->running) /* or timer_interrupt() does it, once for all */
		queue_arm(q);
}

void timer_set(struct timer *t, nsec_t expires)
{
	claim(t);
	if (READ_ONCE(t->active) && t->cpu != this_cpu()->id)
		deactivate(t);
	activate(t, expires);
	unclaim(t);
}

void timer_stop(struct timer *t)
{
	claim(t);
	deactivate(t);
	unclaim(t);
	/* On this CPU it can only be the function itself that calls us. */
	for (unsigned int i = 0; i < cpus_present; i++)
		while (i != this_cpu()->id &&
		       load_acquire(&queues[i].running) == t)
			cpu_relax_poll();
}

void timer_migrate(struct timer *t)
{
	if (!READ_ONCE(t->active) || t->cpu == this_cpu()->id)
		return;
	claim(t);
	if (deactivate(t))
		activate(t, t->expires);
	unclaim(t);
}

void timer_interrupt(void)
{
	struct timer_queue *q = this_cpu()->timers;
	struct timer *t;

	spin_lock(&q->lock);
	q->armed = NEVER;
	while ((t = q->root) && t->expires <= now()) {
		heap_remove(t);
		q->running = t;
		spin_unlock(&q->lock);
		t->fn(t->arg);
		spin_lock(&q->lock);
		store_release(&q->running, (struct timer *)NULL);
	}
	queue_arm(q);
	spin_unlock(&q->lock);
}

void timer_init_cpu(void)
{
	struct timer_queue *q = &queues[this_cpu()->id];

	spin_init(&q->lock, RANK_TIMER);
	q->armed = NEVER;
	this_cpu()->timers = q;
}

/* For debug keys: when each CPU's next timer is due. */
void timer_dump(void)
{
	for (unsigned int i = 0; i < cpus_present; i++) {
		struct timer_queue *q = cpus[i].timers;

		if (!q)
			continue;
		spin_guard(&q->lock);
		log_line(LOG_ERR, "CPU%u: next timer at %lu, now %lu, armed %lu",
			 i, q->root ? q->root->expires : NEVER, now(),
			 q->armed);
	}
}
