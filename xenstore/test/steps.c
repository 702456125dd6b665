/* The interpreter of protocol scripts: see steps.h. */
#include "xenstore/test/steps.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EVENTS_MAX 256

struct message {
	size_t len;
	char data[XENSTORE_PAYLOAD_MAX];
};

struct run {
	const struct steps_io *io;
	uint32_t tx[10];
	uint32_t last_request;
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

static size_t encode(const char *text, char *out)
{
	size_t len = strlen(text);

	for (size_t i = 0; i < len; i++)
		out[i] = text[i] == '|' ? '\0' : text[i];
	return len;
}

static bool fail(struct run *r, const struct step *s, const char *what,
		 const char *data, size_t len)
{
	char got[200];

	show(data, len, got);
	snprintf(r->why, r->why_size, "connection %u, type %u \"%s\": want "
		 "\"%s\", %s \"%s\"", s->who, s->type,
		 s->request ? s->request : "", s->want ? s->want : "", what,
		 got);
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

/* Send one request and wait for its answer: 1, or 0 if none came. */
static int ask(struct run *r, unsigned int who, uint32_t type, uint32_t tx,
	       const char *request, struct xsd_sockmsg *hdr, char *data)
{
	char payload[XENSTORE_PAYLOAD_MAX];
	struct xsd_sockmsg req = { .type = type, .tx_id = tx,
				   .req_id = ++r->last_request };

	req.len = (uint32_t)encode(request, payload);
	r->io->message(r->io->arg, who, &req, payload);
	while (r->io->next(r->io->arg, who, hdr, data)) {
		if (hdr->type != XS_WATCH_EVENT)
			return 1;
		keep_event(r, who, data, hdr->len);
	}
	return 0;
}

static bool run_request(struct run *r, const struct step *s)
{
	uint32_t tx = s->tx == TX_UNKNOWN ? 0x7eadbeef : r->tx[s->tx];
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1], want[XENSTORE_PAYLOAD_MAX];
	size_t len;

	if (!ask(r, s->who, s->type, tx, s->request, &hdr, data))
		return fail(r, s, "no answer", "", 0);
	if (hdr.req_id != r->last_request || hdr.tx_id != tx)
		return fail(r, s, "wrong numbers in the header of", data,
			    hdr.len);
	data[hdr.len] = '\0';
	if (s->want[0] == '!') {
		if (hdr.type == XS_ERROR && !strcmp(data, s->want + 1) &&
		    hdr.len == strlen(s->want))
			return true;
		return fail(r, s, "got", data, hdr.len);
	}
	if (hdr.type != s->type)
		return fail(r, s, "got", data, hdr.len);
	if (s->want[0] == '$') {
		r->tx[s->want[1] - '0'] = (uint32_t)strtoul(data, NULL, 10);
		return true;
	}
	if (!strcmp(s->want, "*"))
		return true;
	len = encode(s->want, want);
	if (len == hdr.len && !memcmp(want, data, len))
		return true;
	return fail(r, s, "got", data, hdr.len);
}

/* The event before the answer: which must be there when the answer is. */
static bool run_first(struct run *r, const struct step *s)
{
	struct xsd_sockmsg hdr;
	char data[XENSTORE_PAYLOAD_MAX + 1], want[XENSTORE_PAYLOAD_MAX];
	size_t len = encode(s->want, want);
	const struct message *m;
	bool ok;

	if (!ask(r, s->who, s->type & ~STEP_FIRST, 0, s->request, &hdr, data))
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

	(void)ask(r, who, XS_GET_DOMAIN_PATH, 0, "0|", &hdr, data);
}

static bool run_event(struct run *r, const struct step *s)
{
	char want[XENSTORE_PAYLOAD_MAX];
	size_t len = encode(s->want, want);
	const struct message *m;
	bool ok;

	settle(r, s->who);
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
