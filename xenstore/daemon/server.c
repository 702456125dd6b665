/* The daemon's state as a whole: see server.h. */
#include "xenstore/daemon/server.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/nodeop.h"
#include "xenstore/daemon/tree.h"

uint64_t server_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* The list "n0" that a fresh store's nodes and special watches have. */
static struct perms *perms_dom0(struct server *srv)
{
	struct perms *p = perms_new(1);

	p->entry[0].incarnation = domain_find(srv, 0)->incarnation;
	return p;
}

/* Domain 0's charge is kept like any other's, though no quota holds it. */
static void make_root(struct server *srv, struct perms *perms)
{
	static const char first[] = "/tool/xenstored";
	struct view v = { .srv = srv, .root = &srv->root };
	struct change change = { 0 };

	srv->root = node_new("", 0, perms, NULL, 0, server_gen(srv));
	domain_find(srv, 0)->nodes = 1;
	domain_charge(domain_find(srv, 0),
		      (int64_t)nodeop_charge(srv->root));
	domain_caller(srv, 0, true, &v.who);
	(void)nodeop_mkdir(&v, first, &change);
	change_done(&change);
}

struct server *server_empty(const struct server_setup *setup)
{
	struct server *srv = mem_zalloc(sizeof(*srv));

	srv->setup = setup;
	srv->hv = setup->hv;
	srv->hv_arg = setup->hv_arg;
	(void)journal_open(NULL, &srv->journal);
	quota_defaults(srv->quota);
	srv->write_reserve = srv->quota[QUOTA_WRITE_RESERVE] * 1000ll;
	TAILQ_INIT(&srv->known_domains);
	TAILQ_INIT(&srv->conns);
	TAILQ_INIT(&srv->dirty);
	TAILQ_INIT(&srv->ready);
	TAILQ_INIT(&srv->waiting);
	TAILQ_INIT(&srv->throttled);
	TAILQ_INIT(&srv->ended);
	for (unsigned int i = 0; i < CONN_KEYS; i++)
		LIST_INIT(&srv->keys[i]);
	return srv;
}

struct server *server_new(const struct server_setup *setup)
{
	struct server *srv = server_empty(setup);
	struct perms *perms;

	(void)domain_get(srv, 0);
	perms = perms_dom0(srv);
	for (unsigned int i = 0; i < SPECIALS; i++)
		srv->special_perms[i] = perms_get(perms);
	make_root(srv, perms);
	perms_put(perms);
	return srv;
}

static void free_ended(struct server *srv)
{
	while (!TAILQ_EMPTY(&srv->ended))
		conn_free(TAILQ_FIRST(&srv->ended));
}

void server_free(struct server *srv)
{
	struct domain *d;

	while (!TAILQ_EMPTY(&srv->conns))
		conn_end(TAILQ_FIRST(&srv->conns), -EPIPE);
	free_ended(srv);
	while ((d = TAILQ_FIRST(&srv->known_domains))) {
		TAILQ_REMOVE(&srv->known_domains, d, link);
		free(d);
	}
	for (unsigned int i = 0; i < SPECIALS; i++)
		perms_put(srv->special_perms[i]);
	node_put(srv->root);
	watch_table_free(srv);
	free(srv->ports);
	journal_close(srv->journal, false);
	free(srv);
}

void server_flush(struct server *srv)
{
	struct conn *c;

	while ((c = TAILQ_FIRST(&srv->dirty))) {
		TAILQ_REMOVE(&srv->dirty, c, in_dirty);
		c->is_dirty = false;
		conn_output(c);
	}
	free_ended(srv);
}

void server_continue(struct server *srv)
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&srv->throttled); c; c = next) {
		next = TAILQ_NEXT(c, in_throttled);
		conn_try_again(c);
	}
	/* Those who are ready now; who becomes ready again waits. */
	for (size_t n = srv->ready_count; n && srv->ready_count; n--)
		conn_input(TAILQ_FIRST(&srv->ready));
}

int server_patience(const struct server *srv)
{
	int least = server_needs_tick(srv) ? TICK_MS : -1;
	const struct conn *c;

	if (srv->ready_count)
		return 0;
	TAILQ_FOREACH(c, &srv->throttled, in_throttled) {
		int wait = rate_wait(srv->domains[c->domid]);

		if (least < 0 || wait < least)
			least = wait;
	}
	return least;
}

bool server_needs_tick(const struct server *srv)
{
	return !TAILQ_EMPTY(&srv->waiting) || srv->starved ||
	       srv->save_failed;
}

/* When was the oldest event queued that still waits?  0: none does. */
static uint64_t oldest_event(const struct conn *c)
{
	const struct outmsg *m;

	TAILQ_FOREACH(m, &c->out, link) {
		if (m->event)
			return m->since;
	}
	return 0;
}

void server_tick(struct server *srv)
{
	uint64_t now = server_now();
	uint64_t limit = srv->quota[QUOTA_EVENT_SECONDS] * 1000ull;
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&srv->waiting); c; c = next) {
		uint64_t since = oldest_event(c);

		next = TAILQ_NEXT(c, in_waiting);
		if (!c->privileged && since && now - since > limit)
			conn_cut(c, -ETIMEDOUT);
	}
	srv->save_failed = false;
	if (!srv->starved)
		return;
	srv->starved = false;
	for (c = TAILQ_FIRST(&srv->conns); c; c = next) {
		next = TAILQ_NEXT(c, in_all);
		conn_output(c);
		if (!c->ended)
			conn_input(c);
	}
}
