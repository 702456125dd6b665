/*
 * Quotas of unprivileged domains: the last request that fits and the first
 * that does not, for each of them; that what is given back can be used again;
 * and that charges stay right through transactions and deaths.
 */
#include "xenstore/test/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/daemon/log.h"

/* A fresh server in which domain 1 may create below /h. */
static struct harness *home(void)
{
	struct harness *h = harness_new();

	expect(h, 0, XS_MKDIR, 0, "/h|", "OK|");
	expect(h, 0, XS_SET_PERMS, 0, "/h|n1|r2|", "OK|");
	return h;
}

static void done(struct harness *h)
{
	assert_sound(h);
	harness_free(h);
}

static void nodes(void **state)
{
	struct harness *h = home();

	(void)state;
	h->srv->quota[QUOTA_NODES] = 4;		/* /h is one */
	expect(h, 1, XS_WRITE, 0, "/h/a/b|1", "OK|");
	expect(h, 1, XS_WRITE, 0, "/h/c/d|1", "!ENOSPC");
	expect(h, 0, XS_READ, 0, "/h/c|", "!ENOENT");
	expect(h, 1, XS_MKDIR, 0, "/h/c|", "OK|");
	expect(h, 1, XS_MKDIR, 0, "/h/d|", "!ENOSPC");
	expect(h, 1, XS_WRITE, 0, "/h/c|more", "OK|");
	expect(h, 0, XS_WRITE, 0, "/h/e|1", "OK|");
	expect(h, 1, XS_RM, 0, "/h/a|", "OK|");
	expect(h, 1, XS_MKDIR, 0, "/h/d|", "OK|");
	expect(h, 1, XS_MKDIR, 0, "/h/f|", "!ENOSPC");
	done(h);
}

static void nodes_in_transaction(void **state)
{
	struct harness *h = home();
	uint32_t tx = start_tx(h, 1), other = start_tx(h, 1);

	(void)state;
	h->srv->quota[QUOTA_NODES] = 3;
	expect(h, 1, XS_MKDIR, tx, "/h/a|", "OK|");
	expect(h, 1, XS_MKDIR, tx, "/h/b|", "OK|");
	expect(h, 1, XS_MKDIR, tx, "/h/c|", "!ENOSPC");
	expect(h, 1, XS_MKDIR, other, "/h/d|", "OK|");
	expect(h, 1, XS_TRANSACTION_END, other, "T|", "OK|");
	/* Counted again when it becomes true. */
	expect(h, 1, XS_TRANSACTION_END, tx, "T|", "!ENOSPC");
	expect(h, 0, XS_DIRECTORY, 0, "/h|", "d|");
	done(h);
}

static void watches(void **state)
{
	struct harness *h = home();

	(void)state;
	h->srv->quota[QUOTA_WATCHES] = 2;
	expect(h, 1, XS_WATCH, 0, "/h|1|", "OK|");
	expect(h, 1, XS_WATCH, 0, "/h|2|", "OK|");
	expect(h, 1, XS_WATCH, 0, "/h|3|", "!E2BIG");
	expect(h, 1, XS_UNWATCH, 0, "/h|1|", "OK|");
	expect(h, 1, XS_WATCH, 0, "/h|3|", "OK|");
	expect(h, 0, XS_WATCH, 0, "/h|1|", "OK|");
	expect(h, 0, XS_WATCH, 0, "/h|2|", "OK|");
	expect(h, 0, XS_WATCH, 0, "/h|3|", "OK|");
	done(h);
}

