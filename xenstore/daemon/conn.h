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
#include <sys/uio.h>

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
	 * the connection is beyond repair, -EPIPE for an ordinary end.  `buf`
	 * is journal_room().
	 */
	ssize_t (*read)(struct conn *c, void *buf, size_t len);
	ssize_t (*write)(struct conn *c, const struct iovec *iov,
			 size_t count);
	/*
	 * It stands in the journal that so many bytes were read or written:
	 * only from here on may the other side see it.  NULL: nothing to do.
	 */
	void (*took)(struct conn *c, size_t len);
	void (*gave)(struct conn *c, size_t len);
	/* Output waits for room, or no longer.  NULL: it is told anyway. */
	void (*wait)(struct conn *c, bool on);
	/* A turn of reading or writing is over: tell the other side. */
	void (*kick)(struct conn *c);
	/* The connection ends for this reason; give its resources back. */
	void (*close)(struct conn *c, int reason);
};

/* Keys of connections: rings have this bit and their domain's number. */
#define KEY_RING	(1ull << 63)

struct conn {
	TAILQ_ENTRY(conn) in_all, in_dirty, in_ready, in_waiting,
		in_throttled;
	LIST_ENTRY(conn) in_keys;
	uint64_t key;		/* names it in the journal; one at a time */
	struct server *srv;
	const struct transport_ops *ops;
	void *transport;
	uint32_t domid;
	bool privileged;
	bool is_dirty, is_ready, is_waiting, is_busy, ended;
	bool is_throttled;	/* not read: its domain has written too much */
	bool short_is_all;	/* a read that gives less than it could */
	bool paused;		/* not read until replies were fetched */

	char *in;		/* bytes that are not a whole request yet */
	size_t in_len;
	TAILQ_HEAD(, outmsg) out;
	size_t out_bytes;
	unsigned int replies;	/* in the output queue */

	TAILQ_HEAD(, watch) watches;
	TAILQ_HEAD(, tx) txs;
	unsigned int written;	/* requests that write, of this turn */
	uint32_t last_tx;
};

/*
 * The transport calls conn_input() each time when bytes have come since a
 * read gave none (with short_is_all: gave not all it could), and conn_output() when there is room
 * since a write gave none.  A new connection owns its `transport`.
 */
struct conn *conn_new(struct server *srv, const struct transport_ops *ops,
		      void *transport, uint32_t domid, bool privileged,
		      uint64_t key);
void conn_input(struct conn *c);
void conn_output(struct conn *c);

/* It was not read for its domain's writes: may it be by now? */
void conn_try_again(struct conn *c);

/* The connection of that key, or NULL. */
struct conn *conn_find(struct server *srv, uint64_t key);

/*
 * What those two do once the journal has it, and what replay does: serve a
 * turn of requests with `len` more bytes of input (how many were served),
 * and drop `len` bytes of output.
 */
unsigned int conn_serve(struct conn *c, const char *bytes, size_t len);
void conn_sent(struct conn *c, size_t len);

/*
 * End it; it is freed by the next server_flush().  conn_cut() is for reasons
 * that come from outside, and puts them into the journal.
 */
void conn_end(struct conn *c, int reason);
void conn_cut(struct conn *c, int reason);
void conn_free(struct conn *c);

/* Forget input, output, watches and transactions: the other side is new. */
void conn_reset(struct conn *c);

/* Everything that was saved of it is there again. */
void conn_restored(struct conn *c);

/* There is output, or a ring to be told: the next server_flush() sees to it. */
void conn_dirty(struct conn *c);

/* Answer a request. */
void conn_reply(struct conn *c, const struct xsd_sockmsg *req,
		const void *data, size_t len);
void conn_reply_ok(struct conn *c, const struct xsd_sockmsg *req);
void conn_reply_text(struct conn *c, const struct xsd_sockmsg *req,
		     const char *text);
void conn_reply_error(struct conn *c, const struct xsd_sockmsg *req, int rc);

/* Queue a message as it was saved: `event` with its watch, if that lives. */
void conn_requeue(struct conn *c, const struct xsd_sockmsg *msg, bool event,
		  size_t sent, struct watch *w);

/* Queue an event; the same one of a watch is not queued twice. */
void conn_event(struct watch *w, const char *path);

/* How the connection stands towards permission lists. */
void conn_caller(struct conn *c, struct caller *out);

#endif
