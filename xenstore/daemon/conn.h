/*
 * Connections: bytes to requests, replies and events to bytes.
 *
 * A connection does not know what carries its bytes: a socket, a ring, or a
 * test.  Its transport hands over bytes in pieces of any size, split
 * anywhere, and takes them in pieces of any size.
 *
 * Back-pressure: who does not fetch replies is not read from any more, and
 * who leaves watch events unread for too long, or lets them pile up, is cut
 * off: a socket is closed, a ring isolated.
 */
#ifndef XENSTORE_DAEMON_CONN_H
#define XENSTORE_DAEMON_CONN_H

#include <sys/types.h>

#include "xenstore/wire.h"

#include "xenstore/daemon/tx.h"
#include "xenstore/daemon/watch.h"

/* A message that waits to be written. */
struct outmsg {
	TAILQ_ENTRY(outmsg) link;
	TAILQ_ENTRY(outmsg) in_watch;
	struct watch *watch;	/* whose event it is; NULL for a reply */
	uint64_t since;		/* when it was queued, server_now() */
	bool event;
	size_t len, sent;
	char data[];		/* header and payload */
};

struct transport_ops {
	/*
	 * Take up to `len` bytes: how many, 0 for none at present.  Negative:
	 * the connection is beyond repair, -EPIPE for an ordinary end.
	 */
	ssize_t (*read)(struct conn *c, void *buf, size_t len);
	ssize_t (*write)(struct conn *c, const void *buf, size_t len);
	/* A turn of reading or writing is over: tell the other side. */
	void (*kick)(struct conn *c);
	/* The connection ends for this reason; give its resources back. */
	void (*close)(struct conn *c, int reason);
};

struct conn {
	TAILQ_ENTRY(conn) in_all, in_dirty, in_ready, in_waiting;
	struct server *srv;
	const struct transport_ops *ops;
	void *transport;
	uint32_t domid;
	bool privileged;
	bool is_dirty, is_ready, is_waiting, ended;
	bool paused;		/* not read until replies were fetched */

	char *in;		/* bytes that are not a whole request yet */
	size_t in_len;
	TAILQ_HEAD(, outmsg) out;
	size_t out_bytes;
	unsigned int replies;	/* in the output queue */

	TAILQ_HEAD(, watch) watches;
	TAILQ_HEAD(, tx) txs;
	uint32_t last_tx;
};

/*
 * The transport calls conn_input() each time when bytes have come since a
 * read gave none, and conn_output() when there is room since a write gave
 * none.  A new connection owns its `transport`.
 */
struct conn *conn_new(struct server *srv, const struct transport_ops *ops,
		      void *transport, uint32_t domid, bool privileged);
void conn_input(struct conn *c);
void conn_output(struct conn *c);

/* End it; it is freed by the next server_flush(). */
void conn_end(struct conn *c, int reason);
void conn_free(struct conn *c);

/* Forget input, output, watches and transactions: the other side is new. */
void conn_reset(struct conn *c);

/* Answer a request. */
void conn_reply(struct conn *c, const struct xsd_sockmsg *req,
		const void *data, size_t len);
void conn_reply_ok(struct conn *c, const struct xsd_sockmsg *req);
void conn_reply_text(struct conn *c, const struct xsd_sockmsg *req,
		     const char *text);
void conn_reply_error(struct conn *c, const struct xsd_sockmsg *req, int rc);

/* Queue an event; the same one of a watch is not queued twice. */
void conn_event(struct watch *w, const char *path);

/* How the connection stands towards permission lists. */
void conn_caller(struct conn *c, struct caller *out);

#endif
