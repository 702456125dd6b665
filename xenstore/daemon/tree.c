/* The tree of nodes, immutable and shared: see tree.h. */
#include "xenstore/daemon/tree.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"

/*
 * The parent of the node that was looked for or changed last, below the root
 * of then: who asks for a node often asks for its siblings next. Forgotten when
 * any node is freed and before any tree is changed, and so never stale.
 */
static struct {
	const struct node *root;	/* NULL: forgotten */
	struct node *parent;
	bool owned;			/* with all above, while the root is */
	size_t len;			/* of the parent's path, which is: */
	char path[128];
} last;

struct node *node_new(const char *name, size_t name_len, struct perms *perms,
		      const void *value, size_t len, uint64_t gen)
{
	struct node *n = mem_zalloc(sizeof(*n) + name_len + 1 + len);

	n->refs = 1;
	n->name_len = (uint16_t)name_len;
	n->value_len = (uint32_t)len;
	n->hash = hash_text(name, name_len);
	n->seq = n->gen = n->child_gen = gen;
	n->perms = perms_get(perms);
	memcpy(n->data, name, name_len);
	if (len)
		memcpy(n->data + name_len + 1, value, len);
	return n;
}

struct node *node_get(struct node *n)
{
	n->refs++;
	return n;
}

void node_put(struct node *n)
{
	if (!n || --n->refs)
		return;
	last.root = NULL;
	dir_put(n->children);
	perms_put(n->perms);
	free(n);
}

/* Make *slot a node that only its tree holds. */
static struct node *own(struct node **slot)
{
	struct node *old = *slot, *copy;
	size_t size = sizeof(*old) + old->name_len + 1 + old->value_len;

	if (old->refs == 1)
		return old;
	copy = mem_alloc(size);
	memcpy(copy, old, size);
	copy->refs = 1;
	perms_get(copy->perms);
	dir_get(copy->children);
	old->refs--;
	*slot = copy;
	return copy;
}

/* The component that *path points at; moves *path behind it. */
static const char *component(const char **path, const char *end, size_t *len)
{
	const char *start = *path;
	const char *slash = memchr(start, '/', (size_t)(end - start));

	*len = (size_t)((slash ? slash : end) - start);
	*path = slash ? slash + 1 : end;
	return start;
}

/* Is `path` that of a child of the remembered parent, or where one would be? */
static bool is_sibling(const struct node *root, const char *path, size_t len)
{
	return root == last.root && len > last.len + 1 && path[last.len] == '/' &&
	       !memcmp(path, last.path, last.len) &&
	       !memchr(path + last.len + 1, '/', len - last.len - 1);
}

static void remember(const struct node *root, struct node *parent, bool owned,
		     const char *path, size_t len)
{
	if (len > sizeof(last.path))
		return;
	last.root = root;
	last.parent = parent;
	last.owned = owned;
	last.len = len;
	memcpy(last.path, path, len);
}

struct node *tree_nearest(struct node *root, const char *path, size_t *used)
{
	size_t path_len = strlen(path), len;
	const char *at = path + 1, *end = path + path_len;
	struct node *n = root;
	bool near = is_sibling(root, path, path_len);

	*used = at == end ? 1 : 0;
	if (near) {
		n = last.parent;
		*used = last.len;
		at += last.len;
	}
	while (at < end) {
		const char *name = component(&at, end, &len);
		struct node *child = dir_find(n->children, name, len);

		if (at == end && !near)
			remember(root, n, false, path, *used);
		if (!child)
			break;
		n = child;
		*used = (size_t)(name + len - path);
	}
	return n;
}

struct node *tree_find(struct node *root, const char *path)
{
	size_t used;
	struct node *n = tree_nearest(root, path, &used);

	return path[used] ? NULL : n;
}

/*
 * The place of the existing node at the first `len` bytes of `path`, with
 * all nodes above it owned by this tree alone.  What was owned before still is
 * if nobody else holds the root: a tree that shares some of it was changed
 * since, and then that one is remembered.
 */
static struct node **slot_of(struct node **root, const char *path, size_t len)
{
	bool near = last.owned && (*root)->refs == 1 &&
		    is_sibling(*root, path, len);
	const char *at = path + 1, *end = path + len;
	struct node **slot = root, *parent = NULL;
	size_t above = 0;

	if (near) {
		slot = &last.parent;
		at += last.len;
	}
	last.root = NULL;
	while (at < end) {
		size_t name_len;
		const char *name = component(&at, end, &name_len);

		above = (size_t)(name - path) - 1;
		parent = own(slot);
		slot = dir_slot(&parent->children, name, name_len);
	}
	if (parent)
		remember(*root, parent, true, path, above);
	return slot;
}

/* Put `child` below `parent`, which its tree alone holds. */
static void adopt(struct node *parent, struct node *child, uint64_t gen)
{
	dir_insert(&parent->children, child);
	parent->children_count++;
	parent->children_len += child->name_len + 1u;
	parent->child_gen = gen;
}

/* The new branch is built from its tip and then hung up by its first node. */
void tree_create(struct node **root, const char *path, size_t used,
		 struct perms *perms, const void *value, size_t len,
		 uint64_t gen)
{
	size_t end = strlen(path);
	struct node *branch = NULL, *parent;

	while (end > used) {
		const char *slash = memrchr(path, '/', end);
		size_t name_len = (size_t)(path + end - slash) - 1;
		struct node *n = node_new(slash + 1, name_len, perms,
					  branch ? NULL : value,
					  branch ? 0 : len, gen);

		if (branch)
			adopt(n, branch, gen);
		branch = n;
		end = (size_t)(slash - path);
	}
	parent = own(slot_of(root, path, used ? used : 1));
	adopt(parent, branch, gen);
	remember(*root, parent, true, path, used);
}

void tree_set_value(struct node **root, const char *path, const void *value,
		    size_t len, uint64_t gen)
{
	struct node **slot = slot_of(root, path, strlen(path));
	struct node *n = own(slot);

	if (len != n->value_len) {
		n = mem_resize(n, sizeof(*n) + n->name_len + 1 + len);
		n->value_len = (uint32_t)len;
		*slot = n;
	}
	if (len)
		memcpy(n->data + n->name_len + 1, value, len);
	n->gen = gen;
}

void tree_set_perms(struct node **root, const char *path, struct perms *perms,
		    uint64_t gen)
{
	struct node *n = own(slot_of(root, path, strlen(path)));

	perms_get(perms);
	perms_put(n->perms);
	n->perms = perms;
	n->gen = gen;
}

void tree_remove(struct node **root, const char *path, uint64_t gen)
{
	size_t parent_len = path_parent_len(path);
	const char *name = strrchr(path, '/') + 1;
	struct node *parent = own(slot_of(root, path, parent_len));
	size_t len = strlen(name);

	dir_remove(&parent->children, name, len);
	parent->children_count--;
	parent->children_len -= (uint32_t)len + 1;
	parent->child_gen = gen;
}
