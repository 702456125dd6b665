/* What can be done with a node: see nodeop.h. */
#include "xenstore/daemon/nodeop.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/tree.h"

/* A permission entry's share of a node's size, as the node quota counts. */
#define ENTRY_SIZE	8u

/* --- charging ------------------------------------------------------------- */

size_t nodeop_charge(const struct node *n)
{
	return sizeof(*n) + n->name_len + n->value_len +
	       n->perms->count * sizeof(n->perms->entry[0]);
}

/* Charge the owner named by `perms`, if it is still there. */
static void charge(const struct view *v, const struct perms *perms,
		   int64_t nodes, int64_t memory)
{
	const struct perm *owner = &perms->entry[0];
	struct domain *d = domain_find(v->srv, owner->domid);
	struct delta *delta;

	if (!d || d->incarnation != owner->incarnation)
		return;
	if (v->deltas) {
		delta = deltas_get(v->deltas, owner->domid);
		delta->nodes += nodes;
		delta->memory += memory;
		return;
	}
	d->nodes += (uint32_t)nodes;
	domain_charge(d, memory);
}

static void charge_node(const struct view *v, const struct node *n, int sign)
{
	charge(v, n->perms, sign, sign * (int64_t)nodeop_charge(n));
}

static void uncharge_tree(struct node *n, void *arg)
{
	charge_node(arg, n, -1);
	dir_each(n->children, uncharge_tree, arg);
}

/* May the caller own so many more nodes and bytes?  0 or -ENOSPC. */
static int check_room(const struct view *v, uint64_t nodes, uint64_t memory)
{
	const uint32_t *quota = v->srv->quota;
	struct domain *d = domain_find(v->srv, v->who.domid);
	struct delta now = { 0 };

	if (v->who.privileged || !d)
		return 0;
	if (v->deltas)
		now = *deltas_get(v->deltas, v->who.domid);
	now.nodes += d->nodes + (int64_t)nodes;
	now.memory += (int64_t)(d->memory + memory);
	if (nodes && now.nodes > quota[QUOTA_NODES]) {
		domain_refused(v->srv, d->domid, QUOTA_NODES,
			       (uint64_t)now.nodes);
		return -ENOSPC;
	}
	if (memory && now.memory > quota[QUOTA_MEMORY]) {
		domain_refused(v->srv, d->domid, QUOTA_MEMORY,
			       (uint64_t)now.memory);
		return -ENOSPC;
	}
	return 0;
}

/* Value, children's names and permissions of one node: 0 or -ENOSPC. */
static int check_size(const struct view *v, uint64_t value, uint64_t children,
		      uint64_t entries)
{
	uint64_t size = value + children + entries * ENTRY_SIZE;

	if (v->who.privileged || size <= v->srv->quota[QUOTA_NODE_SIZE])
		return 0;
	domain_refused(v->srv, v->who.domid, QUOTA_NODE_SIZE, size);
	return -ENOSPC;
}

/* --- looking -------------------------------------------------------------- */

/*
 * -ENOENT if it could be created: then *out is the node above it that there
 * is, whose path ends at *used.
 */
static int find(const struct view *v, const char *path, unsigned int need,
		struct node **out, size_t *used)
{
	struct node *n = tree_nearest(*v->root, path, used);
	unsigned int rights = perms_of(n->perms, &v->who);

	*out = n;
	if (path[*used])
		return (rights & need) ? -ENOENT : -EACCES;
	return (rights & need) == need ? 0 : -EACCES;
}

int nodeop_find(const struct view *v, const char *path, unsigned int need,
		struct node **out)
{
	size_t used;
	struct node *n;
	int rc = find(v, path, need, &n, &used);

	if (!rc)
		*out = n;
	return rc;
}

/* --- changing ------------------------------------------------------------- */

/* What new nodes below `n` get: its list, owned by who creates them. */
static struct perms *inherit(const struct view *v, const struct node *n)
{
	const struct perm *owner = &n->perms->entry[0];

	if (v->who.privileged || (owner->domid == v->who.domid &&
				  owner->incarnation == v->who.incarnation))
		return perms_get(n->perms);
	return perms_with_owner(n->perms, v->who.domid, v->who.incarnation);
}

static size_t count_slashes(const char *path)
{
	size_t count = 0;

	for (; *path; path++)
		count += *path == '/';
	return count;
}

/* Quotas of creating what `path` lacks behind `used` below `parent`. */
static int check_create(const struct view *v, const struct node *parent,
			const char *path, size_t used, size_t len)
{
	size_t new_nodes = count_slashes(path + used);
	size_t first = strcspn(path + used + 1, "/");
	size_t entries = parent->perms->count;
	size_t memory = strlen(path + used) + len +
			new_nodes * (sizeof(*parent) + entries *
				     sizeof(parent->perms->entry[0]));
	int rc;

	rc = check_room(v, new_nodes, memory);
	if (!rc)
		rc = check_size(v, len, 0, entries);
	if (!rc)
		rc = check_size(v, parent->value_len,
				parent->children_len + first + 1, entries);
	return rc;
}

/* Below `parent`, whose path ends at `used`. */
static int create(const struct view *v, struct node *parent, const char *path,
		  size_t used, const void *value, size_t len,
		  struct change *change)
{
	struct perms *perms;
	size_t end;
	int rc;

