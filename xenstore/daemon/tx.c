/* Transactions: see tx.h. */
#include "xenstore/daemon/tx.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/nodeop.h"
#include "xenstore/daemon/tree.h"

struct delta *deltas_get(struct deltas *deltas, uint32_t domid)
{
	for (size_t i = 0; i < deltas->count; i++) {
		if (deltas->entry[i].domid == domid)
			return &deltas->entry[i];
	}
	if (deltas->count == deltas->room) {
		deltas->room = deltas->room ? 2 * deltas->room : 4;
		deltas->entry = mem_resize(deltas->entry, deltas->room *
					   sizeof(*deltas->entry));
	}
	deltas->entry[deltas->count] = (struct delta){ .domid = domid };
	return &deltas->entry[deltas->count++];
}

/* The record to charge for what a connection holds; NULL: nobody. */
static struct domain *payer(struct conn *c)
{
	return c->privileged ? NULL : domain_find(c->srv, c->domid);
}

struct tx *tx_find(struct conn *c, uint32_t id)
{
	struct tx *tx;

	TAILQ_FOREACH(tx, &c->txs, link) {
		if (tx->id == id)
			return tx;
	}
	return NULL;
}

struct tx *tx_restore(struct conn *c, uint32_t id)
{
	struct tx *tx = mem_zalloc(sizeof(*tx));

	tx->conn = c;
	tx->id = id;
	STAILQ_INIT(&tx->log);
	TAILQ_INSERT_TAIL(&c->txs, tx, link);
	return tx;
}

int tx_start(struct conn *c, struct tx **out)
{
	uint32_t limit = c->srv->quota[QUOTA_TRANSACTIONS];
	struct domain *d = payer(c);
	struct tx *tx;

	if (d && d->transactions >= limit) {
		domain_refused(c->srv, c->domid, QUOTA_TRANSACTIONS,
			       d->transactions);
		return -ENOSPC;
	}
	do {
		c->last_tx++;
	} while (!c->last_tx || tx_find(c, c->last_tx));
	tx = tx_restore(c, c->last_tx);
	tx->base = node_get(c->srv->root);
	tx->root = node_get(c->srv->root);
	tx->charged = sizeof(*tx);
	if (d) {
		d->transactions++;
		domain_charge(d, (int64_t)tx->charged);
	}
	*out = tx;
	return 0;
}

static void tx_free(struct tx *tx)
{
	struct domain *d = payer(tx->conn);
	struct tx_op *op;

	while ((op = STAILQ_FIRST(&tx->log))) {
		STAILQ_REMOVE_HEAD(&tx->log, link);
		perms_put(op->perms);
		free(op);
	}
	if (d) {
		d->transactions--;
		domain_charge(d, -(int64_t)tx->charged);
	}
	TAILQ_REMOVE(&tx->conn->txs, tx, link);
	node_put(tx->base);
	node_put(tx->root);
	free(tx->deltas.entry);
	pathset_free(&tx->touched);
	free(tx);
}

void tx_end_all(struct conn *c)
{
	while (!TAILQ_EMPTY(&c->txs))
		tx_free(TAILQ_FIRST(&c->txs));
}

/* Break a quota: the transaction cannot be committed any more. */
static int doom(struct tx *tx, enum quota_kind kind, uint64_t value)
{
	domain_refused(tx->conn->srv, tx->conn->domid, kind, value);
	tx->doomed = true;
	return -ENOSPC;
}

/* Charge what the transaction is to hold: 0 or -ENOSPC. */
static int hold(struct tx *tx, size_t size)
{
	struct domain *d = payer(tx->conn);

	if (d && d->memory + size > d->srv->quota[QUOTA_MEMORY])
		return doom(tx, QUOTA_MEMORY, d->memory);
	if (d)
		domain_charge(d, (int64_t)size);
	tx->charged += size;
	return 0;
}

int tx_touch(struct tx *tx, const char *path, unsigned int how)
{
	struct pathset_entry *e = pathset_find(&tx->touched, path);
	uint32_t limit = tx->conn->srv->quota[QUOTA_TX_NODES];
	int rc;

	if (!e) {
		if (!tx->conn->privileged && tx->touched.count >= limit)
			return doom(tx, QUOTA_TX_NODES, tx->touched.count);
		rc = hold(tx, sizeof(*e) + strlen(path) + 1);
		if (rc)
			return rc;
		e = pathset_add(&tx->touched, path);
	}
	e->flags |= how;
	return 0;
}

void tx_append(struct tx *tx, enum tx_op_kind kind, const char *path,
	       const void *value, size_t len, struct perms *perms)
{
	size_t path_len = strlen(path) + 1;
	struct tx_op *op = mem_zalloc(sizeof(*op) + path_len + len);

	op->kind = kind;
	op->perms = perms_get(perms);
	op->len = len;
	op->value = op->path + path_len;
	memcpy(op->path, path, path_len);
	if (len)
		memcpy(op->value, value, len);
	STAILQ_INSERT_TAIL(&tx->log, op, link);
}

/* Writing one node again and again makes the log longer: it is charged. */
int tx_log(struct tx *tx, enum tx_op_kind kind, const char *path,
	   const void *value, size_t len, struct perms *perms)
{
	int rc = hold(tx, sizeof(struct tx_op) + strlen(path) + 1 + len);

	if (!rc)
		tx_append(tx, kind, path, value, len, perms);
	return rc;
}

/* --- commit --------------------------------------------------------------- */

static bool same(const struct node *a, const struct node *b, unsigned int how)
{
	if (!a || !b)
		return a == b;
	if ((how & TOUCH_SELF) && a->gen != b->gen)
		return false;
	return !(how & TOUCH_CHILDREN) || a->child_gen == b->child_gen;
}

