/* The interpreter of protocol scripts: see steps.h. */
#include "xenstore/test/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define EVENTS_MAX	2048
#define EVENT_TRIES	100
#define EVENT_PAUSE_US	20000

struct message {
	size_t len;
	char data[XENSTORE_PAYLOAD_MAX];
};

struct run {
	const struct steps_io *io;
	uint32_t tx[10];
	uint32_t last_request, sent, answered;
	struct message *event[WHO_MAX][EVENTS_MAX];
	size_t events[WHO_MAX];
	char *why;
	size_t why_size;
};

/* Bytes with | for NUL and dots for what cannot be shown. */
static void show(const char *data, size_t len, char out[200])
{
	size_t n = 0;

	for (size_t i = 0; i < len && n < 190; i++)
		out[n++] = !data[i] ? '|' :
			   data[i] < 32 || data[i] > 126 ? '.' : data[i];
	out[n] = '\0';
}

/* A text's bytes; `round` takes the place of '#'. */
static size_t encode(const struct run *r, const char *text,
		     unsigned int round, char *out)
{
	size_t len = 0;

	for (; *text; text++) {
		if (*text == '#')
			len += (size_t)sprintf(out + len, "%u", round);
		else if (*text == '^')
			len += (size_t)sprintf(out + len, "%u", r->io->port(
				r->io->arg, (unsigned int)(*++text - '0')));
		else
			out[len++] = *text == '|' ? '\0' : *text;
	}
	return len;
}

/* What the daemon at hand must answer. */
static const char *wanted(const struct run *r, const struct step *s)
{
	return r->io->stock && s->stock ? s->stock : s->want;
}

static bool fail(struct run *r, const struct step *s, const char *what,
		 const char *data, size_t len)
{
	char got[200];

	const char *want = wanted(r, s);

	show(data, len, got);
	snprintf(r->why, r->why_size, "connection %u, type %u \"%s\": want "
		 "\"%s\", %s \"%s\"", s->who, s->type,
		 s->request ? s->request : "", want ? want : "", what, got);
	return false;
}

static void keep_event(struct run *r, unsigned int who, const char *data,
		       size_t len)
{
	struct message *m = malloc(sizeof(*m));

	if (!m || r->events[who] == EVENTS_MAX)
		abort();
	m->len = len;
	memcpy(m->data, data, len);
	r->event[who][r->events[who]++] = m;
}

static void drop_event(struct run *r, unsigned int who)
{
	free(r->event[who][0]);
	memmove(r->event[who], r->event[who] + 1,
		--r->events[who] * sizeof(r->event[who][0]));
}

