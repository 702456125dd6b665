/*
 * Rings and domains: a guest's side of the ring page is played by the test.
 * Messages wrap and are split anywhere; partial ones are pushed; whoever
 * breaks the ring is isolated alone; a domain's death leaves nothing behind.
 */
#include "xenstore/test/harness.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/ring.h"

#define PORT(domid) ((domid) + 100u)

/* Domain 3 introduced, in a fresh server with a home for it. */
static struct harness *introduced(void)
{
	struct harness *h = harness_new();

	expect(h, 0, XS_INTRODUCE, 0, "3|1|7|", "OK|");
	expect(h, 0, XS_MKDIR, 0, "/local/domain/3|", "OK|");
	expect(h, 0, XS_SET_PERMS, 0, "/local/domain/3|n3|", "OK|");
	return h;
}

static void done(struct harness *h)
{
	assert_sound(h);
	harness_free(h);
	/* The server's end gave everything back. */
}

/* The guest writes up to what the ring takes; returns how much. */
static size_t guest_write(struct harness *h, const char *data, size_t len)
{
	struct xenstore_domain_interface *page = &h->hv.page[3];
	size_t n = 0;

	while (n < len && page->req_prod - page->req_cons <
	       XENSTORE_RING_SIZE)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] = data[n++];
	return n;
}

/* The guest reads up to `len` bytes of what there is. */
static size_t guest_read(struct harness *h, char *data, size_t len)
{
	struct xenstore_domain_interface *page = &h->hv.page[3];
	size_t n = 0;

	while (n < len && page->rsp_cons != page->rsp_prod)
		data[n++] = page->rsp[MASK_XENSTORE_IDX(page->rsp_cons++)];
	return n;
}

static void event(struct harness *h)
{
	ring_event(h->srv, PORT(3));
	harness_settle(h);
}

/* One request over the ring, and its whole answer, in steps of `piece`. */
static size_t guest_call(struct harness *h, uint32_t type, const char *request,
			 size_t len, size_t piece, char *answer)
{
	struct xsd_sockmsg hdr = { .type = type, .req_id = 5,
				   .len = (uint32_t)len };
	char msg[sizeof(hdr) + XENSTORE_PAYLOAD_MAX];
	size_t total = sizeof(hdr) + len, at = 0, got = 0;

	memcpy(msg, &hdr, sizeof(hdr));
	memcpy(msg + sizeof(hdr), request, len);
	while (at < total) {
		size_t n = total - at < piece ? total - at : piece;

		at += guest_write(h, msg + at, n);
		event(h);
	}
	for (;;) {
		size_t n = guest_read(h, answer + got, piece);

		got += n;
		if (!n)
			break;
		event(h);
	}
	/* Behind the answer there may be an event. */
	memcpy(&hdr, answer, sizeof(hdr));
	assert_int_equal(hdr.req_id, 5);
	assert_true(got == sizeof(hdr) + hdr.len || type == XS_WATCH);
	memmove(answer, answer + sizeof(hdr), hdr.len);
	return hdr.len;
}

static void messages_wrap(void **state)
{
	static const size_t pieces[] = { 1, 3, 17, 100, 1023, 1024, 5000 };
	struct harness *h = introduced();
	char value[1800], request[2000], answer[5000];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(value); i++)
		value[i] = (char)(i * 7);
	len = 4;
	memcpy(request, "big", len);
	memcpy(request + len, value, sizeof(value));
	/* Indices that overflow on the way. */
	h->hv.page[3].req_prod = h->hv.page[3].req_cons = 0;
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		size_t n = guest_call(h, XS_WRITE, request,
				      len + sizeof(value), pieces[i], answer);

		assert_int_equal(n, 3);
		assert_memory_equal(answer, "OK", 3);
		n = guest_call(h, XS_READ, "big", 4, pieces[i], answer);
		assert_int_equal(n, sizeof(value));
		assert_memory_equal(answer, value, sizeof(value));
	}
	done(h);
}