/* Is everything that was read still as it was? */
static bool reads_hold(const struct tx *tx)
{
	struct node *live = tx->conn->srv->root;

	/* Nobody can have changed a root that we hold in place. */
	if (live == tx->base)
		return true;
	for (size_t i = 0; i < tx->touched.count; i++) {
		const struct pathset_entry *e = &tx->touched.entry[i];

		if (!(e->flags & (TOUCH_SELF | TOUCH_CHILDREN)))
			continue;
		if (!same(tree_find(tx->base, e->path),
			  tree_find(live, e->path), e->flags))
			return false;
	}
	return true;
}

static int replay_one(const struct view *v, const struct tx_op *op,
		      struct change *change)
{
	switch (op->kind) {
	case TX_WRITE:
		return nodeop_write(v, op->path, op->value, op->len, change);
	case TX_MKDIR:
		return nodeop_mkdir(v, op->path, change);
	case TX_RM:
		return nodeop_rm(v, op->path, change);
	case TX_SET_PERMS:
		return nodeop_set_perms(v, op->path, op->perms, change);
	}
	return -EINVAL;
}

/*
 * Add a change to those to be told, where a path stands once, with the oldest
 * permissions and the first removal.
 */
static void note_change(struct pathset *changes, struct change *change)
{
	struct pathset_entry *e;
	struct change *sum;

	if (!change->path)
		return;
	e = pathset_add(changes, change->path);
	if (!e->data)
		e->data = mem_zalloc(sizeof(*sum));
	sum = e->data;
	if (!sum->old_perms) {
		sum->old_perms = change->old_perms;
		change->old_perms = NULL;
	}
	if (!sum->removed) {
		sum->removed = change->removed;
		change->removed = NULL;
	}
}

/* Do the logged changes again on `v`: 0, or the first that failed. */
static int replay_all(const struct tx *tx, const struct view *v,
		      struct pathset *changes)
{
	const struct tx_op *op;

	STAILQ_FOREACH(op, &tx->log, link) {
		struct change change = { 0 };
		int rc = replay_one(v, op, &change);

		note_change(changes, &change);
		change_done(&change);
		if (rc)
			return rc;
	}
	return 0;
}

static void apply_deltas(struct server *srv, const struct deltas *deltas)
{
	for (size_t i = 0; i < deltas->count; i++) {
		const struct delta *delta = &deltas->entry[i];
		struct domain *d = domain_find(srv, delta->domid);

		if (!d)
			continue;
		d->nodes += (uint32_t)delta->nodes;
		domain_charge(d, delta->memory);
	}
}

static void drop_changes(struct pathset *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		if (changes->entry[i].data)
			change_done(changes->entry[i].data);
		free(changes->entry[i].data);
	}
	pathset_free(changes);
}

/* In the order in which the transaction first touched the nodes. */
static void tell(const struct tx *tx, const struct pathset *changes)
{
	for (size_t i = 0; i < tx->touched.count; i++) {
		const struct pathset_entry *e;
		struct change *c;

		e = pathset_find(changes, tx->touched.entry[i].path);
		if (!e)
			continue;
		c = e->data;
		c->path = e->path;
		c->top_first = true;
		watch_fire(tx->conn->srv, c);
	}
}

/* On a root of its own, which replaces the store's if all goes well. */
static int replay(const struct tx *tx)
{
	struct server *srv = tx->conn->srv;
	struct node *root = node_get(srv->root);
	struct pathset changes = { 0 };
	struct deltas deltas = { 0 };
	struct view v = { .srv = srv, .root = &root, .deltas = &deltas };
	int rc;

	conn_caller(tx->conn, &v.who);
	rc = replay_all(tx, &v, &changes);
	if (!rc) {
		apply_deltas(srv, &deltas);
		node_put(srv->root);
		srv->root = root;
		tell(tx, &changes);
	} else {
		node_put(root);
	}
	drop_changes(&changes);
	free(deltas.entry);
	return rc;
}

/*
 * Is the store still what it was when the transaction began, so that what the
 * transaction made of it can take its place?  Removals have more to tell than
 * can be seen of the two trees, and a new owner may have died since.
 */
static bool can_adopt(const struct tx *tx)
{
	const struct tx_op *op;

	if (tx->conn->srv->root != tx->base)
		return false;
	STAILQ_FOREACH(op, &tx->log, link) {
		if (op->kind != TX_WRITE && op->kind != TX_MKDIR)
			return false;
	}
	return true;
}

static void adopt(struct tx *tx)
{
	struct server *srv = tx->conn->srv;

	node_put(srv->root);
	srv->root = node_get(tx->root);
	apply_deltas(srv, &tx->deltas);
	for (size_t i = 0; i < tx->touched.count; i++) {
		const struct pathset_entry *e = &tx->touched.entry[i];
		struct change change = { .path = e->path, .top_first = true };

		/* MKDIR of what there was changes nothing. */
		if ((e->flags & TOUCH_WRITE) &&
		    !same(tree_find(tx->base, e->path),
			  tree_find(srv->root, e->path), TOUCH_SELF))
			watch_fire(srv, &change);
	}
}

static int commit(struct tx *tx)
{
	int rc = 0;

	if (can_adopt(tx))
		adopt(tx);
	else
		rc = replay(tx);
	/* Only a quota is for the caller; all else: look again. */
	return rc && rc != -ENOSPC ? -EAGAIN : rc;
}

int tx_end(struct tx *tx, bool wanted)
{
	int rc = 0;

	if (wanted && tx->doomed)
		rc = -ENOSPC;
	else if (wanted && !reads_hold(tx))
		rc = -EAGAIN;
	else if (wanted)
		rc = commit(tx);
	if (rc == -EAGAIN)
		tx->conn->srv->tx_conflicts++;
	tx_free(tx);
	return rc;
}
