/* Connections: see conn.h. */
#include "xenstore/daemon/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/rate.h"
#include "xenstore/daemon/request.h"

#define HEADER		sizeof(struct xsd_sockmsg)
#define MESSAGE_MAX	(HEADER + XENSTORE_PAYLOAD_MAX)

/* Requests that one connection may have served before the others' turn. */
#define TURN		32

/* Output of a privileged client: stop reading, and cut off. */
#define SOCKET_PAUSE	(256u << 10)
#define SOCKET_MAX	(32u << 20)

/* Bytes that are read at once, and messages that are written at once. */
#define READ_MAX	(2 * MESSAGE_MAX)
#define WRITE_COUNT	32

static struct conn_keys *keys_of(struct server *srv, uint64_t key)
{
	return &srv->keys[key % CONN_KEYS];
}

struct conn *conn_find(struct server *srv, uint64_t key)
{
	struct conn *c;

	LIST_FOREACH(c, keys_of(srv, key), in_keys) {
		if (c->key == key)
			return c;
	}
	return NULL;
}

struct conn *conn_new(struct server *srv, const struct transport_ops *ops,
		      void *transport, uint32_t domid, bool privileged,
		      uint64_t key)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->srv = srv;
	c->ops = ops;
	c->transport = transport;
	c->domid = domid;
	c->privileged = privileged;
	c->key = key;
	srv->lasting = true;
	LIST_INSERT_HEAD(keys_of(srv, key), c, in_keys);
	TAILQ_INIT(&c->out);
	TAILQ_INIT(&c->watches);
	TAILQ_INIT(&c->txs);
	TAILQ_INSERT_TAIL(&srv->conns, c, in_all);
	return c;
}

void conn_caller(struct conn *c, struct caller *out)
{
	domain_caller(c->srv, c->domid, c->privileged, out);
}

/*
 * Does it hold bytes of its own?  While nobody does, and nothing else that
 * lasts was changed, what the journal says of a turn may be forgotten.
 */
static void note_busy(struct conn *c)
{
	bool busy = c->in_len || !TAILQ_EMPTY(&c->out);

	if (busy == c->is_busy)
		return;
	c->is_busy = busy;
	c->srv->busy += busy ? 1 : -1u;
}

static void outmsg_drop(struct conn *c, struct outmsg *m)
{
	struct domain *d = domain_find(c->srv, c->domid);

	if (m->watch)
		TAILQ_REMOVE(&m->watch->unsent, m, in_watch);
	TAILQ_REMOVE(&c->out, m, link);
	c->out_bytes -= m->len;
	if (!m->event)
		c->replies--;
	if (d && !c->privileged)
		domain_charge(d, -(int64_t)(sizeof(*m) + m->len));
	free(m);
}

static void output_drop(struct conn *c)
{
	while (!TAILQ_EMPTY(&c->out))
		outmsg_drop(c, TAILQ_FIRST(&c->out));
}

static void set_waiting(struct conn *c, bool on)
{
	if (c->is_waiting == on)
		return;
	c->is_waiting = on;
	if (on)
		TAILQ_INSERT_TAIL(&c->srv->waiting, c, in_waiting);
	else
		TAILQ_REMOVE(&c->srv->waiting, c, in_waiting);
	if (c->ops->wait)
		c->ops->wait(c, on);
}

static void set_ready(struct conn *c, bool on)
{
	if (c->is_ready == on)
		return;
	c->is_ready = on;
	if (on) {
		TAILQ_INSERT_TAIL(&c->srv->ready, c, in_ready);
		c->srv->ready_count++;
	} else {
		TAILQ_REMOVE(&c->srv->ready, c, in_ready);
		c->srv->ready_count--;
	}
}

static void set_throttled(struct conn *c, bool on)
{
	if (c->is_throttled == on)
		return;
	c->is_throttled = on;
	if (on)
		TAILQ_INSERT_TAIL(&c->srv->throttled, c, in_throttled);
	else
		TAILQ_REMOVE(&c->srv->throttled, c, in_throttled);
}

void conn_reset(struct conn *c)
{
	tx_end_all(c);
	watch_remove_all(c);
	output_drop(c);
	free(c->in);
	c->in = NULL;
	c->in_len = 0;
	c->paused = false;
	set_waiting(c, false);
	note_busy(c);
	c->srv->lasting = true;
}

void conn_end(struct conn *c, int reason)
{
	if (c->ended)
		return;
	conn_reset(c);
	c->ended = true;
	c->ops->close(c, reason);
	set_ready(c, false);
	set_throttled(c, false);
	if (c->is_dirty)
		TAILQ_REMOVE(&c->srv->dirty, c, in_dirty);
	c->is_dirty = false;
	LIST_REMOVE(c, in_keys);
	TAILQ_REMOVE(&c->srv->conns, c, in_all);
	TAILQ_INSERT_TAIL(&c->srv->ended, c, in_all);
}

void conn_cut(struct conn *c, int reason)
{
	int32_t why = reason;

	if (c->ended)
		return;
	/* Without room it ends again, for the same reason, when it is tried. */
	(void)journal_add(c->srv->journal, JOURNAL_END, c->key, &why,
			  sizeof(why));
	conn_end(c, reason);
}

void conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->srv->ended, c, in_all);
	free(c);
}

/* --- output --------------------------------------------------------------- */

void conn_dirty(struct conn *c)
{
	if (c->is_dirty)
		return;
	c->is_dirty = true;
	TAILQ_INSERT_TAIL(&c->srv->dirty, c, in_dirty);
}

static struct outmsg *queue(struct conn *c, const struct xsd_sockmsg *hdr)
{
	struct outmsg *m = mem_zalloc(sizeof(*m) + HEADER + hdr->len);
	struct domain *d = domain_find(c->srv, c->domid);

	m->len = HEADER + hdr->len;
	m->since = server_now();
	memcpy(m->data, hdr, HEADER);
	TAILQ_INSERT_TAIL(&c->out, m, link);
	c->out_bytes += m->len;
	if (d && !c->privileged)
		domain_charge(d, (int64_t)(sizeof(*m) + m->len));
	conn_dirty(c);
	note_busy(c);
	return m;
}

void conn_reply(struct conn *c, const struct xsd_sockmsg *req,
		const void *data, size_t len)
{
	struct xsd_sockmsg hdr = *req;
	struct outmsg *m;

	if (c->ended)
		return;
	hdr.len = (uint32_t)len;
	m = queue(c, &hdr);
	if (len)
		memcpy(m->data + HEADER, data, len);
	c->replies++;
}

void conn_reply_text(struct conn *c, const struct xsd_sockmsg *req,
		     const char *text)
{
	conn_reply(c, req, text, strlen(text) + 1);
}

void conn_reply_ok(struct conn *c, const struct xsd_sockmsg *req)
{
	conn_reply_text(c, req, "OK");
}

void conn_reply_error(struct conn *c, const struct xsd_sockmsg *req, int rc)
{
	size_t count = sizeof(xsd_errors) / sizeof(xsd_errors[0]);
	struct xsd_sockmsg hdr = *req;
	const char *name = "EINVAL";

	for (size_t i = 0; i < count; i++) {
		if (xsd_errors[i].errnum == -rc)
			name = xsd_errors[i].errstring;
	}
	hdr.type = XS_ERROR;
	conn_reply_text(c, &hdr, name);
}

/* Does this event wait in the queue, untouched? */
static bool event_waits(const struct watch *w, const char *path)
{
	const struct outmsg *m;

	TAILQ_FOREACH(m, &w->unsent, in_watch) {
		if (!m->sent && !strcmp(m->data + HEADER, path))
			return true;
	}
	return false;
}

void conn_event(struct watch *w, const char *path)
{
	struct conn *c = w->conn;
	struct xsd_sockmsg hdr = { .type = XS_WATCH_EVENT };
	size_t path_len, token_len = strlen(w->token) + 1;
	struct outmsg *m;

	if (!path_is_special(path))
		path += w->strip;
	path_len = strlen(path) + 1;
	/* A message can hold no more; a watch that near the limit is deaf. */
	if (path_len + token_len > XENSTORE_PAYLOAD_MAX)
		return;
	if (!path_is_special(path) && event_waits(w, path))
		return;
	hdr.len = (uint32_t)(path_len + token_len);
	m = queue(c, &hdr);
	memcpy(m->data + HEADER, path, path_len);
	memcpy(m->data + HEADER + path_len, w->token, token_len);
	m->event = true;
	m->watch = w;
	TAILQ_INSERT_TAIL(&w->unsent, m, in_watch);
}

void conn_requeue(struct conn *c, const struct xsd_sockmsg *msg, bool event,
		  size_t sent, struct watch *w)
{
	struct outmsg *m = queue(c, msg);

	memcpy(m->data + HEADER, msg + 1, msg->len);
	m->sent = sent;
	m->event = event;
	m->watch = w;
	if (w)
		TAILQ_INSERT_TAIL(&w->unsent, m, in_watch);
	c->replies += !event;
}

void conn_restored(struct conn *c)
{
	note_busy(c);
	conn_dirty(c);
	set_ready(c, true);
}

void conn_sent(struct conn *c, size_t len)
{
	if (c->ops->gave)
		c->ops->gave(c, len);
	while (len) {
		struct outmsg *m = TAILQ_FIRST(&c->out);
		size_t n = m->len - m->sent;

		if (n > len)
			n = len;
		len -= n;
		m->sent += n;
		if (m->sent == m->len)
			outmsg_drop(c, m);
	}
	note_busy(c);
}

/* Write as much as the other side takes; 0 or the transport's error. */
static ssize_t output_write(struct conn *c)
{
	while (!TAILQ_EMPTY(&c->out)) {
		struct iovec iov[WRITE_COUNT];
		struct outmsg *m;
		size_t count = 0;
		uint32_t len;
		ssize_t n;

		/* What is written must be noted: room for that comes first. */
		if (!journal_last_room(c->srv->journal, sizeof(len)))
			return 0;
		TAILQ_FOREACH(m, &c->out, link) {
			if (count == WRITE_COUNT)
				break;
			iov[count].iov_base = m->data + m->sent;
			iov[count++].iov_len = m->len - m->sent;
		}
		n = c->ops->write(c, iov, count);
		if (n <= 0)
			return n;
		len = (uint32_t)n;
		(void)journal_add(c->srv->journal, JOURNAL_SENT, c->key, &len,
				  sizeof(len));
		conn_sent(c, len);
	}
	return 0;
}

