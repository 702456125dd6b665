/*
 * What can be done with a node: rights, quotas, then the change itself.
 *
 * Each function first checks everything, then changes the tree of its
 * `struct view`: the store as it is, or that of a transaction.  The same
 * functions serve a request and, once more, the commit of its transaction.
 */
#ifndef XENSTORE_DAEMON_NODEOP_H
#define XENSTORE_DAEMON_NODEOP_H

#include "xenstore/daemon/tx.h"
#include "xenstore/daemon/watch.h"

struct view {
	struct server *srv;
	struct node **root;
	struct deltas *deltas;	/* charges go here; NULL: to the domains */
	struct caller who;
};

/*
 * Find a node on which `who` has all of `need`.  -EACCES, or -ENOENT if the
 * caller has some of `need` on the nearest existing ancestor: who may not see
 * there does not learn what is missing.
 */
int nodeop_find(const struct view *v, const char *path, unsigned int need,
		struct node **out);

/*
 * Each returns 0 or a negative errno as the protocol asks for it, and says
 * in *change what is to be told (path NULL: nothing): call change_done().
 */
int nodeop_write(const struct view *v, const char *path, const void *value,
		 size_t len, struct change *change);
int nodeop_mkdir(const struct view *v, const char *path,
		 struct change *change);
int nodeop_rm(const struct view *v, const char *path, struct change *change);
int nodeop_set_perms(const struct view *v, const char *path,
		     struct perms *perms, struct change *change);

/* Remove all nodes of a dead domain, or give them to domain 0; fires. */
void nodeop_remove_owned(struct server *srv, uint32_t domid,
			 uint64_t incarnation);

/* Bytes a node's owner is charged with. */
size_t nodeop_charge(const struct node *n);

#endif
