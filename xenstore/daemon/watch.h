/*
 * Watches: who wants to know of changes where, and telling them.
 *
 * Watches hang at their path in one hash table of paths, whether the node
 * exists or not.  A change looks at its own path and at each ancestor, so its
 * cost depends on its depth and on who watches there, and on nothing else.
 */
#ifndef XENSTORE_DAEMON_WATCH_H
#define XENSTORE_DAEMON_WATCH_H

#include "xenstore/daemon/server.h"

struct outmsg;

struct watch {
	TAILQ_ENTRY(watch) in_conn;
	TAILQ_ENTRY(watch) in_place;
	struct conn *conn;
	struct watch_place *place;
	char *token;
	size_t strip;		/* bytes of a relative watch's home prefix */
	uint64_t seq;		/* order of registration */
	TAILQ_HEAD(, outmsg) unsent;	/* its events in the output queue */
};

/* A change of the tree, to be told to those who watch. */
struct change {
	const char *path;	/* NULL: nothing changed */
	struct perms *old_perms;	/* before SET_PERMS, or NULL */
	struct node *removed;	/* the subtree that went, or NULL */
	bool top_first;		/* of its events: else deepest first */
};

/* Drop what a change refers to; the empty one is allowed. */
void change_done(struct change *c);

/*
 * Watch `path`, absolute or special; `strip` bytes of it are left out of
 * events.  -EEXIST, -E2BIG, -ENOSPC.  No event is sent.
 */
int watch_add(struct conn *c, const char *path, const char *token,
	      size_t strip, struct watch **out);

/* A watch as it was saved: no quota, no charge. */
struct watch *watch_restore(struct conn *c, const char *path,
			    const char *token, size_t strip, uint64_t seq);

const char *watch_path(const struct watch *w);

/* -ENOENT if there is no such watch. */
int watch_remove(struct conn *c, const char *path, const char *token);
void watch_remove_all(struct conn *c);

/* Bytes a domain is charged with for a watch. */
uint64_t watch_size(const struct watch *w);

/* The event that a new watch gets at once, rights or not. */
void watch_first_event(struct watch *w);

/* Tell everybody who watches there and may see it. */
void watch_fire(struct server *srv, const struct change *change);
void watch_fire_special(struct server *srv, enum special which);

/* The number of a special watch's name, or -1. */
int special_number(const char *name);

void watch_table_free(struct server *srv);

#endif