static void send_request(struct run *r, unsigned int who, uint32_t type,
			 uint32_t tx, const char *request, unsigned int round)
{
	char payload[2 * XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg req = { .type = type, .tx_id = tx,
				   .req_id = ++r->last_request };

	req.len = (uint32_t)encode(r, request, round, payload);
	r->io->message(r->io->arg, who, &req, payload);
}

/* The next answer, events are kept: 1, or 0 if none came. */
static int await(struct run *r, unsigned int who, struct xsd_sockmsg *hdr,
		 char *data)
{
	while (r->io->next(r->io->arg, who, hdr, data)) {
		if (hdr->type != XS_WATCH_EVENT)
			return 1;
		/* An event that answers something is none. */
		if (hdr->req_id || hdr->tx_id)
			return 0;
		keep_event(r, who, data, hdr->len);
	}
	return 0;
}

/* Send one request and wait for its answer: 1, or 0 if none came. */
static int ask(struct run *r, unsigned int who, uint32_t type, uint32_t tx,
	       const char *request, unsigned int round,
	       struct xsd_sockmsg *hdr, char *data)
{
	send_request(r, who, type, tx, request, round);
	return await(r, who, hdr, data);
}

/* Is it the answer that the step wants to the request of that number? */
static bool check_answer(struct run *r, const struct step *s,
			 uint32_t type, uint32_t tx, uint32_t number,
			 const struct xsd_sockmsg *hdr, char *data)
{
	const char *want = wanted(r, s);
	char expected[2 * XENSTORE_PAYLOAD_MAX];
	size_t len;

	if (hdr->req_id != number || hdr->tx_id != tx)
		return fail(r, s, "wrong numbers in the header of", data,
			    hdr->len);
	data[hdr->len] = '\0';
	if (!strcmp(want, "?"))
		return true;
	if (!strcmp(want, "!") && hdr->type == XS_ERROR)
		return true;
	if (want[0] == '!') {
		if (hdr->type == XS_ERROR && !strcmp(data, want + 1) &&
		    hdr->len == strlen(want))
			return true;
		return fail(r, s, "got", data, hdr->len);
	}
	if (hdr->type != type)
		return fail(r, s, "got", data, hdr->len);
	if (want[0] == '$') {
		r->tx[want[1] - '0'] = (uint32_t)strtoul(data, NULL, 10);
		return r->tx[want[1] - '0'] ? true :
		       fail(r, s, "got", data, hdr->len);
	}
	if (!strcmp(want, "*"))
		return true;
	len = encode(r, want, 0, expected);
	if (len == hdr->len && !memcmp(expected, data, len))
		return true;
	return fail(r, s, "got", data, hdr->len);
}

static bool run_request(struct run *r, const struct step *s)
{
	uint32_t tx = s->tx == TX_UNKNOWN ? 0x7eadbeef : r->tx[s->tx];
	char data[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg hdr;

	for (unsigned int i = 0; i < s->times; i++) {
		if (!ask(r, s->who, s->type, tx, s->request, i, &hdr, data))
			return fail(r, s, "no answer", "", 0);
		if (!check_answer(r, s, s->type, tx, r->last_request, &hdr,
				  data))
			return false;
	}
	return true;
}

/* Requests are answered in their order, however many are under way. */
static bool run_send(struct run *r, const struct step *s)
{
	if (!r->sent)
		r->sent = r->last_request + 1;
	send_request(r, s->who, XS_READ, 0, s->request, 0);
	return true;
}

static bool run_answer(struct run *r, const struct step *s)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg hdr;

	if (!await(r, s->who, &hdr, data))
		return fail(r, s, "no answer", "", 0);
	return check_answer(r, s, XS_READ, 0, r->sent++, &hdr, data);
}

/* A request that cannot be: the daemon ends the connection. */
static bool run_long(struct run *r, const struct step *s)
{
	struct xsd_sockmsg hdr = {
		.type = XS_READ, .len = XENSTORE_PAYLOAD_MAX + 1,
	};
	static const char text[XENSTORE_PAYLOAD_MAX + 1] = "/";

	r->io->message(r->io->arg, s->who, &hdr, text);
	return true;
}

static bool run_ended(struct run *r, const struct step *s)
{
	char data[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg hdr;

	if (!await(r, s->who, &hdr, data))
		return true;
	return fail(r, s, "got", data, hdr.len);
}

/* One chunk behind *offset; true as long as there are more. */
static bool take_part(struct run *r, const struct step *s, size_t *offset,
		      unsigned long *names, char *gen, bool *ok)
{
	char data[XENSTORE_PAYLOAD_MAX + 1], request[256];
	struct xsd_sockmsg hdr;
	size_t at;

	snprintf(request, sizeof(request), "%s|%zu|", s->request, *offset);
	*ok = ask(r, s->who, XS_DIRECTORY_PART, 0, request, 0, &hdr, data) &&
	      hdr.type == XS_DIRECTORY_PART;
	if (!*ok)
		return fail(r, s, "got", data, hdr.len);
	data[hdr.len] = '\0';
	if (gen[0] && strcmp(gen, data))
		*ok = fail(r, s, "another generation", data, hdr.len);
	snprintf(gen, 32, "%.31s", data);
	for (at = strlen(data) + 1; at < hdr.len; at += strlen(data + at) + 1) {
		if (!data[at])
			return false;
		++*names;
		*offset += strlen(data + at) + 1;
	}
	return *ok;
}

static bool run_parts(struct run *r, const struct step *s)
{
	unsigned long names = 0;
	char gen[32] = "", got[32];
	size_t offset = 0;
	bool ok;

	while (take_part(r, s, &offset, &names, gen, &ok))
		;
	if (!ok)
		return false;
	snprintf(got, sizeof(got), "%lu", names);
	return !strcmp(got, s->want) || fail(r, s, "got", got, strlen(got));
}

/* The event before the answer: which must be there when the answer is. */
static bool run_first(struct run *r, const struct step *s)
{
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1], want[XENSTORE_PAYLOAD_MAX];
	size_t len = encode(r, s->want, 0, want);
	const struct message *m;
	bool ok;

	if (!ask(r, s->who, s->type & ~STEP_FIRST, 0, s->request, 0, &hdr,
		 data))
		return fail(r, s, "no answer", "", 0);
	if (!r->events[s->who])
		return fail(r, s, "no event before the answer", data, hdr.len);
	m = r->event[s->who][0];
	ok = m->len == len && !memcmp(m->data, want, len);
	if (!ok)
		(void)fail(r, s, "event", m->data, m->len);
	drop_event(r, s->who);
	return ok;
}

/* Whatever was on its way to a connection is here after a round trip. */
static void settle(struct run *r, unsigned int who)
{
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1];

	(void)ask(r, who, XS_GET_DOMAIN_PATH, 0, "0|", 0, &hdr, data);
}

