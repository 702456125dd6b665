/*
 * Timers: a pairing heap for each CPU, ordered by expiry, on the local APIC's
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

#define NEVER (~0ULL)

static struct timer_queue queues[MAX_CPUS];

/*
 * The heap. A node's first child is `child`; siblings are linked by `next`;
 * `prev` is the sibling before, or the parent of a first child.
 */
static struct timer *heap_merge(struct timer *a, struct timer *b)
{
	struct timer *t;

	if (!a)
		return b;
	if (!b)
		return a;
	if (b->expires < a->expires) {
		t = a;
		a = b;
		b = t;
	}
	b->next = a->child;
	if (b->next)
		b->next->prev = b;
	b->prev = a;
	a->child = b;
	a->next = a->prev = NULL;
	return a;
}

/* Merges a list of siblings to one heap: in pairs, then from the back. */
static struct timer *heap_merge_siblings(struct timer *first)
{
	struct timer *done = NULL, *root = NULL, *a, *b;

	while (first) {
		a = first;
		b = a->next;
		first = b ? b->next : NULL;
		a->next = a->prev = NULL;
		if (b)
			b->next = b->prev = NULL;
		a = heap_merge(a, b);
		a->next = done; /* a stack of merged pairs */
		done = a;
	}
	while (done) {
		a = done;
		done = a->next;
		a->next = NULL;
		root = heap_merge(root, a);
	}
	return root;
}

static void heap_remove(struct timer_queue *q, struct timer *t)
{
	struct timer *rest = heap_merge_siblings(t->child);

	if (q->root == t) {
		q->root = rest;
	} else {
		if (t->prev->child == t)
			t->prev->child = t->next;
		else
			t->prev->next = t->next;
		if (t->next)
			t->next->prev = t->prev;
		q->root = heap_merge(q->root, rest);
	}
	t->child = t->next = t->prev = NULL;
	t->active = false;
}

static void queue_insert(struct timer_queue *q, struct timer *t)
{
	t->child = t->next = t->prev = NULL;
	t->cpu = (unsigned int)(q - queues);
	t->active = true;
	q->root = heap_merge(q->root, t);
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
	bool was;

	spin_lock(&q->lock);
	was = t->active;
	if (was)
		heap_remove(q, t);
	spin_unlock(&q->lock);
	return was;
}

void timer_set(struct timer *t, nsec_t expires)
{
	struct timer_queue *q = this_cpu()->timers;

	claim(t);
	if (READ_ONCE(t->active) && t->cpu != this_cpu()->id)
		deactivate(t);
	spin_lock(&q->lock);
	if (t->active)
		heap_remove(q, t);
	t->expires = expires;
	queue_insert(q, t);
	queue_arm(q);
	spin_unlock(&q->lock);
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
	struct timer_queue *q = this_cpu()->timers;

	if (!READ_ONCE(t->active) || t->cpu == this_cpu()->id)
		return;
	claim(t);
	if (deactivate(t)) {
		spin_lock(&q->lock);
		queue_insert(q, t);
		queue_arm(q);
		spin_unlock(&q->lock);
	}
	unclaim(t);
}

void timer_interrupt(void)
{
	struct timer_queue *q = this_cpu()->timers;
	struct timer *t;

	spin_lock(&q->lock);
	q->armed = NEVER;
	while ((t = q->root) && t->expires <= now()) {
		heap_remove(q, t);
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

/* For debug keys: when this and other CPUs' next timers are due. */
void timer_dump(void)
{
	for (unsigned int i = 0; i < cpus_present; i++) {
		struct timer_queue *q = &queues[i];
		nsec_t next = NEVER;

		if (!cpus[i].timers)
			continue;
		spin_lock(&q->lock);
		if (q->root)
			next = q->root->expires;
		spin_unlock(&q->lock);
		log_line(LOG_ERR, "CPU%u: next timer at %lu, now %lu, armed %lu",
			 i, next, now(), q->armed);
	}
}
