/* The children of one node, a persistent hash trie: see dir.h. */
#include "xenstore/daemon/dir.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/tree.h"

/* Which child is meant. */
struct key {
	uint64_t hash;
	const char *name;
	size_t len;
};

static struct key key_of(const char *name, size_t len)
{
	return (struct key){ hash_text(name, len), name, len };
}

static struct key key_of_node(const struct node *n)
{
	return (struct key){ n->hash, node_name(n), n->name_len };
}

static bool is(const struct node *n, const struct key *k)
{
	return n->hash == k->hash && n->name_len == k->len &&
	       !memcmp(node_name(n), k->name, k->len);
}

/* --- slots ---------------------------------------------------------------- */

static unsigned int ones(uint16_t word)
{
	unsigned int n = word - (word >> 1 & 0x5555u);

	n = (n & 0x3333) + (n >> 2 & 0x3333);
	n = (n + (n >> 4)) & 0x0f0f;
	return (n + (n >> 8)) & 0x1f;
}

unsigned int dir_slots(const struct dir *d, unsigned int shift)
{
	return shift == DIR_BUCKET ? d->has : ones(d->has);
}

/* The bit of `has` that belongs to slot `i`. */
static uint16_t bit_of_slot(const struct dir *d, unsigned int i)
{
	unsigned int rest = d->has;

	while (i--)
		rest &= rest - 1;
	return (uint16_t)(rest & -rest);
}

int dir_is_deeper(const struct dir *d, unsigned int i)
{
	return d->deeper && (d->deeper & bit_of_slot(d, i));
}

static uint16_t bit_at(uint64_t hash, unsigned int shift)
{
	return (uint16_t)(1u << (hash >> shift & 15));
}

/* The slot that belongs to a bit, whether it is there or not. */
static unsigned int slot_at(const struct dir *d, uint16_t bit)
{
	return ones(d->has & (uint16_t)(bit - 1));
}

/* In a bucket: where the name is, or where it would be. */
static unsigned int place_in_bucket(const struct dir *d, const struct key *k)
{
	unsigned int i = 0;

	while (i < d->has) {
		const struct node *n = d->slot[i];
		size_t len = n->name_len < k->len ? n->name_len : k->len;
		int order = memcmp(node_name(n), k->name, len);

		if (order > 0 || (!order && n->name_len >= k->len))
			break;
		i++;
	}
	return i;
}

/* --- references ----------------------------------------------------------- */

/* Maps and nodes begin with their count: no matter what a slot holds. */
_Static_assert(!offsetof(struct dir, refs) && !offsetof(struct node, refs),
	       "a slot's content begins with its references");

struct dir *dir_get(struct dir *d)
{
	if (d)
		d->refs++;
	return d;
}

static void put(struct dir *d, unsigned int shift);

/* Drop the last reference on what slot `i` holds. */
static void put_last(struct dir *d, unsigned int i, unsigned int shift)
{
	if (dir_is_deeper(d, i))
		put(d->slot[i], shift + DIR_BITS);
	else
		node_put(d->slot[i]);
}

static void put(struct dir *d, unsigned int shift)
{
	unsigned int count;

	if (!d || --d->refs)
		return;
	count = dir_slots(d, shift);
	for (unsigned int i = 0; i < count; i++) {
		uint32_t *refs = d->slot[i];

		if (refs && *refs > 1)
			--*refs;
		else
			put_last(d, i, shift);
	}
	free(d);
}

void dir_put(struct dir *d)
{
	put(d, 0);
}

static size_t size_of(unsigned int slots)
{
	return sizeof(struct dir) + slots * sizeof(void *);
}

/* Make *at a trie node that only this map holds. */
static struct dir *own(struct dir **at, unsigned int shift)
{
	struct dir *old = *at, *copy;
	unsigned int count;

	if (old->refs == 1)
		return old;
	count = dir_slots(old, shift);
	copy = mem_alloc(size_of(count));
	memcpy(copy, old, size_of(count));
	copy->refs = 1;
	for (unsigned int i = 0; i < count; i++)
		++*(uint32_t *)copy->slot[i];
	old->refs--;
	*at = copy;
	return copy;
}

/* --- looking -------------------------------------------------------------- */

struct node *dir_find(struct dir *d, const char *name, size_t len)
{
	const struct key k = key_of(name, len);
	struct node *n = NULL;

	for (unsigned int shift = 0; d; shift += DIR_BITS) {
		uint16_t bit = bit_at(k.hash, shift & 63);
		unsigned int i;

		if (shift == DIR_BUCKET) {
			i = place_in_bucket(d, &k);
			n = i < d->has ? d->slot[i] : NULL;
			break;
		}
		if (!(d->has & bit))
			return NULL;
		i = slot_at(d, bit);
		if (!(d->deeper & bit)) {
			n = d->slot[i];
			break;
		}
		d = d->slot[i];
	}
	return n && is(n, &k) ? n : NULL;
}

struct node **dir_slot(struct dir **at, const char *name, size_t len)
{
	const struct key k = key_of(name, len);

	for (unsigned int shift = 0;; shift += DIR_BITS) {
		struct dir *d = own(at, shift);
		uint16_t bit = bit_at(k.hash, shift & 63);

		if (shift == DIR_BUCKET)
			return (struct node **)
			       &d->slot[place_in_bucket(d, &k)];
		at = (struct dir **)&d->slot[slot_at(d, bit)];
		if (!(d->deeper & bit))
			return (struct node **)at;
	}
}

