/* Watches: see watch.h. */
#include "xenstore/daemon/watch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/path.h"
#include "xenstore/daemon/tree.h"

/* A path that somebody watches. */
struct watch_place {
	struct watch_place *next;	/* in its hash slot */
	uint64_t hash;
	size_t len;
	TAILQ_HEAD(, watch) watches;
	char path[];
};

static const char *const special_names[SPECIALS] = {
	[SPECIAL_INTRODUCE] = "@introduceDomain",
	[SPECIAL_RELEASE] = "@releaseDomain",
};

int special_number(const char *name)
{
	for (int i = 0; i < SPECIALS; i++) {
		if (!strcmp(special_names[i], name))
			return i;
	}
	return -1;
}

/* --- the table of places -------------------------------------------------- */

static struct watch_place *place_find(struct server *srv, const char *path,
				      size_t len, uint64_t hash)
{
	struct watch_place *p;

	if (!srv->watch_slots)
		return NULL;
	p = srv->watch_table[hash & (srv->watch_slots - 1)];
	while (p && (p->hash != hash || p->len != len ||
		     memcmp(p->path, path, len)))
		p = p->next;
	return p;
}

static void table_grow(struct server *srv)
{
	size_t slots = srv->watch_slots ? 2 * srv->watch_slots : 64;
	struct watch_place **table = mem_zalloc(slots * sizeof(*table));

	for (size_t i = 0; i < srv->watch_slots; i++) {
		struct watch_place *p, *next;

		for (p = srv->watch_table[i]; p; p = next) {
			next = p->next;
			p->next = table[p->hash & (slots - 1)];
			table[p->hash & (slots - 1)] = p;
		}
	}
	free(srv->watch_table);
	srv->watch_table = table;
	srv->watch_slots = slots;
}

static struct watch_place *place_make(struct server *srv, const char *path)
{
	size_t len = strlen(path);
	uint64_t hash = hash_text(path, len);
	struct watch_place *p = place_find(srv, path, len, hash), **slot;

	if (p)
		return p;
	if (srv->watch_places == srv->watch_slots)
		table_grow(srv);
	p = mem_zalloc(sizeof(*p) + len + 1);
	p->hash = hash;
	p->len = len;
	memcpy(p->path, path, len);
	TAILQ_INIT(&p->watches);
	slot = &srv->watch_table[hash & (srv->watch_slots - 1)];
	p->next = *slot;
	*slot = p;
	srv->watch_places++;
	return p;
}

static void place_drop_if_empty(struct server *srv, struct watch_place *p)
{
	struct watch_place **link;

	if (!TAILQ_EMPTY(&p->watches))
		return;
	link = &srv->watch_table[p->hash & (srv->watch_slots - 1)];
	while (*link != p)
		link = &(*link)->next;
	*link = p->next;
	srv->watch_places--;
	free(p);
}

void watch_table_free(struct server *srv)
{
	free(srv->watch_table);
	srv->watch_table = NULL;
	srv->watch_slots = 0;
}

/* --- registration --------------------------------------------------------- */

static struct watch *watch_find(struct conn *c, const char *path,
				const char *token)
{
	size_t len = strlen(path);
	struct watch_place *p = place_find(c->srv, path, len,
					   hash_text(path, len));
	struct watch *w;

	if (!p)
		return NULL;
	TAILQ_FOREACH(w, &p->watches, in_place) {
		if (w->conn == c && !strcmp(w->token, token))
			return w;
	}
	return NULL;
}

uint64_t watch_size(const struct watch *w)
{
	return sizeof(*w) + sizeof(*w->place) + w->place->len +
	       strlen(w->token);
}

static int check_quota(struct conn *c, const char *path, const char *token)
{
	struct domain *d = domain_find(c->srv, c->domid);
	const uint32_t *quota = c->srv->quota;
	size_t add = sizeof(struct watch) + sizeof(struct watch_place) +
		     strlen(path) + strlen(token);

	if (c->privileged || !d)
		return 0;
	if (d->watches >= quota[QUOTA_WATCHES]) {
		domain_refused(c->srv, c->domid, QUOTA_WATCHES, d->watches);
		return -E2BIG;
	}
	if (d->memory + add > quota[QUOTA_MEMORY]) {
		domain_refused(c->srv, c->domid, QUOTA_MEMORY, d->memory);
		return -ENOSPC;
	}
	return 0;
}

