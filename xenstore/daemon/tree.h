/*
 * The tree of nodes: immutable and shared.
 *
 * A `struct node *` that somebody holds a reference on is a snapshot of the
 * node and of all below it, for ever: taking one is O(1).  The functions
 * that change a tree work on a variable that holds its root; they copy the
 * nodes between the root and the place of the change where these are shared
 * with a snapshot, and change them in place where they are not.
 *
 * Two generations say what changed: `gen` when the value or the permissions
 * were last set, `child_gen` when a child was last added or removed.  They
 * come from one counter and are never used twice, so that equal generations
 * mean equal content.
 *
 * Nothing here checks rights, names or quotas: see access.c and nodeop.c.
 */
#ifndef XENSTORE_DAEMON_TREE_H
#define XENSTORE_DAEMON_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/daemon/dir.h"
#include "xenstore/daemon/perms.h"

struct node {
	uint32_t refs;
	uint32_t children_count;
	uint32_t children_len;	/* bytes of their names with the NULs */
	uint32_t value_len;
	uint16_t name_len;	/* 0 for the root */
	uint64_t hash;		/* of the name */
	uint64_t seq;		/* order of creation */
	uint64_t gen, child_gen;
	struct perms *perms;
	struct dir *children;
	char data[];		/* name, NUL, value */
};

static inline const char *node_name(const struct node *n)
{
	return n->data;
}

static inline const char *node_value(const struct node *n)
{
	return n->data + n->name_len + 1;
}

/* A node without children; `gen` also becomes its place in creation order. */
struct node *node_new(const char *name, size_t name_len, struct perms *perms,
		      const void *value, size_t len, uint64_t gen);
struct node *node_get(struct node *n);
void node_put(struct node *n);

/* The node at an absolute path, or NULL; no reference is taken. */
struct node *tree_find(struct node *root, const char *path);

/*
 * The same, or else its nearest existing ancestor.  *used is the length of
 * that one's path inside `path`: all of it if the node exists, 0 for the root
 * above something.
 */
struct node *tree_nearest(struct node *root, const char *path, size_t *used);

/*
 * Create the node at `path` and those between it and its nearest existing
 * ancestor, which ends at `used`; all get `perms`, the last one the value.
 */
void tree_create(struct node **root, const char *path, size_t used,
		 struct perms *perms, const void *value, size_t len,
		 uint64_t gen);

/* Set value or permissions of an existing node. */
void tree_set_value(struct node **root, const char *path, const void *value,
		    size_t len, uint64_t gen);
void tree_set_perms(struct node **root, const char *path, struct perms *perms,
		    uint64_t gen);

/* Remove an existing node, not the root, and all below it. */
void tree_remove(struct node **root, const char *path, uint64_t gen);

#endif
