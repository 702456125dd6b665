/*
 * A set of paths that remembers in which order they were added, with a few
 * bits and a pointer for each: what a transaction read, what it changed.
 */
#ifndef XENSTORE_DAEMON_PATHSET_H
#define XENSTORE_DAEMON_PATHSET_H

#include <stddef.h>
#include <stdint.h>

struct pathset_entry {
	char *path;
	uint64_t hash;
	unsigned int flags;
	void *data;		/* the set's user owns it */
};

/* All zero is the empty set. */
struct pathset {
	struct pathset_entry *entry;	/* in order of addition */
	size_t count, room;
	uint32_t *slot;			/* index + 1 into entry, or 0 */
	size_t slots;			/* a power of two, or 0 */
};

/* The entry of a path, or NULL. */
struct pathset_entry *pathset_find(const struct pathset *set,
				   const char *path);

/* The entry of a path, added with zero flags if it is not there. */
struct pathset_entry *pathset_add(struct pathset *set, const char *path);

void pathset_free(struct pathset *set);

#endif