/* Must this connection fetch its replies before it is served again? */
static bool held_back(const struct conn *c)
{
	if (c->privileged)
		return c->out_bytes > SOCKET_PAUSE;
	return c->replies >= c->srv->quota[QUOTA_OUTSTANDING];
}

void conn_output(struct conn *c)
{
	size_t limit = c->privileged ? SOCKET_MAX :
		       c->srv->quota[QUOTA_MEMORY];
	ssize_t rc;

	if (c->ended)
		return;
	/* A ring that starts anew does so before anything is put into it. */
	c->ops->kick(c);
	rc = output_write(c);
	if (!rc && c->out_bytes > limit) {
		log_line("cut-off", "domain=%u reason=unread bytes=%zu",
			 c->domid, c->out_bytes);
		rc = -ENOBUFS;
	}
	if (rc < 0) {
		conn_cut(c, (int)rc);
		return;
	}
	c->ops->kick(c);
	set_waiting(c, !TAILQ_EMPTY(&c->out));
	if (c->paused && !held_back(c))
		set_ready(c, true);
}

/* --- input ---------------------------------------------------------------- */

/*
 * Serve the requests in `buf` until they end, the turn ends or the connection
 * is held back.  Returns the bytes used, or -EPROTO.
 */
static ssize_t serve(struct conn *c, const char *buf, size_t len,
		     unsigned int *turn)
{
	size_t used = 0;

	while (*turn && !held_back(c) && !c->ended) {
		struct xsd_sockmsg hdr;

		if (len - used < HEADER)
			break;
		memcpy(&hdr, buf + used, HEADER);
		if (hdr.len > XENSTORE_PAYLOAD_MAX)
			return -EPROTO;
		if (len - used - HEADER < hdr.len)
			break;
		request_serve(c, &hdr, buf + used + HEADER);
		used += HEADER + hdr.len;
		--*turn;
	}
	return (ssize_t)used;
}

/* Keep what was not used for the next turn; `rest` may lie in c->in. */
static void keep(struct conn *c, const char *rest, size_t len)
{
	char *old = c->in;

	c->in = NULL;
	if (len) {
		c->in = mem_alloc(len);
		memcpy(c->in, rest, len);
	}
	free(old);
	c->in_len = len;
	note_busy(c);
}

unsigned int conn_serve(struct conn *c, const char *bytes, size_t len)
{
	unsigned int turn = TURN;
	ssize_t used;

	if (len && c->ops->took)
		c->ops->took(c, len);
	if (c->in_len) {
		c->in = mem_resize(c->in, c->in_len + len);
		if (len)
			memcpy(c->in + c->in_len, bytes, len);
		bytes = c->in;
		len += c->in_len;
	}
	used = serve(c, bytes, len, &turn);
	if (c->ended)
		return TURN - turn;
	if (used < 0)
		conn_end(c, (int)used);
	else
		keep(c, bytes + used, len - (size_t)used);
	return TURN - turn;
}

/* Is a whole request, or a header that is beyond repair, in c->in? */
static bool request_waits(const struct conn *c)
{
	struct xsd_sockmsg hdr;

	if (c->in_len < HEADER)
		return false;
	memcpy(&hdr, c->in, HEADER);
	return hdr.len > XENSTORE_PAYLOAD_MAX ||
	       c->in_len - HEADER >= hdr.len;
}

/* Has its domain written so much that it must wait? */
static bool must_wait(struct conn *c)
{
	struct domain *d = c->privileged ? NULL :
			   domain_find(c->srv, c->domid);

	if (!d)
		return false;
	if (c->written)
		rate_charge(d, c->written);
	c->written = 0;
	return !rate_allows(d);
}

void conn_try_again(struct conn *c)
{
	if (must_wait(c))
		return;
	set_throttled(c, false);
	set_ready(c, true);
}

void conn_input(struct conn *c)
{
	unsigned int served = 0;
	bool more = true;

	set_ready(c, false);
	if (must_wait(c)) {
		set_throttled(c, true);
		return;
	}
	while (!held_back(c) && served < TURN && (more || request_waits(c))) {
		void *room = server_input_room(c->srv, READ_MAX);
		ssize_t n = 0;

		if (!room)
			return;
		if (!request_waits(c)) {
			n = c->ops->read(c, room, READ_MAX);
			if (!n)
				break;
			more = !c->short_is_all || n == READ_MAX;
		}
		if (n < 0) {
			conn_cut(c, (int)n);
			return;
		}
		journal_commit(c->srv->journal, JOURNAL_INPUT, c->key,
			       (size_t)n);
		served += conn_serve(c, room, (size_t)n);
		if (c->ended)
			return;
	}
	c->ops->kick(c);
	c->paused = held_back(c);
	if (served >= TURN && !c->paused)
		set_ready(c, true);
}
