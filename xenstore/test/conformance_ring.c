/*
 * The rules of the ring page, asked of a running daemon through the ring of
 * domain 1: what a guest may do with its page, and what it finds there.
 */
#include "xenstore/test/conformance.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define X50 "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define X500 X50 X50 X50 X50 X50 X50 X50 X50 X50 X50
#define BIG "/t/big|" X500 X500 X500 X500

#define SHORT_US	2000	/* between two looks at the page */
#define LOOKS		5000	/* ten seconds */
#define MOMENT_US	300000	/* enough for whatever is to happen */

/* Is a word of the page what it should become? */
static bool becomes(const uint32_t *word, uint32_t want)
{
	for (unsigned int i = 0; i < LOOKS; i++) {
		if (__atomic_load_n(word, __ATOMIC_ACQUIRE) == want)
			return true;
		usleep(SHORT_US);
	}
	return false;
}

static bool put(struct guest_ring *r, uint32_t type, const char *text)
{
	struct xsd_sockmsg hdr = {
		.type = type, .req_id = 1, .len = (uint32_t)strlen(text),
	};
	char data[XENSTORE_PAYLOAD_MAX];

	for (uint32_t i = 0; i < hdr.len; i++)
		data[i] = text[i] == '|' ? '\0' : text[i];
	return guest_ring_send(r, &hdr, data);
}

/* One answer, events left out: its type, 0 if none came. */
static uint32_t get(struct guest_ring *r, char *data, unsigned int *events)
{
	struct xsd_sockmsg hdr;

	do {
		if (!guest_ring_receive(r, &hdr, data))
			return 0;
		if (events && hdr.type == XS_WATCH_EVENT)
			++*events;
	} while (hdr.type == XS_WATCH_EVENT);
	return hdr.type;
}

static bool answers(struct guest_ring *r, uint32_t type, const char *request,
		    const char *want)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];

	return put(r, type, request) && get(r, data, NULL) &&
	       !strcmp(data, want);
}

static bool lives(struct guest_ring *r)
{
	return answers(r, XS_GET_DOMAIN_PATH, "7|", "/local/domain/7");
}

static void node_for_domain(const char *write)
{
	(void)privileged(XS_WRITE, write);
	(void)privileged(XS_SET_PERMS, "/t|n1|");
	(void)privileged(XS_SET_PERMS, "/t/big|n1|");
}

/* --- the cases ------------------------------------------------------------ */

static const char *zeroed(struct guest_ring *r, bool stock)
{
	struct xenstore_domain_interface *page = r->page;

	(void)stock;
	page->req_prod = page->req_cons = 77;
	page->rsp_prod = page->rsp_cons = 99;
	domains_fresh();
	if (page->req_prod || page->req_cons || page->rsp_prod ||
	    page->rsp_cons)
		return "an index is not 0";
	return lives(r) ? NULL : "no answer";
}

static const char *connected(struct guest_ring *r, bool stock)
{
	(void)stock;
	r->page->connection = XENSTORE_RECONNECT;
	domains_fresh();
	if (!becomes(&r->page->connection, XENSTORE_CONNECTED))
		return "the field stays";
	return lives(r) ? NULL : "no answer";
}

static const char *features(struct guest_ring *r, bool stock)
{
	uint32_t want = stock ? 0 : XENSTORE_SERVER_FEATURE_RECONNECTION |
				    XENSTORE_SERVER_FEATURE_ERROR;

	return r->page->server_features == want ? NULL : "another word";
}

static const char *byte_by_byte(struct guest_ring *r, bool stock)
{
	(void)stock;
	r->piece = 1;
	for (unsigned int i = 0; i < 60; i++) {
		if (!lives(r))
			return "no answer";
	}
	return r->page->req_prod > XENSTORE_RING_SIZE ? NULL : "it never wraps";
}

static const char *full_ring(struct guest_ring *r, bool stock)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];

	(void)stock;
	node_for_domain(BIG);
	if (!put(r, XS_READ, "/t/big|"))
		return "the request is not taken";
	if (!becomes(&r->page->rsp_prod,
		     r->page->rsp_cons + XENSTORE_RING_SIZE))
		return "the ring does not become full";
	if (get(r, data, NULL) != XS_READ || strlen(data) != 2000)
		return "not the whole value";
	return lives(r) ? NULL : "no answer";
}

static const char *bad_index(struct guest_ring *r, bool stock)
{
	(void)stock;
	r->page->req_prod = r->page->req_cons + XENSTORE_RING_SIZE + 1;
	if (!becomes(&r->page->error, XENSTORE_ERROR_RINGIDX))
		return "error is not 2";
	return *privileged(XS_READ, "/tool/xenstored|") ? "?" : NULL;
}

static const char *bad_length(struct guest_ring *r, bool stock)
{
	struct xsd_sockmsg hdr = {
		.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1,
	};

	(void)stock;
	if (!guest_ring_put(r, &hdr, sizeof(hdr)))
		return "the header is not taken";
	return becomes(&r->page->error, XENSTORE_ERROR_PROTO) ? NULL :
	       "error is not 3";
}

