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
#include "xenstore/daemon/journal.h"
#include "xenstore/daemon/perms.h"
#include "xenstore/daemon/quota.h"

struct conn;
struct domain;
struct node;
struct server;
struct watch_place;

/* Connections are found by their key in so many lists. */
#define CONN_KEYS	256

enum special { SPECIAL_INTRODUCE, SPECIAL_RELEASE, SPECIALS };

/* What a server needs of the outside; outlives it. */
struct server_setup {
	const struct hv_ops *hv;
	void *hv_arg;
	/* Make the connection of a client, without its socket as yet. */
	struct conn *(*client_new)(struct server *srv, uint64_t key);
};

struct server {
	struct node *root;		/* the store as it is */
	uint64_t last_gen;		/* see tree.h; also counts watches */
	uint32_t quota[QUOTA_KINDS];

	const struct server_setup *setup;
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
	struct conn_list throttled;	/* whose domain has written too much */
	int64_t write_reserve;		/* see rate.h */
	struct conn_list ended;		/* to be freed */
	LIST_HEAD(conn_keys, conn) keys[CONN_KEYS];
	uint64_t last_client;		/* key of the last one accepted */

	/* See server_settle() for these. */
	struct journal *journal;
	unsigned int busy;	/* connections that hold input or output */
	bool lasting;		/* something changed that is not their bytes */
	bool marked;		/* `mark` is an end at which nobody was busy */
	uint64_t mark;
	bool full;		/* no room on disk: nothing may be added */
	bool starved;		/* not even for input: all wait for a tick */
	bool save_failed;	/* wait for a tick before the next try */

	char log_file[256];	/* as CONTROL set it; "": as it was started */
	char update[256];	/* live update: the program to go on with */
	bool update_now;
	bool trace;			/* log every request */
	bool keep_orphans;		/* nodes of dead domains go to dom0 */
	uint64_t requests;		/* handled since start */
	uint64_t tx_conflicts;
};

/*
 * A store with nothing but /tool/xenstored, and one without even that, for
 * load_state().  Its journal keeps nothing; server_recover() gives another.
 */
struct server *server_new(const struct server_setup *setup);
struct server *server_empty(const struct server_setup *setup);
void server_free(struct server *srv);

/* The next generation number. */
static inline uint64_t server_gen(struct server *srv)
{
	return ++srv->last_gen;
}

/*
 * Go on where the journal ends: make the server that it tells of, or a new
 * one (*fresh) if it is empty.  0, or -EINVAL if what it holds is of no use.
 */
int server_recover(const struct server_setup *setup, struct journal *j,
		   struct server **out, bool *fresh);

/* Room in the journal for input; NULL: not now, the next tick tries again. */
void *server_input_room(struct server *srv, size_t len);

/* Save the state and begin a new journal: 0 or -ENOSPC. */
int server_save(struct server *srv);

/*
 * A round is over.  If all that it did was to answer questions, and the
 * answers are out, forget it: the journal grows with changes only.  If the
 * journal is long, save the state.
 */
void server_settle(struct server *srv);

/* Write what is queued, and free the connections that ended. */
void server_flush(struct server *srv);

/*
 * Go on with connections that had more input than one turn allows, or that
 * were not read for a while; server_patience() says how long nothing of that
 * is to be done, in milliseconds, -1 for ever.
 */
void server_continue(struct server *srv);
int server_patience(const struct server *srv);

/*
 * Once a second while server_needs_tick(): isolate who does not read, try
 * again what a full disk held up.
 */
void server_tick(struct server *srv);
bool server_needs_tick(const struct server *srv);

#define TICK_MS	1000

/* Milliseconds of the monotonic clock. */
uint64_t server_now(void);

#endif
