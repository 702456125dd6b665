/* Connections over a shared ring page: see ring.h. */
#include "xenstore/daemon/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"

#define SIZE	XENSTORE_RING_SIZE

struct ring {
	struct xenstore_domain_interface *page;	/* NULL: not mapped yet */
	uint64_t index;			/* of the mapping */
	uint32_t port;			/* ours; 0: none */
	uint32_t remote_port;
	/* Ours to know: the page's copies are written and never read. */
	XENSTORE_RING_IDX req_cons, rsp_prod;
	bool cleared;			/* the page is in its first state */
	bool moved;			/* the other side is to be told */
};

/* Features of the page that we keep to. */
static const uint32_t features = XENSTORE_SERVER_FEATURE_RECONNECTION |
				 XENSTORE_SERVER_FEATURE_ERROR;

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * The acquire pairs with the other side's barrier between its bytes and its
 * producer index.  The bytes stay where they are until ring_took().
 */
static ssize_t ring_read(struct conn *c, void *buf, size_t len)
{
	struct ring *r = c->transport;
	uint32_t prod, at = MASK_XENSTORE_IDX(r->req_cons);
	size_t n, head;

	if (!r->page || !r->cleared)
		return 0;
	prod = __atomic_load_n(&r->page->req_prod, __ATOMIC_ACQUIRE);
	if (prod - r->req_cons > SIZE)
		return -ERANGE;
	n = least(prod - r->req_cons, len);
	head = least(n, SIZE - at);
	memcpy(buf, r->page->req + at, head);
	memcpy((char *)buf + head, r->page->req, n - head);
	return (ssize_t)n;
}

/*
 * The fence orders our new consumer index before the next look at the
 * producer: either we see bytes that came meanwhile, or the other side sees
 * that we had taken all and notifies.
 */