	rc = check_create(v, parent, path, used, len);
	if (rc)
		return rc;
	perms = inherit(v, parent);
	tree_create(v->root, path, used, perms, value, len,
		    server_gen(v->srv));
	/* Each new node is charged with its own name and the fixed part. */
	for (end = used; path[end]; ) {
		size_t name = strcspn(path + end + 1, "/");

		end += 1 + name;
		charge(v, perms, 1, (int64_t)(sizeof(*parent) + name +
		       (path[end] ? 0 : len) +
		       perms->count * sizeof(perms->entry[0])));
	}
	perms_put(perms);
	change->path = path;
	return 0;
}

int nodeop_write(const struct view *v, const char *path, const void *value,
		 size_t len, struct change *change)
{
	struct node *n;
	size_t used;
	int rc;

	rc = find(v, path, PERM_WRITE, &n, &used);
	if (rc == -ENOENT)
		return create(v, n, path, used, value, len, change);
	if (rc)
		return rc;
	rc = check_size(v, len, n->children_len, n->perms->count);
	if (!rc && len > n->value_len)
		rc = check_room(v, 0, len - n->value_len);
	if (rc)
		return rc;
	charge(v, n->perms, 0, (int64_t)len - n->value_len);
	tree_set_value(v->root, path, value, len, server_gen(v->srv));
	change->path = path;
	return 0;
}

int nodeop_mkdir(const struct view *v, const char *path,
		 struct change *change)
{
	struct node *n;
	size_t used;
	int rc;

	rc = find(v, path, PERM_WRITE, &n, &used);
	if (rc == -ENOENT)
		return create(v, n, path, used, NULL, 0, change);
	return rc;
}

/* Is the parent of a missing node there? */
static bool parent_exists(const struct view *v, const char *path)
{
	size_t used, parent = path_parent_len(path);

	(void)tree_nearest(*v->root, path, &used);
	return parent == 1 || used == parent;
}

int nodeop_rm(const struct view *v, const char *path, struct change *change)
{
	struct node *n;
	int rc;

	rc = nodeop_find(v, path, PERM_WRITE, &n);
	if (rc == -ENOENT && parent_exists(v, path))
		return 0;
	if (rc)
		return rc;
	if (path_is_root(path))
		return -EINVAL;
	change->path = path;
	change->removed = node_get(n);
	uncharge_tree(n, (void *)v);
	tree_remove(v->root, path, server_gen(v->srv));
	return 0;
}

int nodeop_set_perms(const struct view *v, const char *path,
		     struct perms *perms, struct change *change)
{
	const struct perm *owner = &perms->entry[0];
	struct node *n;
	int rc;

	rc = nodeop_find(v, path, PERM_WRITE | PERM_OWNER, &n);
	if (rc)
		return rc;
	if (!v->who.privileged && owner->domid != n->perms->entry[0].domid)
		return -EPERM;
	if (!domain_alive(v->srv, owner->domid, owner->incarnation))
		return -ENOENT;
	rc = check_size(v, n->value_len, n->children_len, perms->count);
	if (rc)
		return rc;
	change->path = path;
	change->old_perms = perms_get(n->perms);
	charge_node(v, n, -1);
	tree_set_perms(v->root, path, perms, server_gen(v->srv));
	charge_node(v, tree_find(*v->root, path), 1);
	return 0;
}

/* --- the nodes of a dead domain ------------------------------------------- */

struct owned {
	uint32_t domid;
	uint64_t incarnation;
	bool deep;		/* also look below what was found */
	struct pathset found;
	char path[PATH_ROOM];
	size_t len;
};

static void find_owned(struct node *n, void *arg)
{
	const struct perm *owner = &n->perms->entry[0];
	struct owned *o = arg;
	size_t len = o->len;
	bool mine = owner->domid == o->domid &&
		    owner->incarnation == o->incarnation;

	if (n->name_len) {
		o->path[len] = '/';
		memcpy(o->path + len + 1, node_name(n), n->name_len + 1u);
		o->len += n->name_len + 1u;
		if (mine)
			(void)pathset_add(&o->found, o->path);
	}
	if (!mine || o->deep)
		dir_each(n->children, find_owned, o);
	o->len = len;
}

void nodeop_remove_owned(struct server *srv, uint32_t domid,
			 uint64_t incarnation)
{
	struct owned *o = mem_zalloc(sizeof(*o));
	struct view v = { .srv = srv, .root = &srv->root };

	domain_caller(srv, 0, true, &v.who);
	o->domid = domid;
	o->incarnation = incarnation;
	o->deep = srv->keep_orphans;
	find_owned(srv->root, o);
	for (size_t i = 0; i < o->found.count; i++) {
		const char *path = o->found.entry[i].path;
		struct change change = { 0 };

		if (srv->keep_orphans) {
			struct node *n = tree_find(srv->root, path);
			struct perms *p = perms_with_owner(n->perms, 0,
							v.who.incarnation);

			(void)nodeop_set_perms(&v, path, p, &change);
			perms_put(p);
		} else {
			(void)nodeop_rm(&v, path, &change);
		}
		watch_fire(srv, &change);
		change_done(&change);
	}
	pathset_free(&o->found);
	free(o);
}
