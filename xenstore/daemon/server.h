/*
 * The daemon's state as a whole, and the objects that hang in it.
 *
 * One thread does everything; there are no locks.  A request runs from its
 * dispatch to its reply without a break.  Replies and events are queued at
 * their connection and written when the request is over (server_flush()),
 * and a connection that ends is freed there too: whoever holds a pointer to
 * one inside a request may go on using it.
 */
#ifndef XENSTORE_DAEMON_SERVER_H
#define XENSTORE_DAEMON_SERVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include <xen/xen.h>

#include "xenstore/daemon/hv.h"
#include "xenstore/daemon/perms.h"
#include "xenstore/daemon/quota.h"

struct conn;
struct domain;
struct node;
struct watch_place;

enum special { SPECIAL_INTRODUCE, SPECIAL_RELEASE, SPECIALS };

struct server {
	struct node *root;		/* the store as it is */
	uint64_t last_gen;		/* see tree.h; also counts watches */
	uint32_t quota[QUOTA_KINDS];

	const struct hv_ops *hv;
	void *hv_arg;
	uint64_t last_incarnation;
	struct domain *domains[DOMID_FIRST_RESERVED];
	TAILQ_HEAD(domain_list, domain) known_domains;
	struct perms *special_perms[SPECIALS];

	struct watch_place **watch_table;	/* hashed by path */
	size_t watch_slots, watch_places;

	struct conn **ports;		/* ring connections by our port */
	size_t port_room;

	TAILQ_HEAD(conn_list, conn) conns;
	struct conn_list dirty;		/* with output to be written */
	struct conn_list ready;		/* with input to be gone on with */
	size_t ready_count;
	struct conn_list waiting;	/* whose other side does not read */
	struct conn_list ended;		/* to be freed */

	bool trace;			/* log every request */
	bool keep_orphans;		/* nodes of dead domains go to dom0 */
	uint64_t requests;		/* handled since start */
	uint64_t tx_conflicts;
};

/* A store with nothing but /tool/xenstored; `hv` outlives the server. */
struct server *server_new(const struct hv_ops *hv, void *hv_arg);
void server_free(struct server *srv);

/* The next generation number. */
static inline uint64_t server_gen(struct server *srv)
{
	return ++srv->last_gen;
}

/* Write what is queued, and free the connections that ended. */
void server_flush(struct server *srv);

/* Go on with connections that had more input than one turn allows. */
void server_continue(struct server *srv);

/* Once a second while server_needs_tick(): isolate who does not read. */
void server_tick(struct server *srv);
bool server_needs_tick(const struct server *srv);

/* Milliseconds of the monotonic clock. */
uint64_t server_now(void);

#endif
