/*
 * The children of one node: a persistent map from names to nodes.
 *
 * It is a treap keyed by the hash of the name, with heap order by another
 * part of that hash: its shape depends on its content alone.  Entries are
 * counted and, once shared, never changed: a change copies the entries
 * between the root and the place (O(log n)) and shares the rest with whoever
 * holds the old root.  An entry that nobody shares is changed in place.
 *
 * A `struct dirent *` variable is a map; NULL is the empty one.
 */
#ifndef XENSTORE_DAEMON_DIR_H
#define XENSTORE_DAEMON_DIR_H

#include <stddef.h>
#include <stdint.h>

struct node;

/* An entry: private to dir.c, but for those that write maps down (graph.c). */
struct dirent {
	uint32_t refs;
	struct dirent *less, *more;
	struct node *node;
};

/* Take or drop a reference on a map; NULL is allowed. */
struct dirent *dir_get(struct dirent *dir);
void dir_put(struct dirent *dir);

/* The child of that name, or NULL.  No reference is taken. */
struct node *dir_find(struct dirent *dir, const char *name, size_t len);

/*
 * The place of an existing child, or NULL.  All entries down to it belong to
 * this map alone afterwards, so that the caller may replace the node in it.
 */
struct node **dir_slot(struct dirent **dir, const char *name, size_t len);

/* Add a child that is not there yet; the caller's reference moves in. */
void dir_insert(struct dirent **dir, struct node *child);

/* Remove an existing child and drop the reference on it. */
void dir_remove(struct dirent **dir, const char *name, size_t len);

/*
 * Store all children in `out`, which has room for them, in the order of
 * their creation; returns how many.
 */
size_t dir_list(struct dirent *dir, struct node **out);

/* Call `fn` for each child, in no order; it must not change the map. */
void dir_each(struct dirent *dir, void (*fn)(struct node *child, void *arg),
	      void *arg);

#endif