static void indices_overflow(void **state)
{
	struct harness *h = harness_new();
	struct xenstore_domain_interface *page = &h->hv.page[0];
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 2 };

	(void)state;
	/* Dom0's ring goes on where it stands. */
	page->req_prod = page->req_cons = 0xfffffff8u;
	page->rsp_prod = page->rsp_cons = 0xfffffffeu;
	assert_int_equal(domain_introduce(h->srv, 0, 9), 0);
	for (size_t i = 0; i < sizeof(hdr) + 2; i++)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] =
			i < sizeof(hdr) ? ((char *)&hdr)[i] :
			"/"[i - sizeof(hdr)];
	ring_event(h->srv, PORT(0));
	harness_settle(h);
	assert_int_equal(page->req_cons, 10);
	assert_int_equal(page->rsp_prod, 14);
	done(h);
}

/* A message larger than what is free goes out in part, up to the brim. */
static void partial_messages_are_pushed(void **state)
{
	struct harness *h = introduced();
	struct xenstore_domain_interface *page = &h->hv.page[3];
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 4 };
	char request[1504] = "big", answer[5000];

	(void)state;
	(void)guest_call(h, XS_WRITE, request, sizeof(request), 1024, answer);
	(void)guest_write(h, (char *)&hdr, sizeof(hdr));
	(void)guest_write(h, "big", 4);
	h->hv.notified[3] = 0;
	event(h);
	assert_int_equal(page->rsp_prod - page->rsp_cons, XENSTORE_RING_SIZE);
	assert_true(h->hv.notified[3] > 0);
	(void)guest_read(h, answer, 1);
	event(h);
	assert_int_equal(page->rsp_prod - page->rsp_cons, XENSTORE_RING_SIZE);
	done(h);
}

struct damage {
	const char *title;
	uint32_t req_prod, rsp_cons;	/* added to what stands there */
	uint32_t len;			/* of a header that is sent, or 0 */
	uint32_t error;
};

static void assert_isolated(struct harness *h, uint32_t error)
{
	assert_null(domain_find(h->srv, 3)->ring);
	assert_false(h->hv.mapped[3]);
	assert_int_equal(h->hv.bound[3], 0);
	assert_int_equal(h->hv.page[3].error, error);
	/* Everybody else goes on, and so can domain 3, introduced anew. */
	expect(h, 0, XS_READ, 0, "/local/domain/3|", "");
	expect(h, 1, XS_GET_DOMAIN_PATH, 0, "1|", "/local/domain/1|");
	expect(h, 0, XS_INTRODUCE, 0, "3|1|8|", "OK|");
	assert_true(h->hv.mapped[3]);
	assert_int_equal(h->hv.page[3].error, 0);
}

static void damaged_rings(void **state)
{
	static const struct damage damages[] = {
		{ "producer too far", 1025, 0, 0, XENSTORE_ERROR_RINGIDX },
		{ "producer behind", (uint32_t)-1, 0, 0,
		  XENSTORE_ERROR_RINGIDX },
		{ "consumer ahead", 0, 1, 0, XENSTORE_ERROR_RINGIDX },
		{ "consumer behind", 0, (uint32_t)-2000, 0,
		  XENSTORE_ERROR_RINGIDX },
		{ "long message", 0, 0, 4097, XENSTORE_ERROR_PROTO },
		{ "longest number", 0, 0, 0xffffffff, XENSTORE_ERROR_PROTO },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(damages) / sizeof(damages[0]); i++) {
		const struct damage *d = &damages[i];
		struct harness *h = introduced();
		struct xsd_sockmsg hdr = { .type = XS_READ, .len = d->len };

		print_message("# %s\n", d->title);
		if (d->len) {
			(void)guest_write(h, (char *)&hdr, sizeof(hdr));
		} else {
			/* A request makes the daemon write, too. */
			hdr.type = XS_GET_DOMAIN_PATH;
			hdr.len = 2;
			(void)guest_write(h, (char *)&hdr, sizeof(hdr));
			(void)guest_write(h, "1", 2);
			h->hv.page[3].req_prod += d->req_prod;
			h->hv.page[3].rsp_cons += d->rsp_cons;
			if (d->req_prod == 1025)
				h->hv.page[3].req_prod = 1025;
			if (d->req_prod == (uint32_t)-1)
				h->hv.page[3].req_prod = (uint32_t)-1;
		}
		event(h);
		assert_isolated(h, d->error);
		done(h);
	}
}