/* --- changing ------------------------------------------------------------- */

/* Make room for one more at slot `i` of what *at alone holds, or of nothing. */
static struct dir *widen(struct dir **at, unsigned int i, unsigned int count)
{
	struct dir *d = mem_resize(*at, size_of(count + 1));

	if (!*at)
		*d = (struct dir){ .refs = 1 };
	memmove(d->slot + i + 1, d->slot + i, (count - i) * sizeof(void *));
	*at = d;
	return d;
}

static void insert(struct dir **at, unsigned int shift, struct node *child);

/* Two children want the same slot: a map of their own for both. */
static void *both(struct node *a, struct node *b, unsigned int shift)
{
	struct dir *d = NULL;

	insert(&d, shift, a);
	insert(&d, shift, b);
	return d;
}

static void insert_in_bucket(struct dir **at, struct node *child)
{
	const struct key k = key_of_node(child);
	unsigned int i = 0, count = 0;
	struct dir *d;

	if (*at) {
		d = own(at, DIR_BUCKET);
		count = d->has;
		i = place_in_bucket(d, &k);
	}
	d = widen(at, i, count);
	d->slot[i] = child;
	d->has = (uint16_t)(count + 1);
}

static void insert(struct dir **at, unsigned int shift, struct node *child)
{
	uint16_t bit = bit_at(child->hash, shift & 63);
	struct dir *d = *at;
	unsigned int i = 0;

	if (shift == DIR_BUCKET) {
		insert_in_bucket(at, child);
		return;
	}
	if (d) {
		d = own(at, shift);
		i = slot_at(d, bit);
	}
	if (!d || !(d->has & bit)) {
		d = widen(at, i, d ? ones(d->has) : 0);
		d->slot[i] = child;
		d->has |= bit;
	} else if (d->deeper & bit) {
		insert((struct dir **)&d->slot[i], shift + DIR_BITS, child);
	} else {
		d->slot[i] = both(d->slot[i], child, shift + DIR_BITS);
		d->deeper |= bit;
	}
}

void dir_insert(struct dir **at, struct node *child)
{
	insert(at, 0, child);
}

/* Take slot `i` out of what *at alone holds; nothing is left of the last. */
static void narrow(struct dir **at, unsigned int i, unsigned int count)
{
	struct dir *d = *at;

	memmove(d->slot + i, d->slot + i + 1,
		(count - i - 1) * sizeof(void *));
	if (count > 1) {
		*at = mem_resize(d, size_of(count - 1));
		return;
	}
	free(d);
	*at = NULL;
}

static void remove_from(struct dir **at, unsigned int shift,
			const struct key *k);

/* A map that holds a single child is no map but that child. */
static void remove_deeper(struct dir *d, unsigned int i, unsigned int shift,
			  uint16_t bit, const struct key *k)
{
	struct dir *below;

	remove_from((struct dir **)&d->slot[i], shift, k);
	below = d->slot[i];
	if (below->deeper || dir_slots(below, shift) != 1)
		return;
	d->slot[i] = below->slot[0];
	d->deeper &= (uint16_t)~bit;
	free(below);
}

static void remove_from(struct dir **at, unsigned int shift,
			const struct key *k)
{
	uint16_t bit = bit_at(k->hash, shift & 63);
	struct dir *d = own(at, shift);
	unsigned int count = dir_slots(d, shift);
	bool bucket = shift == DIR_BUCKET;
	unsigned int i = bucket ? place_in_bucket(d, k) : slot_at(d, bit);

	if (!bucket && (d->deeper & bit)) {
		remove_deeper(d, i, shift + DIR_BITS, bit, k);
		return;
	}
	node_put(d->slot[i]);
	d->has = bucket ? (uint16_t)(count - 1) : d->has & (uint16_t)~bit;
	narrow(at, i, count);
}

void dir_remove(struct dir **at, const char *name, size_t len)
{
	const struct key k = key_of(name, len);

	remove_from(at, 0, &k);
}

/* --- all of them ---------------------------------------------------------- */

static void each(struct dir *d, unsigned int shift,
		 void (*fn)(struct node *child, void *arg), void *arg)
{
	unsigned int rest = d->has, count = dir_slots(d, shift);

	for (unsigned int i = 0; i < count; i++, rest &= rest - 1) {
		if (d->deeper & rest & -rest)
			each(d->slot[i], shift + DIR_BITS, fn, arg);
		else
			fn(d->slot[i], arg);
	}
}

void dir_each(struct dir *d, void (*fn)(struct node *child, void *arg),
	      void *arg)
{
	if (d)
		each(d, 0, fn, arg);
}

static void collect(struct node *child, void *arg)
{
	struct node ***end = arg;

	*(*end)++ = child;
}

static int by_creation(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a;
	const struct node *y = *(struct node *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

size_t dir_list(struct dir *d, struct node **out)
{
	struct node **end = out;
	size_t count;

	dir_each(d, collect, &end);
	count = (size_t)(end - out);
	if (count > 1)
		qsort(out, count, sizeof(*out), by_creation);
	return count;
}