static const char *introduced_again(struct guest_ring *r, bool stock)
{
	const char *why = bad_length(r, stock);

	if (why)
		return why;
	domains_fresh();
	if (!lives(r))
		return "no answer";
	return stock || r->page->error == XENSTORE_ERROR_NONE ? NULL :
	       "the error stays";
}

/* Three events fit beside the answers; hundreds are asked for. */
static const char *merged(struct guest_ring *r, bool stock)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];
	unsigned int events = 0;

	(void)stock;
	node_for_domain("/t/big|1");
	if (!put(r, XS_WATCH, "/t/big|" X500 "|") || !get(r, data, NULL))
		return "no watch";
	for (unsigned int i = 0; i < 200; i++)
		(void)privileged(XS_WRITE, "/t/big|1");
	usleep(MOMENT_US);
	if (!put(r, XS_READ, "/t/big|") || !get(r, data, &events))
		return "no answer";
	return events >= 2 && events < 20 ? NULL : "not merged";
}

/* What a guest asks for behind 20 answers that it does not fetch. */
static const char *outstanding(struct guest_ring *r, bool stock)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];

	(void)stock;
	node_for_domain(BIG);
	for (unsigned int i = 0; i < 24; i++) {
		if (!put(r, XS_READ, "/t/big|"))
			return "a request is not taken";
	}
	if (!put(r, XS_WRITE, "/t/last|written"))
		return "a request is not taken";
	usleep(MOMENT_US);
	if (*privileged(XS_READ, "/t/last|"))
		return "all of them are served";
	for (unsigned int i = 0; i < 24; i++) {
		if (get(r, data, NULL) != XS_READ || strlen(data) != 2000)
			return "not the whole value";
	}
	if (get(r, data, NULL) != XS_WRITE)
		return "the last one is not answered";
	return strcmp(privileged(XS_READ, "/t/last|"), "written") ? "not done" :
	       NULL;
}

static const char *reconnects(struct guest_ring *r, bool stock)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];

	if (!put(r, XS_WATCH, "/t|w|") || !get(r, data, NULL))
		return "no watch";
	__atomic_store_n(&r->page->connection, XENSTORE_RECONNECT,
			 __ATOMIC_RELEASE);
	if (stock) {
		usleep(MOMENT_US);
		return r->page->connection == XENSTORE_RECONNECT ? NULL :
		       "it does reconnect";
	}
	if (!becomes(&r->page->connection, XENSTORE_CONNECTED))
		return "it does not reconnect";
	if (r->page->req_prod || r->page->rsp_prod)
		return "an index is not 0";
	/* The watch went: the same one is a new one. */
	return answers(r, XS_WATCH, "/t|w|", "OK") ? NULL : "the watch stays";
}

static const char *unread_event(struct guest_ring *r, bool stock)
{
	char text[64], data[XENSTORE_PAYLOAD_MAX + 1];

	r->page->error = XENSTORE_ERROR_NONE;
	node_for_domain("/t/big|1");
	if (!put(r, XS_WATCH, "/t|w|") || !get(r, data, NULL))
		return "no watch";
	for (unsigned int i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "/t/n%u|1", i);
		(void)privileged(XS_WRITE, text);
	}
	for (unsigned int i = 0; i < 25; i++) {
		sleep(1);
		(void)privileged(XS_READ, "/t|");
	}
	if (stock)
		return r->page->error ? "it is isolated" : NULL;
	return r->page->error == XENSTORE_ERROR_COMM ? NULL : "error is not 1";
}

const struct ring_case ring_cases[] = {
	{ "ring: INTRODUCE puts the four indices to 0", NULL, zeroed },
	{ "ring: INTRODUCE says that the guest is connected", NULL,
	  connected },
	{ "ring: the features that the daemon keeps to",
	  "it announces none; ours has reconnection and the error field",
	  features },
	{ "ring: messages come in any pieces and wrap", NULL, byte_by_byte },
	{ "ring: an answer that does not fit comes in parts that fill the ring",
	  NULL, full_ring },
	{ "ring: impossible indices: error 2", NULL, bad_index },
	{ "ring: a message above 4096 bytes: error 3", NULL, bad_length },
	{ "ring: an isolated domain can be introduced again", NULL,
	  introduced_again },
	{ "ring: an equal event that is not sent yet is not sent twice", NULL,
	  merged },
	{ "quotas: outstanding: behind 20 unfetched answers nothing is served",
	  NULL, outstanding },
	{ "ring: the guest asks for reconnection",
	  "it looks at the field when the domain is introduced, only",
	  reconnects },
	{ "quotas: watch-event: 20 s with an unread event isolate a domain",
	  "it isolates nobody for that: not in 25 s, nor in the 50 s of a "
	  "longer look", unread_event },
};
const size_t ring_case_count = sizeof(ring_cases) / sizeof(ring_cases[0]);