static bool run_event(struct run *r, const struct step *s)
{
	char want[XENSTORE_PAYLOAD_MAX];
	size_t len = encode(r, s->want, 0, want);
	const struct message *m;
	bool ok;

	/* What the hypervisor has to tell a daemon comes when it comes. */
	for (unsigned int i = 0; i < EVENT_TRIES && !r->events[s->who]; i++) {
		if (i)
			usleep(EVENT_PAUSE_US);
		settle(r, s->who);
	}
	if (!r->events[s->who])
		return fail(r, s, "no event", "", 0);
	m = r->event[s->who][0];
	ok = m->len == len && !memcmp(m->data, want, len);
	if (!ok)
		(void)fail(r, s, "event", m->data, m->len);
	drop_event(r, s->who);
	return ok;
}

static bool run_quiet(struct run *r, const struct step *s)
{
	const struct message *m;

	settle(r, s->who);
	if (!r->events[s->who])
		return true;
	m = r->event[s->who][0];
	return fail(r, s, "unwanted event", m->data, m->len);
}

static bool run_step(struct run *r, const struct step *s)
{
	switch (s->type) {
	case STEP_EVENT:
		return run_event(r, s);
	case STEP_QUIET:
		return run_quiet(r, s);
	case STEP_SYNC:
		settle(r, s->who);
		while (r->events[s->who])
			drop_event(r, s->who);
		return true;
	case STEP_SEND:
		return run_send(r, s);
	case STEP_ANSWER:
		return run_answer(r, s);
	case STEP_LONG:
		return run_long(r, s);
	case STEP_ENDED:
		return run_ended(r, s);
	case STEP_PARTS:
		return run_parts(r, s);
	case STEP_SHUTDOWN:
	case STEP_DESTROY:
		r->io->domain(r->io->arg, s->who, s->type == STEP_DESTROY);
		return true;
	default:
		if (s->type != UINT32_MAX && (s->type & STEP_FIRST))
			return run_first(r, s);
		return run_request(r, s);
	}
}

bool steps_run(const struct step *step, size_t count,
	       const struct steps_io *io, size_t *used,
	       char *why, size_t why_size)
{
	struct run *r = calloc(1, sizeof(*r));
	bool ok = true;
	size_t n = 0;

	if (!r)
		abort();
	r->io = io;
	r->why = why;
	r->why_size = why_size;
	for (n = 0; n < count && !step[n].title; n++)
		ok = ok && run_step(r, &step[n]);
	*used = n;
	for (unsigned int who = 0; who < WHO_MAX; who++) {
		while (r->events[who])
			drop_event(r, who);
	}
	free(r);
	return ok;
}
