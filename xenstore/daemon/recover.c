/*
 * Life after a kill, and what a server does for it while it lives: its part
 * of the journal, see journal.h and README.md.
 */
#include "xenstore/daemon/server.h"

#include <errno.h>
#include <string.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/ring.h"
#include "xenstore/daemon/save.h"

/* --- writing -------------------------------------------------------------- */

static void *save_room_of_journal(void *arg, size_t len)
{
	return journal_save_room(arg, len);
}

int server_save(struct server *srv)
{
	int rc;

	journal_save_begin(srv->journal);
	rc = save_state(srv, save_room_of_journal, srv->journal);
	if (rc) {
		srv->save_failed = true;
		return rc;
	}
	journal_save_end(srv->journal);
	srv->marked = false;
	return 0;
}

static void set_full(struct server *srv, bool full)
{
	uint32_t value = full;

	if (srv->full == full)
		return;
	srv->full = full;
	log_line("state-file", "full=%u", value);
	(void)journal_add(srv->journal, JOURNAL_FULL, 0, &value,
			  sizeof(value));
}

void *server_input_room(struct server *srv, size_t len)
{
	void *room = journal_room(srv->journal, len);

	if (room && !srv->full)
		return room;
	/* A new state leaves its journal behind: that may be room enough. */
	if (!room && !srv->save_failed && !server_save(srv))
		room = journal_room(srv->journal, len);
	set_full(srv, !room);
	room = journal_last_room(srv->journal, len);
	srv->starved |= !room;
	return room;
}

void server_settle(struct server *srv)
{
	struct journal *j = srv->journal;

	if (!srv->busy) {
		if (srv->marked && !srv->lasting)
			journal_rewind(j, srv->mark);
		srv->mark = journal_end(j);
		srv->marked = true;
		srv->lasting = false;
	}
	if (journal_is_long(j) && !srv->save_failed)
		(void)server_save(srv);
}

/* --- reading back --------------------------------------------------------- */

static uint32_t number(const struct journal_event *ev)
{
	uint32_t n = 0;

	if (ev->len == sizeof(n))
		memcpy(&n, ev->data, sizeof(n));
	return n;
}

/* What happened to a connection happens again. */
static void apply_to(struct conn *c, const struct journal_event *ev)
{
	switch (ev->type) {
	case JOURNAL_INPUT:
		(void)conn_serve(c, ev->data, ev->len);
		break;
	case JOURNAL_SENT:
		conn_sent(c, number(ev));
		break;
	case JOURNAL_END:
		conn_end(c, (int)number(ev));
		break;
	case JOURNAL_RESET:
		ring_reset(c);
		break;
	case JOURNAL_CLEARED:
		ring_cleared(c);
		break;
	default:
		break;
	}
}

/* Whose event it is pays, and the rest go on without that event. */
static void avoid(struct server *srv, const struct journal_event *ev)
{
	struct conn *c = conn_find(srv, ev->key);

	log_mute(false);
	log_line("cut-off", "key=%llx domain=%d reason=\"daemons died of its "
		 "request\"", (unsigned long long)ev->key,
		 c ? (int)c->domid : -1);
	log_mute(true);
	if (c)
		conn_end(c, -EPROTO);
}

static void apply(struct server *srv, const struct journal_event *ev)
{
	struct conn *c;

	if (ev->deadly) {
		avoid(srv, ev);
		return;
	}
	switch (ev->type) {
	case JOURNAL_ACCEPT:
		srv->last_client = ev->key;
		(void)srv->setup->client_new(srv, ev->key);
		break;
	case JOURNAL_SCAN:
		domain_scan(srv);
		break;
	case JOURNAL_FULL:
		srv->full = number(ev);
		break;
	default:
		c = conn_find(srv, ev->key);
		if (c)
			apply_to(c, ev);
		break;
	}
	while (!TAILQ_EMPTY(&srv->ended))
		conn_free(TAILQ_FIRST(&srv->ended));
}

/* A transfer whose end the last daemon did not live to record. */
static void finish_transfer(struct server *srv, struct journal *j)
{
	struct journal_event ev = { .deadly = false };
	uint32_t sent;

	if (!journal_pending(j, &ev))
		return;
	sent = (uint32_t)ev.len;
	if (ev.type == JOURNAL_SENT) {
		if (journal_add(j, JOURNAL_SENT, ev.key, &sent, sizeof(sent)))
			return;
		ev.data = &sent;
		ev.len = sizeof(sent);
	} else if (ev.len) {
		journal_commit(j, JOURNAL_INPUT, ev.key, ev.len);
	} else {
		return;		/* the client's end: read it once more */
	}
	apply(srv, &ev);
}

int server_recover(const struct server_setup *setup, struct journal *j,
		   struct server **out, bool *fresh)
{
	struct journal_event ev;
	const void *state;
	struct server *srv;
	struct conn *c;
	size_t len;

	state = journal_state(j, &len);
	srv = state ? load_state(setup, state, len) : server_new(setup);
	if (!srv)
		return -EINVAL;
	*fresh = !state;
	*out = srv;
	journal_close(srv->journal, false);
	srv->journal = j;
	log_mute(true);
	while (journal_next(j, &ev))
		apply(srv, &ev);
	if (state)
		finish_transfer(srv, j);
	log_mute(false);
	/* What was written before is no writing of this moment. */
	TAILQ_FOREACH(c, &srv->conns, in_all)
		c->written = 0;
	return 0;
}
