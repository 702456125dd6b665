/*
 * Invariants of the store: each node's counters agree with its children,
 * names are found again through the maps that hold them, and every domain is
 * charged with exactly the nodes it owns, and with the rest it holds.
 */
#include "xenstore/daemon/check.h"

#include <stdio.h>
#include <stdlib.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/nodeop.h"
#include "xenstore/daemon/tree.h"

struct use {
	uint64_t nodes, memory, watches, transactions;
};

struct check {
	struct server *srv;
	struct use *use;		/* by domain, up to the largest known */
	const struct node *parent;
	uint32_t count, len;		/* of the parent's children */
	const char *fault;
};

static void check_node(struct node *n, void *arg)
{
	const struct perm *owner = &n->perms->entry[0];
	struct check *c = arg, below = *c;
	struct domain *d = domain_find(c->srv, owner->domid);

	c->count++;
	c->len += n->name_len + 1u;
	if (c->parent && dir_find(c->parent->children, node_name(n),
				  n->name_len) != n)
		c->fault = "a node is not found by its name";
	if (d && d->incarnation == owner->incarnation) {
		c->use[owner->domid].nodes++;
		c->use[owner->domid].memory += nodeop_charge(n);
	}
	below.parent = n;
	below.count = below.len = 0;
	dir_each(n->children, check_node, &below);
	if (below.fault)
		c->fault = below.fault;
	if (below.count != n->children_count || below.len != n->children_len)
		c->fault = "a node's count of children is wrong";
}

/* What connections of unprivileged domains hold. */
static void add_connections(struct check *c)
{
	struct conn *conn;

	TAILQ_FOREACH(conn, &c->srv->conns, in_all) {
		const struct outmsg *m;
		const struct watch *w;
		const struct tx *tx;
		struct use *use;

		if (conn->privileged || !domain_find(c->srv, conn->domid))
			continue;
		use = &c->use[conn->domid];
		TAILQ_FOREACH(m, &conn->out, link)
			use->memory += sizeof(*m) + m->len;
		TAILQ_FOREACH(w, &conn->watches, in_conn) {
			use->watches++;
			use->memory += watch_size(w);
		}
		TAILQ_FOREACH(tx, &conn->txs, link) {
			use->transactions++;
			use->memory += tx->charged;
		}
	}
}

bool check_store(struct server *srv, char *fault, size_t size)
{
	struct check c = { .srv = srv };
	uint32_t largest = 0;
	struct domain *d;

	TAILQ_FOREACH(d, &srv->known_domains, link) {
		if (d->domid > largest)
			largest = d->domid;
	}
	c.use = mem_zalloc((largest + 1) * sizeof(*c.use));
	check_node(srv->root, &c);
	add_connections(&c);
	if (c.fault)
		snprintf(fault, size, "%s", c.fault);
	TAILQ_FOREACH(d, &srv->known_domains, link) {
		const struct use *use = &c.use[d->domid];

		if (use->nodes == d->nodes && use->memory == d->memory &&
		    use->watches == d->watches &&
		    use->transactions == d->transactions)
			continue;
		c.fault = "charges";
		snprintf(fault, size, "domain %u is charged nodes %u watches "
			 "%u transactions %u bytes %llu, holds %llu %llu %llu "
			 "%llu", d->domid, d->nodes, d->watches,
			 d->transactions, (unsigned long long)d->memory,
			 (unsigned long long)use->nodes,
			 (unsigned long long)use->watches,
			 (unsigned long long)use->transactions,
			 (unsigned long long)use->memory);
		break;
	}
	free(c.use);
	return !c.fault;
}
