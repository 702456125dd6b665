/*
 * Transactions.
 *
 * Starting one takes a snapshot of the tree: O(1).  It works on a tree of
 * its own that shares what it did not change, and keeps a log of the changes
 * it made.  A commit compares, for each node that the transaction looked at,
 * the snapshot with the store as it is; if none differs, it does the logged
 * changes again on the store itself, or, if nobody changed the store, lets its
 * own tree take that one's place.  So a transaction conflicts where it
 * read, and a change beside what it read, even in the same directory, does
 * not disturb it.
 */
#ifndef XENSTORE_DAEMON_TX_H
#define XENSTORE_DAEMON_TX_H

#include "xenstore/daemon/pathset.h"
#include "xenstore/daemon/server.h"

/* What a transaction did with a node: flags in tx->touched. */
#define TOUCH_SELF	1u	/* existence, value or permissions were read */
#define TOUCH_CHILDREN	2u	/* the list of children was read */
#define TOUCH_WRITE	4u	/* changed */

/* What a domain would be charged on top of its record. */
struct delta {
	uint32_t domid;
	int64_t nodes, memory;
};

struct deltas {
	struct delta *entry;
	size_t count, room;
};

enum tx_op_kind { TX_WRITE, TX_MKDIR, TX_RM, TX_SET_PERMS };

struct tx_op {
	STAILQ_ENTRY(tx_op) link;
	enum tx_op_kind kind;
	struct perms *perms;	/* of TX_SET_PERMS */
	size_t len;		/* of the value */
	char *value;		/* lies behind the path */
	char path[];
};

struct tx {
	TAILQ_ENTRY(tx) link;
	struct conn *conn;
	uint32_t id;
	struct node *base, *root;	/* as it began, as it stands */
	struct deltas deltas;
	struct pathset touched;
	STAILQ_HEAD(, tx_op) log;
	size_t charged;		/* bytes, to the connection's domain */
	bool doomed;		/* a quota was broken: commit is refused */
};

/* Open transaction `id` of a connection, or NULL. */
struct tx *tx_find(struct conn *c, uint32_t id);

/* -ENOSPC beyond the quota. */
int tx_start(struct conn *c, struct tx **out);

/* One as it was saved, still without its trees: no quota, no charge. */
struct tx *tx_restore(struct conn *c, uint32_t id);
void tx_append(struct tx *tx, enum tx_op_kind kind, const char *path,
	       const void *value, size_t len, struct perms *perms);

/* End one; `commit` -EAGAIN on conflict, -ENOSPC beyond a quota. */
int tx_end(struct tx *tx, bool commit);
void tx_end_all(struct conn *c);

/* Note that a path was read or changed; -ENOSPC beyond the quota. */
int tx_touch(struct tx *tx, const char *path, unsigned int how);

/* Log a change that was made on tx->root; value or perms as the kind says. */
int tx_log(struct tx *tx, enum tx_op_kind kind, const char *path,
	   const void *value, size_t len, struct perms *perms);

/* The entry for a domain, made if needed. */
struct delta *deltas_get(struct deltas *deltas, uint32_t domid);

#endif