struct watch *watch_restore(struct conn *c, const char *path,
			    const char *token, size_t strip, uint64_t seq)
{
	struct watch *w = mem_zalloc(sizeof(*w));

	w->conn = c;
	w->place = place_make(c->srv, path);
	w->token = mem_copy_text(token, strlen(token));
	w->strip = strip;
	w->seq = seq;
	TAILQ_INIT(&w->unsent);
	TAILQ_INSERT_TAIL(&w->place->watches, w, in_place);
	TAILQ_INSERT_TAIL(&c->watches, w, in_conn);
	return w;
}

int watch_add(struct conn *c, const char *path, const char *token,
	      size_t strip, struct watch **out)
{
	struct domain *d = domain_find(c->srv, c->domid);
	struct watch *w;
	int rc;

	if (watch_find(c, path, token))
		return -EEXIST;
	rc = check_quota(c, path, token);
	if (rc)
		return rc;
	w = watch_restore(c, path, token, strip, server_gen(c->srv));
	if (d && !c->privileged) {
		d->watches++;
		domain_charge(d, (int64_t)watch_size(w));
	}
	*out = w;
	return 0;
}

static void watch_drop(struct watch *w)
{
	struct conn *c = w->conn;
	struct domain *d = domain_find(c->srv, c->domid);
	struct outmsg *m;

	/* Events that are on their way still arrive, as from any server. */
	while ((m = TAILQ_FIRST(&w->unsent))) {
		TAILQ_REMOVE(&w->unsent, m, in_watch);
		m->watch = NULL;
	}
	if (d && !c->privileged) {
		d->watches--;
		domain_charge(d, -(int64_t)watch_size(w));
	}
	TAILQ_REMOVE(&c->watches, w, in_conn);
	TAILQ_REMOVE(&w->place->watches, w, in_place);
	place_drop_if_empty(c->srv, w->place);
	free(w->token);
	free(w);
}

int watch_remove(struct conn *c, const char *path, const char *token)
{
	struct watch *w = watch_find(c, path, token);

	if (!w)
		return -ENOENT;
	watch_drop(w);
	return 0;
}

void watch_remove_all(struct conn *c)
{
	while (!TAILQ_EMPTY(&c->watches))
		watch_drop(TAILQ_FIRST(&c->watches));
}

const char *watch_path(const struct watch *w)
{
	return w->place->path;
}

void watch_first_event(struct watch *w)
{
	conn_event(w, w->place->path);
}

/* --- firing --------------------------------------------------------------- */

/* Rights that let somebody see an event: any of these lists suffices. */
struct sight {
	const struct perms *perms[3];	/* node, node before, parent; or NULL */
};

/* Watches that match one event; kept between events to save allocations. */
static struct watch **matches;
static size_t match_count, match_room;

static void match(struct server *srv, const char *path, size_t len,
		  uint64_t hash)
{
	struct watch_place *p = place_find(srv, path, len, hash);
	struct watch *w;

	if (!p)
		return;
	TAILQ_FOREACH(w, &p->watches, in_place) {
		if (match_count == match_room) {
			match_room = match_room ? 2 * match_room : 64;
			matches = mem_resize(matches, match_room *
					     sizeof(*matches));
		}
		matches[match_count++] = w;
	}
}

/* Collect the watches on a path and, unless `exact`, on its ancestors. */
static void match_path(struct server *srv, const char *path, bool exact)
{
	size_t len = strlen(path);
	uint64_t h = hash_start();

	match_count = 0;
	if (!exact && len > 1)
		match(srv, "/", 1, hash_text("/", 1));
	for (size_t i = 0; i < len; i++) {
		if (!exact && i && path[i] == '/')
			match(srv, path, i, hash_end(h));
		h = hash_byte(h, (unsigned char)path[i]);
	}
	match(srv, path, len, hash_end(h));
}

