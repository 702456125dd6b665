/* Connections over a shared ring page: see ring.h. */
#include "xenstore/daemon/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"

#define SIZE	XENSTORE_RING_SIZE

struct ring {
	struct xenstore_domain_interface *page;
	uint64_t index;			/* of the mapping */
	uint32_t port;			/* ours; 0: none */
	XENSTORE_RING_IDX req_cons, rsp_prod;
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
 * producer index.  The fence at the end orders our new consumer index before
 * the next look at the producer: either we see bytes that came meanwhile, or
 * the other side sees that we had taken all and notifies.
 */
static ssize_t ring_read(struct conn *c, void *buf, size_t len)
{
	struct ring *r = c->transport;
	uint32_t prod = __atomic_load_n(&r->page->req_prod, __ATOMIC_ACQUIRE);
	uint32_t at = MASK_XENSTORE_IDX(r->req_cons);
	size_t n, head;

	if (prod - r->req_cons > SIZE)
		return -ERANGE;
	n = least(prod - r->req_cons, len);
	if (!n)
		return 0;
	head = least(n, SIZE - at);
	memcpy(buf, r->page->req + at, head);
	memcpy((char *)buf + head, r->page->req, n - head);
	r->req_cons += (uint32_t)n;
	__atomic_store_n(&r->page->req_cons, r->req_cons, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->moved = true;
	return (ssize_t)n;
}

/*
 * Bytes first, then the index (release); the fence orders that before the
 * next look at the consumer, since a reader notifies only when it takes bytes
 * from a full ring.  What fits is pushed, whole message or not.
 */
static ssize_t ring_write(struct conn *c, const void *buf, size_t len)
{
	struct ring *r = c->transport;
	uint32_t cons = __atomic_load_n(&r->page->rsp_cons, __ATOMIC_ACQUIRE);
	uint32_t at = MASK_XENSTORE_IDX(r->rsp_prod);
	size_t n, head;

	if (r->rsp_prod - cons > SIZE)
		return -ERANGE;
	n = least(SIZE - (r->rsp_prod - cons), len);
	if (!n)
		return 0;
	head = least(n, SIZE - at);
	memcpy(r->page->rsp + at, buf, head);
	memcpy(r->page->rsp, (const char *)buf + head, n - head);
	r->rsp_prod += (uint32_t)n;
	__atomic_store_n(&r->page->rsp_prod, r->rsp_prod, __ATOMIC_RELEASE);
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
	r->moved = true;
	return (ssize_t)n;
}

static void ring_kick(struct conn *c)
{
	struct ring *r = c->transport;

	if (r->moved && r->port)
		c->srv->hv->port_notify(c->srv->hv_arg, r->port);
	r->moved = false;
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
		log_line("domain %u: %s: ring isolated", c->domid,
			 faults[i].text);
		r->page->error = faults[i].error;
		r->moved = true;
	}
	ring_kick(c);
	port_forget(srv, r);
	srv->hv->ring_unmap(srv->hv_arg, r->page, r->index);
	if (d)
		d->ring = NULL;
	free(r);
	c->transport = NULL;
}

static const struct transport_ops ring_ops = {
	.read = ring_read, .write = ring_write, .kick = ring_kick,
	.close = ring_close,
};

/* Start over with empty rings, as a new kernel behind them expects. */
static void ring_clear(struct ring *r)
{
	struct xenstore_domain_interface *page = r->page;

	r->req_cons = r->rsp_prod = 0;
	page->req_cons = page->req_prod = 0;
	page->rsp_cons = page->rsp_prod = 0;
}

static void ring_connected(struct ring *r)
{
	r->page->error = XENSTORE_ERROR_NONE;
	r->page->server_features = features;
	__atomic_store_n(&r->page->connection, XENSTORE_CONNECTED,
			 __ATOMIC_RELEASE);
	r->moved = true;
}

int ring_attach(struct server *srv, struct domain *d, uint32_t remote_port,
		bool fresh)
{
	struct ring *r = mem_zalloc(sizeof(*r));
	struct conn *c;
	int rc;

	r->page = srv->hv->ring_map(srv->hv_arg, d->domid, &r->index);
	if (!r->page) {
		rc = -errno;
		free(r);
		return rc;
	}
	c = conn_new(srv, &ring_ops, r, d->domid, d->domid == 0);
	rc = port_connect(c, remote_port);
	if (rc) {
		conn_end(c, -EPIPE);
		return rc;
	}
	if (fresh)
		ring_clear(r);
	r->req_cons = r->page->req_cons;
	r->rsp_prod = r->page->rsp_prod;
	ring_connected(r);
	ring_kick(c);
	d->ring = c;
	return 0;
}

int ring_rebind(struct domain *d, uint32_t remote_port)
{
	struct conn *c = d->ring;
	struct ring *r = c->transport;
	int rc;

	port_forget(c->srv, r);
	rc = port_connect(c, remote_port);
	if (rc)
		return rc;
	conn_reset(c);
	ring_clear(r);
	ring_connected(r);
	ring_kick(c);
	return 0;
}

void ring_event(struct server *srv, uint32_t port)
{
	struct conn *c = port < srv->port_room ? srv->ports[port] : NULL;
	struct ring *r;

	if (!c)
		return;
	r = c->transport;
	if (__atomic_load_n(&r->page->connection, __ATOMIC_ACQUIRE) ==
	    XENSTORE_RECONNECT) {
		conn_reset(c);
		ring_clear(r);
		ring_connected(r);
	}
	conn_output(c);
	if (!c->ended && !c->paused)
		conn_input(c);
}
