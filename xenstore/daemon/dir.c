/* The children of one node, a persistent treap: see dir.h. */
#include "xenstore/daemon/dir.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/tree.h"

/* Heap order: the hash with its halves mixed the other way round. */
static uint64_t priority(uint64_t hash)
{
	return hash * 0xff51afd7ed558ccdu;
}

struct dirent *dir_get(struct dirent *dir)
{
	if (dir)
		dir->refs++;
	return dir;
}

void dir_put(struct dirent *dir)
{
	if (!dir || --dir->refs)
		return;
	dir_put(dir->less);
	dir_put(dir->more);
	node_put(dir->node);
	free(dir);
}

/* Make *dir an entry that only this map holds. */
static struct dirent *own(struct dirent **dir)
{
	struct dirent *old = *dir, *copy;

	if (old->refs == 1)
		return old;
	copy = mem_alloc(sizeof(*copy));
	*copy = (struct dirent){
		.refs = 1, .less = dir_get(old->less),
		.more = dir_get(old->more), .node = node_get(old->node),
	};
	old->refs--;
	*dir = copy;
	return copy;
}

/* Order by hash, then by name for the day when two hashes agree. */
static int compare(uint64_t hash, const char *name, size_t len,
		   const struct node *n)
{
	if (hash != n->hash)
		return hash < n->hash ? -1 : 1;
	if (len != n->name_len)
		return len < n->name_len ? -1 : 1;
	return memcmp(name, node_name(n), len);
}

struct node *dir_find(struct dirent *dir, const char *name, size_t len)
{
	uint64_t hash = hash_text(name, len);

	while (dir) {
		int order = compare(hash, name, len, dir->node);

		if (!order)
			return dir->node;
		dir = order < 0 ? dir->less : dir->more;
	}
	return NULL;
}

struct node **dir_slot(struct dirent **dir, const char *name, size_t len)
{
	uint64_t hash = hash_text(name, len);

	if (!dir_find(*dir, name, len))
		return NULL;
	for (;;) {
		struct dirent *d = own(dir);
		int order = compare(hash, name, len, d->node);

		if (!order)
			return &d->node;
		dir = order < 0 ? &d->less : &d->more;
	}
}

/* Split an owned map at a name that it does not hold. */
static void split(struct dirent *dir, const struct node *at,
		  struct dirent **less, struct dirent **more)
{
	while (dir) {
		struct dirent *d = own(&dir);

		if (compare(at->hash, node_name(at), at->name_len,
			    d->node) < 0) {
			*more = d;
			more = &d->less;
			dir = d->less;
		} else {
			*less = d;
			less = &d->more;
			dir = d->more;
		}
	}
	*less = NULL;
	*more = NULL;
}

void dir_insert(struct dirent **dir, struct node *child)
{
	struct dirent *fresh = mem_zalloc(sizeof(*fresh));

	while (*dir && priority((*dir)->node->hash) > priority(child->hash)) {
		struct dirent *d = own(dir);

		dir = compare(child->hash, node_name(child), child->name_len,
			      d->node) < 0 ? &d->less : &d->more;
	}
	fresh->refs = 1;
	fresh->node = child;
	split(*dir, child, &fresh->less, &fresh->more);
	*dir = fresh;
}

/* Join two owned maps, all of `less` before all of `more`, into *out. */
static void join(struct dirent *less, struct dirent *more,
		 struct dirent **out)
{
	while (less && more) {
		if (priority(less->node->hash) > priority(more->node->hash)) {
			*out = own(&less);
			out = &less->more;
			less = less->more;
		} else {
			*out = own(&more);
			out = &more->less;
			more = more->less;
		}
	}
	*out = less ? less : more;
}

void dir_remove(struct dirent **dir, const char *name, size_t len)
{
	uint64_t hash = hash_text(name, len);

	for (;;) {
		struct dirent *d = own(dir);
		int order = compare(hash, name, len, d->node);

		if (!order) {
			join(d->less, d->more, dir);
			node_put(d->node);
			free(d);
			return;
		}
		dir = order < 0 ? &d->less : &d->more;
	}
}

static struct node **collect(struct dirent *dir, struct node **out)
{
	if (!dir)
		return out;
	out = collect(dir->less, out);
	*out++ = dir->node;
	return collect(dir->more, out);
}

static int by_creation(const void *a, const void *b)
{
	const struct node *x = *(struct node *const *)a;
	const struct node *y = *(struct node *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

size_t dir_list(struct dirent *dir, struct node **out)
{
	size_t count = (size_t)(collect(dir, out) - out);

	if (count)
		qsort(out, count, sizeof(*out), by_creation);
	return count;
}

void dir_each(struct dirent *dir, void (*fn)(struct node *child, void *arg),
	      void *arg)
{
	if (!dir)
		return;
	dir_each(dir->less, fn, arg);
	fn(dir->node, arg);
	dir_each(dir->more, fn, arg);
}