static int by_registration(const void *a, const void *b)
{
	const struct watch *x = *(struct watch *const *)a;
	const struct watch *y = *(struct watch *const *)b;

	return x->seq < y->seq ? -1 : x->seq > y->seq;
}

static bool sees(const struct watch *w, const struct sight *sight)
{
	struct caller who;

	conn_caller(w->conn, &who);
	if (who.privileged)
		return true;
	for (unsigned int i = 0; i < 3; i++) {
		if (sight->perms[i] &&
		    (perms_of(sight->perms[i], &who) & PERM_READ))
			return true;
	}
	return false;
}

/* To the watches that match_path() found last. */
static void deliver(const char *path, const struct sight *sight)
{
	if (match_count > 1)
		qsort(matches, match_count, sizeof(*matches), by_registration);
	for (size_t i = 0; i < match_count; i++) {
		if (sees(matches[i], sight))
			conn_event(matches[i], path);
	}
}

static void fire_exactly(struct server *srv, const char *path,
			 const struct sight *sight)
{
	match_path(srv, path, true);
	deliver(path, sight);
}

/*
 * Tell of everything below `n`, whose path is the first `len` bytes of
 * `path`: only those who watch exactly there.  Children are told of in the
 * order of their creation, each before or after what is below it.
 */
static void fire_below(struct server *srv, const struct node *n, char *path,
		       size_t len, bool top_first)
{
	struct node **child;
	size_t count;

	if (!n->children_count)
		return;
	child = mem_alloc(n->children_count * sizeof(*child));
	count = dir_list(n->children, child);
	for (size_t i = 0; i < count; i++) {
		size_t end = len + 1 + child[i]->name_len;
		struct sight sight = {
			.perms = { child[i]->perms, NULL, n->perms },
		};

		path[len] = '/';
		memcpy(path + len + 1, node_name(child[i]),
		       child[i]->name_len + 1u);
		if (top_first)
			fire_exactly(srv, path, &sight);
		fire_below(srv, child[i], path, end, top_first);
		path[end] = '\0';
		if (!top_first)
			fire_exactly(srv, path, &sight);
	}
	free(child);
}

/* `full` holds any path: none in the tree is longer than PATH_ROOM. */
static void fire_removed(struct server *srv, const struct change *change)
{
	char full[PATH_ROOM];
	size_t len = strlen(change->path);

	memcpy(full, change->path, len + 1);
	fire_below(srv, change->removed, full, len, change->top_first);
}

void watch_fire(struct server *srv, const struct change *change)
{
	struct sight sight = { .perms = { NULL, change->old_perms, NULL } };
	const char *path = change->path;
	const struct node *n;
	char parent[PATH_ROOM];
	size_t len;

	if (!path || !srv->watch_places)
		return;
	/* Most of what is written nobody watches. */
	match_path(srv, path, false);
	if (!match_count && !change->removed)
		return;
	n = tree_find(srv->root, path);
	if (!n)
		n = change->removed;
	if (n)
		sight.perms[0] = n->perms;
	if (!path_is_root(path)) {
		len = path_parent_len(path);
		memcpy(parent, path, len);
		parent[len] = '\0';
		n = tree_find(srv->root, parent);
		if (n)
			sight.perms[2] = n->perms;
	}
	if (change->removed && !change->top_first) {
		fire_removed(srv, change);
		match_path(srv, path, false);
	}
	deliver(path, &sight);
	if (change->removed && change->top_first)
		fire_removed(srv, change);
}

void watch_fire_special(struct server *srv, enum special which)
{
	struct sight sight = { .perms = { srv->special_perms[which] } };

	fire_exactly(srv, special_names[which], &sight);
}

void change_done(struct change *c)
{
	perms_put(c->old_perms);
	node_put(c->removed);
	*c = (struct change){ 0 };
}
