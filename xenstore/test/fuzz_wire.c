/*
 * libFuzzer target: the wire protocol as several clients speak it, and a
 * ring page as a hostile guest fills it.
 *
 * The input is a program for a small machine, so that mutation finds its way
 * past the header quickly: an instruction picks a connection and either sends
 * raw bytes, or a request put together from a dictionary, or scribbles over
 * domain 3's ring page and fires its event, or lets a domain die.  In the end
 * the store's invariants must hold (check.h), its state must be the same
 * after being saved and loaded, and everything must be free.
 */
#include "xenstore/test/harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/check.h"
#include "xenstore/daemon/ring.h"
#include "xenstore/daemon/save.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct input {
	const uint8_t *at, *end;
};

static uint8_t byte(struct input *in)
{
	return in->at < in->end ? *in->at++ : 0;
}

static const char *const words[] = {
	"/", "/a", "/a/b", "/a/b/c", "/d", "x", "x/y", "/local/domain/1",
	"/local/domain/3", "@releaseDomain", "@introduceDomain", "tok", "",
	"n0", "n1", "r2", "b1", "w3", "n9", "T", "F", "0", "1", "2", "3", "99",
	"quota", "set", "nodes", "check", "memreport", "//", "/a/",
};

#define COUNT(a) (sizeof(a) / sizeof((a)[0]))

/* A request from words, with a NUL behind each or not. */
static void send_words(struct harness *h, struct wire *w, struct input *in)
{
	char msg[4096 + sizeof(struct xsd_sockmsg)];
	struct xsd_sockmsg hdr = { .type = byte(in) % 24 };
	unsigned int count = byte(in) % 5;
	size_t len = sizeof(hdr);

	hdr.tx_id = byte(in) % 4;
	while (count--) {
		const char *word = words[byte(in) % COUNT(words)];

		memcpy(msg + len, word, strlen(word) + 1);
		len += strlen(word) + 1;
	}
	if (len > sizeof(hdr) && byte(in) % 8 == 0)
		len--;
	hdr.len = (uint32_t)(len - sizeof(hdr));
	memcpy(msg, &hdr, sizeof(hdr));
	wire_feed(h, w, msg, len);
}

static void send_raw(struct harness *h, struct wire *w, struct input *in)
{
	size_t len = byte(in);

	if (len > (size_t)(in->end - in->at))
		len = (size_t)(in->end - in->at);
	wire_feed(h, w, in->at, len);
	in->at += len;
}

/* Write where the input says, in the ring page's 2076 bytes; fire. */
static void scribble(struct harness *h, struct input *in)
{
	uint8_t *page = (uint8_t *)&h->hv.page[3];
	size_t at = (byte(in) | byte(in) << 8) % sizeof(h->hv.page[3]);
	size_t len = byte(in) % 32;

	while (len-- && at < sizeof(h->hv.page[3]))
		page[at++] = byte(in);
	h->hv.page[3].req_prod += byte(in);
	ring_event(h->srv, 103);
	harness_settle(h);
}

static void life_and_death(struct harness *h, struct input *in)
{
	unsigned int domid = 1 + byte(in) % 3;

	h->hv.state[domid].shutdown = byte(in) & 1;
	h->hv.state[domid].dying = byte(in) % 4 == 0;
	domain_scan(h->srv);
	harness_settle(h);
	h->hv.state[domid] = (struct hv_domain){ 0 };
	/* The toolstack looks after its connections; ours are made anew. */
	for (unsigned int i = 1; i <= 2; i++) {
		if (domain_find(h->srv, i))
			continue;
		if (h->wire[i].conn)
			conn_end(h->wire[i].conn, -EPIPE);
		wire_open(h, &h->wire[i], i, false);
	}
}

static void step(struct harness *h, struct input *in)
{
	uint8_t op = byte(in);
	struct wire *w = &h->wire[op & 3];

	if (!w->conn)
		wire_open(h, w, op & 3 ? (op & 3) % 3 : 0, (op & 3) % 3 == 0);
	switch ((op >> 2) % 8) {
	case 0:
		send_raw(h, w, in);
		break;
	case 1:
		scribble(h, in);
		break;
	case 2:
		life_and_death(h, in);
		break;
	case 3:
		w->piece = byte(in);
		w->room = byte(in) & 1 ? SIZE_MAX / 2 : 0;
		if (w->conn)
			conn_output(w->conn);
		harness_settle(h);
		break;
	default:
		send_words(h, w, in);
		break;
	}
	for (unsigned int i = 0; i < WHO_MAX; i++)
		h->wire[i].out_len = h->wire[i].out_at = 0;
}

/* Another server's connections lead nowhere. */
static void nowhere(struct conn *c)
{
	(void)c;
}

static void nowhere_close(struct conn *c, int reason)
{
	(void)c;
	(void)reason;
}

static const struct transport_ops nowhere_ops = {
	.kick = nowhere, .close = nowhere_close,
};

static struct conn *nowhere_new(struct server *srv, uint64_t key)
{
	return conn_new(srv, &nowhere_ops, NULL, 0, true, key);
}

/* What is loaded of the state is that state. */
static void save_and_load(struct harness *h)
{
	struct server_setup setup = h->setup;
	struct buffer before = state_of(h->srv), after;
	struct server *other;

	setup.client_new = nowhere_new;
	other = load_state(&setup, before.data, before.len);
	if (!other)
		abort();
	after = state_of(other);
	if (before.len != after.len ||
	    memcmp(before.data, after.data, after.len))
		abort();
	server_free(other);
	free(before.data);
	free(after.data);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, data + size };
	struct harness *h = harness_new();
	char fault[256];

	h->srv->quota[QUOTA_NODES] = 8;
	h->srv->quota[QUOTA_TX_NODES] = 6;
	h->srv->quota[QUOTA_WATCHES] = 4;
	(void)domain_introduce(h->srv, 3, 7);
	harness_settle(h);
	while (in.at < in.end)
		step(h, &in);
	if (!check_store(h->srv, fault, sizeof(fault))) {
		fprintf(stderr, "%s\n", fault);
		abort();
	}
	save_and_load(h);
	harness_free(h);
	return 0;
}
