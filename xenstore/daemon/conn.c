/* Connections: see conn.h. */
#include "xenstore/daemon/conn.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/request.h"

#define HEADER		sizeof(struct xsd_sockmsg)
#define MESSAGE_MAX	(HEADER + XENSTORE_PAYLOAD_MAX)

/* Requests that one connection may have served before the others' turn. */
#define TURN		32

/* Output of a privileged client: stop reading, and cut off. */
#define SOCKET_PAUSE	(256u << 10)
#define SOCKET_MAX	(32u << 20)

/* Input of the connection whose turn it is. */
static char turn_input[2 * MESSAGE_MAX];

struct conn *conn_new(struct server *srv, const struct transport_ops *ops,
		      void *transport, uint32_t domid, bool privileged)
{
	struct conn *c = mem_zalloc(sizeof(*c));

	c->srv = srv;
	c->ops = ops;
	c->transport = transport;
	c->domid = domid;
	c->privileged = privileged;
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
}

void conn_end(struct conn *c, int reason)
{
	if (c->ended)
		return;
	conn_reset(c);
	c->ended = true;
	c->ops->close(c, reason);
	set_ready(c, false);
	if (c->is_dirty)
		TAILQ_REMOVE(&c->srv->dirty, c, in_dirty);
	c->is_dirty = false;
	TAILQ_REMOVE(&c->srv->conns, c, in_all);
	TAILQ_INSERT_TAIL(&c->srv->ended, c, in_all);
}

void conn_free(struct conn *c)
{
	TAILQ_REMOVE(&c->srv->ended, c, in_all);
	free(c);
}

/* --- output --------------------------------------------------------------- */

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
	if (!c->is_dirty) {
		c->is_dirty = true;
		TAILQ_INSERT_TAIL(&c->srv->dirty, c, in_dirty);
	}
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

/* Write as much as the other side takes; 0 or the transport's error. */
static ssize_t output_write(struct conn *c)
{
	struct outmsg *m;

	while ((m = TAILQ_FIRST(&c->out))) {
		ssize_t n = c->ops->write(c, m->data + m->sent,
					  m->len - m->sent);

		if (n <= 0)
			return n;
		m->sent += (size_t)n;
		if (m->sent == m->len)
			outmsg_drop(c, m);
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
	rc = output_write(c);
	if (!rc && c->out_bytes > limit) {
		log_line("domain %u: does not read, %zu bytes wait: cut off",
			 c->domid, c->out_bytes);
		rc = -ENOBUFS;
	}
	if (rc < 0) {
		conn_end(c, (int)rc);
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

/* Keep what was not used for the next turn. */
static void keep(struct conn *c, const char *rest, size_t len)
{
	if (!len) {
		free(c->in);
		c->in = NULL;
	} else {
		c->in = mem_resize(c->in, len);
		memcpy(c->in, rest, len);
	}
	c->in_len = len;
}

void conn_input(struct conn *c)
{
	char *buf = turn_input;
	size_t len = c->in_len;
	unsigned int turn = TURN;

	set_ready(c, false);
	if (len)
		memcpy(buf, c->in, len);
	for (;;) {
		ssize_t n = serve(c, buf, len, &turn);

		if (c->ended)
			return;
		if (n >= 0) {
			len -= (size_t)n;
			memmove(buf, buf + n, len);
			if (!turn || held_back(c))
				break;
			/* Less than a message is left: there is room. */
			n = c->ops->read(c, buf + len,
					 sizeof(turn_input) - len);
		}
		if (n < 0) {
			conn_end(c, (int)n);
			return;
		}
		if (!n)
			break;
		len += (size_t)n;
	}
	keep(c, buf, len);
	c->ops->kick(c);
	c->paused = held_back(c);
	if (!turn && !c->paused)
		set_ready(c, true);
}