static void transactions(void **state)
{
	struct harness *h = home();
	uint32_t tx;

	(void)state;
	h->srv->quota[QUOTA_TRANSACTIONS] = 2;
	tx = start_tx(h, 1);
	(void)start_tx(h, 1);
	expect(h, 1, XS_TRANSACTION_START, 0, "|", "!ENOSPC");
	expect(h, 1, XS_TRANSACTION_END, tx, "F|", "OK|");
	(void)start_tx(h, 1);
	expect(h, 1, XS_TRANSACTION_START, 0, "|", "!ENOSPC");
	expect(h, 1, XS_RESET_WATCHES, 0, "|", "OK|");
	(void)start_tx(h, 1);
	for (int i = 0; i < 20; i++)
		(void)start_tx(h, 0);
	done(h);
}

static void node_size(void **state)
{
	struct harness *h = home();

	(void)state;
	h->srv->quota[QUOTA_NODE_SIZE] = 40;	/* 16 go to two entries */
	expect(h, 1, XS_WRITE, 0, "/h/a|123456789012345678901234", "OK|");
	expect(h, 1, XS_WRITE, 0, "/h/a|1234567890123456789012345", "!ENOSPC");
	expect(h, 1, XS_WRITE, 0, "/h/b|1234567890123456789012345", "!ENOSPC");
	expect(h, 1, XS_WRITE, 0, "/h/a|1", "OK|");
	expect(h, 1, XS_SET_PERMS, 0, "/h/a|n1|r2|r3|r0|b2|", "!ENOSPC");
	/* The parent's list of names counts too: "a" and 22 bytes. */
	expect(h, 1, XS_MKDIR, 0, "/h/1234567890123456789012|", "!ENOSPC");
	expect(h, 1, XS_MKDIR, 0, "/h/123456789012345678901|", "OK|");
	expect(h, 0, XS_WRITE, 0, "/h/a|1234567890123456789012345", "OK|");
	done(h);
}

static void permissions(void **state)
{
	struct harness *h = home();

	(void)state;
	h->srv->quota[QUOTA_PERMISSIONS] = 3;
	expect(h, 1, XS_SET_PERMS, 0, "/h|n1|r2|r3|", "OK|");
	expect(h, 1, XS_SET_PERMS, 0, "/h|n1|r2|r3|r0|", "!ENOSPC");
	expect(h, 0, XS_SET_PERMS, 0, "/h|n1|r2|r3|r0|", "OK|");
	done(h);
}

static void transaction_nodes(void **state)
{
	struct harness *h = home();
	uint32_t tx = start_tx(h, 1);

	(void)state;
	h->srv->quota[QUOTA_TX_NODES] = 2;
	expect(h, 1, XS_WRITE, tx, "/h/a|1", "OK|");
	expect(h, 1, XS_READ, tx, "/h|", "");
	expect(h, 1, XS_READ, tx, "/h/a|", "1");
	expect(h, 1, XS_READ, tx, "/h/b|", "!ENOSPC");
	/* The transaction is doomed. */
	expect(h, 1, XS_TRANSACTION_END, tx, "T|", "!ENOSPC");
	expect(h, 0, XS_READ, 0, "/h/a|", "!ENOENT");
	done(h);
}

static void memory(void **state)
{
	struct harness *h = home();
	struct domain *d = domain_find(h->srv, 1);
	uint32_t tx;

	(void)state;
	h->srv->quota[QUOTA_MEMORY] = (uint32_t)d->memory + 600;
	expect(h, 1, XS_WRITE, 0, "/h/a|1", "OK|");
	expect(h, 1, XS_MKDIR, 0, "/h/b/c/d/e/f/g/h|", "!ENOSPC");
	/* A log of one node, written for ever, is bounded too. */
	tx = start_tx(h, 1);
	expect(h, 1, XS_WRITE, tx, "/h/a|12345678", "OK|");
	for (int i = 0; i < 20; i++) {
		wire_send(h, &h->wire[1], XS_WRITE, tx, "/h/a|12345678");
		h->wire[1].out_at = h->wire[1].out_len = 0;
	}
	expect(h, 1, XS_WRITE, tx, "/h/a|12345678", "!ENOSPC");
	expect(h, 1, XS_TRANSACTION_END, tx, "T|", "!ENOSPC");
	expect(h, 0, XS_READ, 0, "/h/a|", "1");
	/* So are the paths that it looked at. */
	tx = start_tx(h, 1);
	for (int i = 0; i < 20; i++) {
		char request[40];

		snprintf(request, sizeof(request), "/h/looked-at-%d|", i);
		wire_send(h, &h->wire[1], XS_READ, tx, request);
		h->wire[1].out_at = h->wire[1].out_len = 0;
	}
	expect(h, 1, XS_READ, tx, "/h/one-more|", "!ENOSPC");
	done(h);
}