/* Our own indices in the page are the guest's to spoil: nothing comes of it. */
static void own_indices_are_private(void **state)
{
	struct harness *h = introduced();
	char answer[5000];
	size_t n;

	(void)state;
	n = guest_call(h, XS_GET_DOMAIN_PATH, "3", 2, 100, answer);
	assert_int_equal(n, 16);
	h->hv.page[3].rsp_prod = 77;
	h->hv.page[3].req_cons = 99;
	event(h);
	h->hv.page[3].rsp_cons = h->hv.page[3].rsp_prod = 16 + 16;
	h->hv.page[3].req_prod = h->hv.page[3].req_cons = 16 + 2;
	n = guest_call(h, XS_GET_DOMAIN_PATH, "3", 2, 100, answer);
	assert_int_equal(n, 16);
	done(h);
}

static void reconnection(void **state)
{
	struct harness *h = introduced();
	struct xenstore_domain_interface *page = &h->hv.page[3];
	char answer[5000];

	(void)state;
	assert_int_equal(page->server_features,
			 XENSTORE_SERVER_FEATURE_RECONNECTION |
			 XENSTORE_SERVER_FEATURE_ERROR);
	(void)guest_call(h, XS_WATCH, "x\0w", 4, 100, answer);
	(void)guest_write(h, "half a message", 9);
	event(h);
	page->connection = XENSTORE_RECONNECT;
	event(h);
	assert_int_equal(page->connection, XENSTORE_CONNECTED);
	assert_int_equal(page->req_prod, 0);
	assert_int_equal(page->rsp_prod, 0);
	assert_int_equal(domain_find(h->srv, 3)->watches, 0);
	assert_int_equal(guest_call(h, XS_GET_DOMAIN_PATH, "3", 2, 100,
				    answer), 16);
	done(h);
}

static void introduce_again_rebinds(void **state)
{
	struct harness *h = introduced();
	char answer[5000];

	(void)state;
	(void)guest_call(h, XS_GET_DOMAIN_PATH, "3", 2, 100, answer);
	expect(h, 0, XS_INTRODUCE, 0, "3|1|12|", "OK|");
	assert_int_equal(h->hv.bound[3], 12);
	assert_int_equal(h->hv.page[3].req_prod, 0);
	assert_int_equal(h->hv.page[3].rsp_prod, 0);
	(void)guest_call(h, XS_GET_DOMAIN_PATH, "3", 2, 100, answer);
	done(h);
}

/* A domain that keeps its ring full does not keep the others waiting. */
static void turns_are_bounded(void **state)
{
	struct harness *h = introduced();
	struct xsd_sockmsg hdr = { .type = XS_READ, .len = 0 };
	uint64_t before = h->srv->requests;

	(void)state;
	h->srv->quota[QUOTA_OUTSTANDING] = 1000;
	for (int i = 0; i < 64; i++)
		(void)guest_write(h, (char *)&hdr, sizeof(hdr));
	ring_event(h->srv, PORT(3));
	assert_int_equal(h->srv->requests - before, 32);
	assert_int_equal(h->srv->ready_count, 1);
	harness_settle(h);
	assert_int_equal(h->srv->requests - before, 64);
	done(h);
}

