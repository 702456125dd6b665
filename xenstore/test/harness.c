/* A server inside the test program: see harness.h. */
#include "xenstore/test/harness.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/check.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/save.h"

/* --- the hypervisor ------------------------------------------------------- */

static int fake_state(void *arg, uint32_t domid, struct hv_domain *out)
{
	struct fake_hv *hv = arg;

	if (domid >= FAKE_DOMAINS || !hv->exists[domid])
		return -ENOENT;
	*out = hv->state[domid];
	return 0;
}

static struct xenstore_domain_interface *fake_map(void *arg, uint32_t domid,
						  uint64_t *index)
{
	struct fake_hv *hv = arg;

	if (domid >= FAKE_DOMAINS || hv->mapped[domid]) {
		errno = EINVAL;
		return NULL;
	}
	hv->mapped[domid] = true;
	*index = domid;
	return &hv->page[domid];
}

static void fake_unmap(void *arg, struct xenstore_domain_interface *ring,
		       uint64_t index)
{
	struct fake_hv *hv = arg;

	assert_ptr_equal(ring, &hv->page[index]);
	assert_true(hv->mapped[index]);
	hv->mapped[index] = false;
}

static int fake_bind(void *arg, uint32_t domid, uint32_t remote_port)
{
	struct fake_hv *hv = arg;

	assert_int_equal(hv->bound[domid], 0);
	hv->bound[domid] = remote_port;
	return (int)domid + 100;
}

static void fake_unbind(void *arg, uint32_t port)
{
	struct fake_hv *hv = arg;

	assert_int_not_equal(hv->bound[port - 100], 0);
	hv->bound[port - 100] = 0;
}

static void fake_notify(void *arg, uint32_t port)
{
	struct fake_hv *hv = arg;

	hv->notified[port - 100]++;
}

const struct hv_ops fake_hv_ops = {
	.domain_state = fake_state, .ring_map = fake_map,
	.ring_unmap = fake_unmap, .port_bind = fake_bind,
	.port_unbind = fake_unbind, .port_notify = fake_notify,
};

/* --- connections ---------------------------------------------------------- */

static ssize_t wire_read(struct conn *c, void *buf, size_t len)
{
	struct wire *w = c->transport;
	size_t n = w->in_len - w->in_at;

	if (n > len)
		n = len;
	if (w->piece && n > w->piece)
		n = w->piece;
	memcpy(buf, w->in + w->in_at, n);
	w->in_at += n;
	return (ssize_t)n;
}

static ssize_t wire_write(struct conn *c, const struct iovec *iov,
			  size_t count)
{
	struct wire *w = c->transport;
	const void *buf = iov[0].iov_base;
	size_t len = iov[0].iov_len;

	(void)count;

	if (len > w->room)
		len = w->room;
	if (w->piece && len > w->piece)
		len = w->piece;
	assert_true(w->out_len + len <= sizeof(w->out));
	memcpy(w->out + w->out_len, buf, len);
	w->out_len += len;
	w->room -= len;
	return (ssize_t)len;
}

static void wire_kick(struct conn *c)
{
	(void)c;
}

static void wire_close(struct conn *c, int reason)
{
	struct wire *w = c->transport;

	w->reason = reason;
	w->conn = NULL;
}

const struct transport_ops wire_ops = {
	.read = wire_read, .write = wire_write, .kick = wire_kick,
	.close = wire_close,
};

void wire_open(struct harness *h, struct wire *w, uint32_t domid,
	       bool privileged)
{
	wire_open_as(h, w, domid, privileged, ++h->last_key);
}

void wire_open_as(struct harness *h, struct wire *w, uint32_t domid,
		  bool privileged, uint64_t key)
{
	memset(w, 0, offsetof(struct wire, in));
	w->room = SIZE_MAX / 2;
	(void)domain_get(h->srv, domid);
	w->conn = conn_new(h->srv, &wire_ops, w, domid, privileged,
			   key);
}

void harness_settle(struct harness *h)
{
	server_flush(h->srv);
	while (h->srv->ready_count) {
		server_continue(h->srv);
		server_flush(h->srv);
	}
	server_settle(h->srv);
}

void wire_feed(struct harness *h, struct wire *w, const void *data,
	       size_t len)
{
	if (w->in_at) {
		memmove(w->in, w->in + w->in_at, w->in_len - w->in_at);
		w->in_len -= w->in_at;
		w->in_at = 0;
	}
	assert_true(w->in_len + len <= sizeof(w->in));
	memcpy(w->in + w->in_len, data, len);
	w->in_len += len;
	if (w->conn && !w->conn->paused)
		conn_input(w->conn);
	harness_settle(h);
}