/* Replies that are not fetched: reading stops, nothing is lost. */
static void outstanding(void **state)
{
	struct harness *h = home();
	struct wire *w = &h->wire[1];
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX];
	unsigned int replies = 0;
	uint64_t served;

	(void)state;
	h->srv->quota[QUOTA_OUTSTANDING] = 5;
	w->room = 0;
	served = h->srv->requests;
	for (int i = 0; i < 50; i++)
		wire_send(h, w, XS_READ, 0, "/h|");
	assert_int_equal(h->srv->requests - served, 5);
	assert_true(w->conn->paused);
	assert_sound(h);
	w->room = SIZE_MAX / 2;
	conn_output(w->conn);
	harness_settle(h);
	while (wire_next(w, &hdr, data))
		replies++;
	assert_int_equal(replies, 50);
	done(h);
}

/* Events that are not fetched for too long: the domain is cut off. */
static void unread_events(void **state)
{
	struct harness *h = home();
	struct wire *w = &h->wire[1];

	(void)state;
	expect(h, 1, XS_WATCH, 0, "/h|w|", "OK|");
	w->room = 0;
	expect(h, 0, XS_WRITE, 0, "/h/x|1", "OK|");
	assert_true(server_needs_tick(h->srv));
	server_tick(h->srv);
	assert_non_null(w->conn);
	TAILQ_FIRST(&w->conn->out)->since -= 21000;
	server_tick(h->srv);
	server_flush(h->srv);
	assert_null(w->conn);
	assert_int_equal(w->reason, -ETIMEDOUT);
	assert_false(server_needs_tick(h->srv));
	/* The others notice nothing. */
	expect(h, 0, XS_WRITE, 0, "/h/x|2", "OK|");
	done(h);
}

/* Events that pile up: cut off at the memory quota. */
static void flood_of_events(void **state)
{
	struct harness *h = home();
	struct wire *w = &h->wire[1];
	char request[64];

	(void)state;
	expect(h, 1, XS_WATCH, 0, "/h|w|", "OK|");
	w->room = 0;
	h->srv->quota[QUOTA_MEMORY] = 10000;
	for (int i = 0; i < 1000; i++) {
		snprintf(request, sizeof(request), "/h/node-%d|1", i);
		expect(h, 0, XS_WRITE, 0, request, "OK|");
	}
	assert_null(w->conn);
	assert_int_equal(w->reason, -ENOBUFS);
	done(h);
}

/* An event that waits already is not queued twice. */
static void merged_events(void **state)
{
	struct harness *h = home();
	struct wire *w = &h->wire[1];
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX];
	unsigned int events = 0;

	(void)state;
	expect(h, 1, XS_WATCH, 0, "/h|w|", "OK|");
	assert_true(wire_next(w, &hdr, data));
	w->room = 0;
	for (int i = 0; i < 100; i++) {
		expect(h, 0, XS_WRITE, 0, "/h/x|1", "OK|");
		expect(h, 0, XS_WRITE, 0, "/h/y|1", "OK|");
	}
	w->room = SIZE_MAX / 2;
	conn_output(w->conn);
	while (wire_next(w, &hdr, data))
		events += hdr.type == XS_WATCH_EVENT;
	assert_int_equal(events, 2);
	done(h);
}