static void death(void **state)
{
	struct harness *h = introduced();
	char answer[5000];
	struct xsd_sockmsg hdr;

	(void)state;
	expect(h, 0, XS_WRITE, 0, "/granted|1", "OK|");
	expect(h, 0, XS_SET_PERMS, 0, "/granted|n0|r3|", "OK|");
	expect(h, 3, XS_WATCH, 0, "@releaseDomain|r|", "OK|");
	assert_true(wire_next(&h->wire[3], &hdr, answer));
	(void)guest_call(h, XS_WATCH, "x\0w", 4, 100, answer);
	(void)guest_call(h, XS_TRANSACTION_START, "", 1, 100, answer);
	(void)guest_call(h, XS_WRITE, "a/b\0v", 5, 100, answer);
	assert_int_equal(domain_find(h->srv, 3)->nodes, 3);

	/* Shut down: told once, nothing else happens. */
	h->hv.state[3].shutdown = true;
	domain_scan(h->srv);
	domain_scan(h->srv);
	server_flush(h->srv);
	assert_true(wire_next(&h->wire[3], &hdr, answer));
	assert_false(wire_next(&h->wire[3], &hdr, answer));
	expect(h, 0, XS_READ, 0, "/local/domain/3/a/b|", "v");

	/* Resumed, and shut down again: told again. */
	expect(h, 0, XS_RESUME, 0, "3|", "OK|");
	domain_scan(h->srv);
	server_flush(h->srv);
	assert_true(wire_next(&h->wire[3], &hdr, answer));

	/* Dying: everything goes. */
	h->hv.state[3].dying = true;
	domain_scan(h->srv);
	server_flush(h->srv);
	assert_true(wire_next(&h->wire[3], &hdr, answer));
	assert_memory_equal(answer, "@releaseDomain", 15);
	assert_null(domain_find(h->srv, 3));
	assert_false(h->hv.mapped[3]);
	assert_int_equal(h->hv.bound[3], 0);
	expect(h, 0, XS_READ, 0, "/local/domain/3|", "!ENOENT");
	expect(h, 0, XS_SET_PERMS, 0, "/granted|n3|", "!ENOENT");

	/* Another domain of that number has none of the rights. */
	h->hv.state[3] = (struct hv_domain){ 0 };
	expect(h, 0, XS_INTRODUCE, 0, "3|1|7|", "OK|");
	expect(h, 0, XS_GET_PERMS, 0, "/granted|", "n0|r3|");
	assert_int_equal(guest_call(h, XS_READ, "/granted", 9, 100, answer),
			 7);
	assert_string_equal(answer, "EACCES");
	done(h);
}

static void orphans_kept(void **state)
{
	struct harness *h = introduced();
	char answer[5000];

	(void)state;
	h->srv->keep_orphans = true;
	(void)guest_call(h, XS_WRITE, "a/b\0v", 5, 100, answer);
	expect(h, 0, XS_RELEASE, 0, "3|", "OK|");
	expect(h, 0, XS_GET_PERMS, 0, "/local/domain/3/a/b|", "n0|");
	done(h);
}

static void ring_that_cannot_be_mapped(void **state)
{
	struct harness *h = harness_new();

	(void)state;
	h->hv.mapped[3] = true;		/* somebody else's: refused */
	expect(h, 0, XS_INTRODUCE, 0, "3|1|7|", "!EINVAL");
	expect(h, 0, XS_IS_DOMAIN_INTRODUCED, 0, "3|", "F|");
	h->hv.mapped[3] = false;
	expect(h, 0, XS_INTRODUCE, 0, "3|1|7|", "OK|");
	done(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(messages_wrap),
		cmocka_unit_test(indices_overflow),
		cmocka_unit_test(partial_messages_are_pushed),
		cmocka_unit_test(damaged_rings),
		cmocka_unit_test(own_indices_are_private),
		cmocka_unit_test(reconnection),
		cmocka_unit_test(introduce_again_rebinds),
		cmocka_unit_test(turns_are_bounded),
		cmocka_unit_test(death),
		cmocka_unit_test(orphans_kept),
		cmocka_unit_test(ring_that_cannot_be_mapped),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
