/*
 * The children of one node: a persistent map from names to nodes.
 *
 * It is a trie over the hash of the name, four bits a level; each of its
 * nodes has as many slots as it needs.  Its shape depends on its content
 * alone, and its depth is the logarithm to 16 of that.  Trie nodes are counted
 * and, once shared, never changed: a change copies those between the root and
 * the place and shares the rest with whoever holds the old root.  What nobody
 * shares is changed in place.
 *
 * A `struct dir *` variable is a map; NULL is the empty one.
 */
#ifndef XENSTORE_DAEMON_DIR_H
#define XENSTORE_DAEMON_DIR_H

#include <stddef.h>
#include <stdint.h>

struct node;

/* Private to dir.c, but for those that write maps down (graph.c). */
struct dir {
	uint32_t refs;
	uint16_t has;		/* which slots there are; see DIR_BUCKET */
	uint16_t deeper;	/* which of them hold a map, not a node */
	void *slot[];
};

/* Where the hash is used up: a list by name, `has` is its length. */
#define DIR_BITS	4
#define DIR_BUCKET	64

/* How many slots there are in a map at that depth in bits. */
unsigned int dir_slots(const struct dir *d, unsigned int shift);

/* Does slot `i` hold a map? */
int dir_is_deeper(const struct dir *d, unsigned int i);

/* Take or drop a reference on a map; NULL is allowed. */
struct dir *dir_get(struct dir *d);
void dir_put(struct dir *d);

/* The child of that name, or NULL.  No reference is taken. */
struct node *dir_find(struct dir *d, const char *name, size_t len);

/*
 * The place of an existing child.  All down to it belongs to this map alone
 * afterwards, so that the caller may replace the node in it.
 */
struct node **dir_slot(struct dir **at, const char *name, size_t len);

/* Add a child that is not there yet; the caller's reference moves in. */
void dir_insert(struct dir **at, struct node *child);

/* Remove an existing child and drop the reference on it. */
void dir_remove(struct dir **at, const char *name, size_t len);

/*
 * Store all children in `out`, which has room for them, in the order of
 * their creation; returns how many.
 */
size_t dir_list(struct dir *d, struct node **out);

/* Call `fn` for each child, in no order; it must not change the map. */
void dir_each(struct dir *d, void (*fn)(struct node *child, void *arg),
	      void *arg);

#endif
