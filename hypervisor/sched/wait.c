/*
 * Waiting for a word in memory to change: rare waits that have no object of
 * their own to queue on. Waiters stand in a table by the word's address, each
 * on its own stack; who changes a word calls wake_waiters() after it.
 */
#include "domain.h"

#define BUCKETS 64

struct waiter {
	struct list link;
	const uint64_t *word;
	struct vcpu *v;
};

static struct bucket {
	struct spinlock lock; /* RANK_WAIT: list */
	struct list list;     /* next NULL: never used */
} buckets[BUCKETS] = {
	[0 ... BUCKETS - 1] = { .lock = SPINLOCK(RANK_WAIT) },
};

static struct bucket *bucket_of(const uint64_t *word)
{
	uint64_t hash = (uint64_t)word * 0x9e3779b97f4a7c15UL;

	return &buckets[hash >> 58];
}

void wait_for_change(const uint64_t *word, uint64_t seen)
{
	struct waiter w = { .word = word, .v = current };
	struct bucket *b = bucket_of(word);

	spin_lock(&b->lock);
	if (!b->list.next)
		list_init(&b->list);
	list_add_tail(&b->list, &w.link);
	spin_unlock(&b->lock);
	for (;;) {
		/* In the list, then a full barrier, then the word is read. */
		sched_block_prepare();
		if (READ_ONCE(*word) != seen)
			break;
		schedule();
	}
	sched_block_cancel();
	spin_lock(&b->lock);
	list_del(&w.link);
	spin_unlock(&b->lock);
}

void wake_waiters(const uint64_t *word)
{
	struct bucket *b = bucket_of(word);
	struct list *first;
	struct waiter *w;

	smp_mb(); /* the word is written before the list is read */
	first = READ_ONCE(b->list.next);
	if (likely(!first || first == &b->list))
		return;
	spin_lock(&b->lock);
	list_for_each(w, &b->list, link)
		if (w->word == word)
			vcpu_wake(w->v);
	spin_unlock(&b->lock);
}