static void set_by_name(void **state)
{
	struct harness *h = home();

	(void)state;
	expect(h, 0, XS_CONTROL, 0, "quota|set|nodes|2|", "OK|");
	assert_int_equal(h->srv->quota[QUOTA_NODES], 2);
	expect(h, 0, XS_CONTROL, 0, "quota|set|nonsense|2|", "!ENOENT");
	expect(h, 0, XS_CONTROL, 0, "quota|set|nodes|x|", "!EINVAL");
	expect(h, 0, XS_CONTROL, 0, "quota|set|path-length|5000|", "!EINVAL");
	expect(h, 0, XS_CONTROL, 0, "quota|set|path-length|63|", "!EINVAL");
	expect(h, 0, XS_CONTROL, 0, "quota|1|", "*");
	expect(h, 0, XS_CONTROL, 0, "quota|9|", "!ENOENT");
	expect(h, 0, XS_CONTROL, 0, "check|", "OK|");
	expect(h, 0, XS_CONTROL, 0, "memreport|", "*");
	done(h);
}

/* A transaction that hands nodes over moves the charge with the commit. */
static void charges_follow_owners(void **state)
{
	struct harness *h = home();
	uint32_t tx = start_tx(h, 0);

	(void)state;
	expect(h, 0, XS_WRITE, tx, "/h/a|1", "OK|");
	expect(h, 0, XS_SET_PERMS, tx, "/h|n2|", "OK|");
	expect(h, 0, XS_RM, tx, "/h/a|", "OK|");
	expect(h, 0, XS_WRITE, tx, "/h/b|1", "OK|");
	assert_int_equal(domain_find(h->srv, 1)->nodes, 1);
	expect(h, 0, XS_TRANSACTION_END, tx, "T|", "OK|");
	assert_int_equal(domain_find(h->srv, 1)->nodes, 0);
	assert_int_equal(domain_find(h->srv, 2)->nodes, 2);
	done(h);
}

/* Each refusal stands in the log once for each domain and kind. */
static void logged_once(void **state)
{
	char path[] = "/tmp/store-quota-XXXXXX", text[4096] = "";
	struct harness *h = home();
	unsigned int lines = 0;
	FILE *f;

	(void)state;
	close(mkstemp(path));
	assert_int_equal(log_open(path, false), 0);
	log_mute(false);
	h->srv->quota[QUOTA_WATCHES] = 0;
	h->srv->quota[QUOTA_NODES] = 1;
	for (int i = 0; i < 3; i++) {
		expect(h, 1, XS_WATCH, 0, "/h|1|", "!E2BIG");
		expect(h, 2, XS_WATCH, 0, "/h|1|", "!E2BIG");
		expect(h, 1, XS_MKDIR, 0, "/h/a|", "!ENOSPC");
	}
	log_flush();
	log_mute(true);
	f = fopen(path, "r");
	assert_non_null(f);
	text[fread(text, 1, sizeof(text) - 1, f)] = '\0';
	fclose(f);
	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	assert_int_equal(lines, 3);
	assert_non_null(strstr(text, "domain=1 quota=watches value=0 "
			       "limit=0"));
	assert_non_null(strstr(text, "domain=2 quota=watches"));
	assert_non_null(strstr(text, "domain=1 quota=nodes value=2 limit=1"));
	assert_int_equal(log_open(NULL, false), 0);
	unlink(path);
	done(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(nodes_in_transaction),
		cmocka_unit_test(watches),
		cmocka_unit_test(transactions),
		cmocka_unit_test(node_size),
		cmocka_unit_test(permissions),
		cmocka_unit_test(transaction_nodes),
		cmocka_unit_test(memory),
		cmocka_unit_test(outstanding),
		cmocka_unit_test(unread_events),
		cmocka_unit_test(flood_of_events),
		cmocka_unit_test(merged_events),
		cmocka_unit_test(set_by_name),
		cmocka_unit_test(logged_once),
		cmocka_unit_test(charges_follow_owners),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