void wire_send(struct harness *h, struct wire *w, uint32_t type, uint32_t tx,
	       const char *request)
{
	char msg[sizeof(struct xsd_sockmsg) + XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg hdr = { .type = type, .tx_id = tx, .req_id = 77 };
	size_t len = strlen(request);

	hdr.len = (uint32_t)len;
	memcpy(msg, &hdr, sizeof(hdr));
	for (size_t i = 0; i < len; i++)
		msg[sizeof(hdr) + i] = request[i] == '|' ? '\0' : request[i];
	wire_feed(h, w, msg, sizeof(hdr) + len);
}

bool wire_next(struct wire *w, struct xsd_sockmsg *hdr, char *data)
{
	size_t left = w->out_len - w->out_at;

	if (left < sizeof(*hdr))
		return false;
	memcpy(hdr, w->out + w->out_at, sizeof(*hdr));
	assert_true(hdr->len <= XENSTORE_PAYLOAD_MAX);
	if (left < sizeof(*hdr) + hdr->len)
		return false;
	memcpy(data, w->out + w->out_at + sizeof(*hdr), hdr->len);
	w->out_at += sizeof(*hdr) + hdr->len;
	if (w->out_at == w->out_len)
		w->out_at = w->out_len = 0;
	return true;
}

/* --- scripts -------------------------------------------------------------- */

static void io_message(void *arg, unsigned int who,
		       const struct xsd_sockmsg *hdr, const char *data)
{
	struct harness *h = arg;
	char msg[sizeof(*hdr) + XENSTORE_PAYLOAD_MAX + 1];

	/* One byte more than can be is what some cases are about. */
	assert_true(hdr->len <= XENSTORE_PAYLOAD_MAX + 1);
	memcpy(msg, hdr, sizeof(*hdr));
	memcpy(msg + sizeof(*hdr), data, hdr->len);
	wire_feed(h, &h->wire[who], msg, sizeof(*hdr) + hdr->len);
}

static int io_next(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
		   char *data)
{
	struct harness *h = arg;

	return wire_next(&h->wire[who], hdr, data);
}

static unsigned int io_port(void *arg, unsigned int domid)
{
	(void)arg;
	return domid + 7;
}

static void io_domain(void *arg, unsigned int domid, bool destroy)
{
	struct harness *h = arg;

	h->hv.state[domid].shutdown = true;
	h->hv.exists[domid] = !destroy;
	domain_news(h->srv);
	harness_settle(h);
}

void expect(struct harness *h, unsigned int who, uint32_t type, uint32_t tx,
	    const char *request, const char *want)
{
	struct step step = { NULL, who, type, 0, request, want, NULL, 1 };
	struct wire *w = &h->wire[who];
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1];

	wire_send(h, w, type, tx, request);
	do {
		if (!wire_next(w, &hdr, data))
			fail_msg("no answer to %u %s", type, request);
	} while (hdr.type == XS_WATCH_EVENT);
	data[hdr.len] = '\0';
	assert_int_equal(hdr.req_id, 77);
	for (size_t i = 0; i < hdr.len; i++)
		data[i] = data[i] ? data[i] : '|';
	if (want[0] == '!') {
		assert_int_equal(hdr.type, XS_ERROR);
		data[strcspn(data, "|")] = '\0';
		want++;
	} else {
		assert_int_equal(hdr.type, step.type);
	}
	if (strcmp(want, "*"))
		assert_string_equal(data, want);
}

uint32_t start_tx(struct harness *h, unsigned int who)
{
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1];

	wire_send(h, &h->wire[who], XS_TRANSACTION_START, 0, "|");
	assert_true(wire_next(&h->wire[who], &hdr, data));
	assert_int_equal(hdr.type, XS_TRANSACTION_START);
	return (uint32_t)strtoul(data, NULL, 10);
}

static void *buffer_room(void *arg, size_t len)
{
	struct buffer *b = arg;

	while (b->len + len > b->room) {
		b->room = b->room ? 2 * b->room : 4096;
		b->data = realloc(b->data, b->room);
		assert_non_null(b->data);
	}
	b->len += len;
	return b->data + b->len - len;
}

struct buffer state_of(struct server *srv)
{
	struct buffer b = { 0 };

	assert_int_equal(save_state(srv, buffer_room, &b), 0);
	return b;
}

void assert_sound(struct harness *h)
{
	char fault[256];

	if (!check_store(h->srv, fault, sizeof(fault)))
		fail_msg("%s", fault);
}

struct harness *harness_new(void)
{
	struct harness *h = malloc(sizeof(*h));

	assert_non_null(h);
	memset(&h->hv, 0, sizeof(h->hv));
	log_mute(true);
	h->last_key = 0;
	h->setup = (struct server_setup){
		.hv = &fake_hv_ops, .hv_arg = &h->hv,
	};
	h->srv = server_new(&h->setup);
	/* Tests write as fast as they can; of the rate test_quota is. */
	h->srv->quota[QUOTA_WRITE_RATE] = 0;
	h->io = (struct steps_io){
		.arg = h, .message = io_message, .next = io_next,
		.port = io_port, .domain = io_domain,
	};
	for (unsigned int i = 1; i <= 3; i++)
		h->hv.exists[i] = true;
	wire_open(h, &h->wire[0], 0, true);
	wire_open(h, &h->wire[1], 1, false);
	wire_open(h, &h->wire[2], 2, false);
	wire_open(h, &h->wire[3], 0, true);
	for (unsigned int i = 1; i <= 2; i++)
		domain_find(h->srv, i)->introduced = true;
	return h;
}

void harness_free(struct harness *h)
{
	server_free(h->srv);
	free(h);
	log_mute(false);
}