static void ring_took(struct conn *c, size_t len)
{
	struct ring *r = c->transport;

	r->req_cons += (uint32_t)len;
	c->srv->lasting = true;
	if (!r->page)
		return;
	__atomic_store_n(&r->page->req_cons, r->req_cons, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->moved = true;
}

/* Bytes in front of the index, which ring_gave() moves: all that fits. */
static ssize_t ring_write(struct conn *c, const struct iovec *iov,
			  size_t count)
{
	struct ring *r = c->transport;
	size_t room, done = 0;
	uint32_t cons;

	if (!r->page || !r->cleared)
		return 0;
	cons = __atomic_load_n(&r->page->rsp_cons, __ATOMIC_ACQUIRE);
	if (r->rsp_prod - cons > SIZE)
		return -ERANGE;
	room = SIZE - (r->rsp_prod - cons);
	for (size_t i = 0; i < count && done < room; i++) {
		uint32_t at = MASK_XENSTORE_IDX(r->rsp_prod + (uint32_t)done);
		size_t n = least(iov[i].iov_len, room - done);
		size_t head = least(n, SIZE - at);

		memcpy(r->page->rsp + at, iov[i].iov_base, head);
		memcpy(r->page->rsp, (const char *)iov[i].iov_base + head,
		       n - head);
		done += n;
	}
	return (ssize_t)done;
}

/*
 * The fence orders the new index before the next look at the consumer, since
 * a reader notifies only when it takes bytes from a full ring.
 */
static void ring_gave(struct conn *c, size_t len)
{
	struct ring *r = c->transport;

	r->rsp_prod += (uint32_t)len;
	c->srv->lasting = true;
	if (!r->page)
		return;
	__atomic_store_n(&r->page->rsp_prod, r->rsp_prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->moved = true;
}

static void ring_connected(struct ring *r)
{
	r->page->error = XENSTORE_ERROR_NONE;
	r->page->server_features = features;
	__atomic_store_n(&r->page->connection, XENSTORE_CONNECTED,
			 __ATOMIC_RELEASE);
	r->moved = true;
}

/*
 * A ring that starts anew: indices to zero, then the other side may see that
 * it is connected.  The record between them says that this is not to be done
 * a second time.
 */
static void ring_clear(struct conn *c, struct ring *r)
{
	r->page->req_cons = 0;
	r->page->req_prod = 0;
	r->page->rsp_cons = 0;
	r->page->rsp_prod = 0;
	if (journal_add(c->srv->journal, JOURNAL_CLEARED, c->key, NULL, 0))
		return;
	ring_cleared(c);
	ring_connected(r);
}

void ring_cleared(struct conn *c)
{
	struct ring *r = c->transport;

	r->cleared = true;
	c->srv->lasting = true;
}

static void notify(const struct conn *c, struct ring *r)
{
	if (r->moved && r->port)
		c->srv->hv->port_notify(c->srv->hv_arg, r->port);
	r->moved = false;
}

/* Everything that the page is to show is in the journal by now. */
static void ring_kick(struct conn *c)
{
	struct ring *r = c->transport;

	if (r->page && !r->cleared)
		ring_clear(c, r);
	notify(c, r);
}

static void port_forget(struct server *srv, struct ring *r)
{
	if (!r->port)
		return;
	srv->ports[r->port] = NULL;
	srv->hv->port_unbind(srv->hv_arg, r->port);
	r->port = 0;
}

static int port_connect(struct conn *c, uint32_t remote_port)
{
	struct server *srv = c->srv;
	struct ring *r = c->transport;
	int port = srv->hv->port_bind(srv->hv_arg, c->domid, remote_port);
	size_t room;

	if (port < 0)
		return port;
	if ((size_t)port >= srv->port_room) {
		room = (size_t)port + 64;
		srv->ports = mem_resize(srv->ports,
					room * sizeof(*srv->ports));
		memset(srv->ports + srv->port_room, 0,
		       (room - srv->port_room) * sizeof(*srv->ports));
		srv->port_room = room;
	}
	r->port = (uint32_t)port;
	srv->ports[port] = c;
	return 0;
}

/* What the other side finds in the error field, and how the log says it. */
static const struct fault {
	int reason;
	uint32_t error;
	const char *text;
} faults[] = {
	{ -ERANGE, XENSTORE_ERROR_RINGIDX, "impossible ring indices" },
	{ -EPROTO, XENSTORE_ERROR_PROTO, "a message longer than 4096 bytes" },
	{ -ETIMEDOUT, XENSTORE_ERROR_COMM, "events left unread" },
	{ -ENOBUFS, XENSTORE_ERROR_COMM, "too much output left unread" },
};

static void ring_close(struct conn *c, int reason)
{
	struct server *srv = c->srv;
	struct ring *r = c->transport;
	struct domain *d = domain_find(srv, c->domid);

	for (size_t i = 0; i < sizeof(faults) / sizeof(faults[0]); i++) {
		if (faults[i].reason != reason)
			continue;
		log_line("cut-off", "domain=%u reason=\"%s\"", c->domid,
			 faults[i].text);
		if (r->page)
			r->page->error = faults[i].error;
		r->moved = true;
	}
	if (r->page) {
		notify(c, r);
		port_forget(srv, r);
		srv->hv->ring_unmap(srv->hv_arg, r->page, r->index);
	}
	if (d)
		d->ring = NULL;
	free(r);
	c->transport = NULL;
}

static const struct transport_ops ring_ops = {
	.read = ring_read, .write = ring_write, .took = ring_took,
	.gave = ring_gave, .kick = ring_kick, .close = ring_close,
};

/* Map the page and connect the port: 0 or -errno, and then neither is. */
static int ring_map(struct conn *c)
{
	struct server *srv = c->srv;
	struct ring *r = c->transport;
	int rc;

	r->page = srv->hv->ring_map(srv->hv_arg, c->domid, &r->index);
	if (!r->page)
		return -errno;
	rc = port_connect(c, r->remote_port);
	if (rc) {
		srv->hv->ring_unmap(srv->hv_arg, r->page, r->index);
		r->page = NULL;
	}
	return rc;
}

static struct conn *ring_new(struct server *srv, struct domain *d,
			     uint32_t remote_port)
{
	struct ring *r = mem_zalloc(sizeof(*r));

	r->remote_port = remote_port;
	return conn_new(srv, &ring_ops, r, d->domid, d->domid == 0,
			KEY_RING | d->domid);
}

/* What the outside said to an attachment. */
struct attached {
	int32_t rc;
	uint32_t req_cons, rsp_prod;
};

int ring_attach(struct server *srv, struct domain *d, uint32_t remote_port,
		bool fresh)
{
	struct conn *c = ring_new(srv, d, remote_port);
	struct ring *r = c->transport;
	struct attached a = { 0 };

	if (!journal_result(srv->journal, &a, sizeof(a))) {
		a.rc = ring_map(c);
		if (!a.rc && !fresh) {
			a.req_cons = r->page->req_cons;
			a.rsp_prod = r->page->rsp_prod;
			ring_connected(r);
		}
		(void)journal_add(srv->journal, JOURNAL_RESULT, c->key, &a,
				  sizeof(a));
	}
	if (a.rc) {
		conn_end(c, -EPIPE);
		return a.rc;
	}
	r->req_cons = a.req_cons;
	r->rsp_prod = a.rsp_prod;
	r->cleared = !fresh;
	d->ring = c;
	conn_dirty(c);
	return 0;
}

void ring_reset(struct conn *c)
{
	struct ring *r = c->transport;

	conn_reset(c);
	r->req_cons = r->rsp_prod = 0;
	r->cleared = false;
	conn_dirty(c);
}

int ring_rebind(struct domain *d, uint32_t remote_port)
{
	struct conn *c = d->ring;
	struct server *srv = c->srv;
	struct ring *r = c->transport;
	int32_t rc = 0;

	r->remote_port = remote_port;
	if (!journal_result(srv->journal, &rc, sizeof(rc))) {
		port_forget(srv, r);
		rc = port_connect(c, remote_port);
		(void)journal_add(srv->journal, JOURNAL_RESULT, c->key, &rc,
				  sizeof(rc));
	}
	if (!rc)
		ring_reset(c);
	return rc;
}

/* Look at a ring: what is there to read, is there room to write? */
static void ring_look(struct conn *c)
{
	struct ring *r = c->transport;

	if (r->cleared &&
	    __atomic_load_n(&r->page->connection, __ATOMIC_ACQUIRE) ==
	    XENSTORE_RECONNECT &&
	    !journal_add(c->srv->journal, JOURNAL_RESET, c->key, NULL, 0))
		ring_reset(c);
	conn_output(c);
	if (!c->ended && !c->paused)
		conn_input(c);
}

void ring_event(struct server *srv, uint32_t port)
{
	struct conn *c = port < srv->port_room ? srv->ports[port] : NULL;

	if (c)
		ring_look(c);
}

/* The page is what the dead daemon left: no index in it is newer than ours. */
static void ring_restore(struct conn *c)
{
	const struct server *srv = c->srv;
	struct ring *r = c->transport;
	struct hv_domain state = { 0 };
	int rc = ring_map(c);

	if (rc) {
		/* Of one that died meanwhile domain_news() will tell. */
		if (!srv->hv->domain_state(srv->hv_arg, c->domid, &state) &&
		    !state.dying)
			log_line("no-ring", "domain=%u error=%d", c->domid,
				 -rc);
		conn_cut(c, -EPIPE);
		return;
	}
	if (r->cleared) {
		r->page->server_features = features;
		ring_took(c, 0);
		ring_gave(c, 0);
	}
	ring_look(c);
}

void ring_restore_all(struct server *srv)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&srv->conns); c; c = next) {
		struct ring *r = c->transport;

		next = TAILQ_NEXT(c, in_all);
		if ((c->key & KEY_RING) && !r->page)
			ring_restore(c);
	}
}

/* --- saving --------------------------------------------------------------- */

void ring_save(struct saver *s, const struct conn *c)
{
	const struct ring *r = c->transport;

	save_u32(s, r->remote_port);
	save_u32(s, r->req_cons);
	save_u32(s, r->rsp_prod);
	save_u32(s, r->cleared);
}

struct conn *ring_load(struct loader *l, struct domain *d)
{
	struct conn *c = ring_new(d->srv, d, load_u32(l));
	struct ring *r = c->transport;

	r->req_cons = load_u32(l);
	r->rsp_prod = load_u32(l);
	r->cleared = load_u32(l);
	d->ring = c;
	return c;
}
