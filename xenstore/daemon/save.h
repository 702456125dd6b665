/*
 * The whole state of a server as bytes, and back: what the journal begins
 * with.  The same state always gives the same bytes, so that tests compare
 * two servers by them.
 */
#ifndef XENSTORE_DAEMON_SAVE_H
#define XENSTORE_DAEMON_SAVE_H

#include "xenstore/daemon/server.h"

/* Gives room for the next `len` bytes of the state, or NULL. */
typedef void *save_room(void *arg, size_t len);

/* Write it all: 0, or -ENOSPC if there was no room. */
int save_state(struct server *srv, save_room *get_room, void *arg);

/*
 * Make a server of what save_state() wrote: no ring is mapped, no socket
 * attached yet.  NULL if the bytes are not that.
 */
struct server *load_state(const struct server_setup *setup, const void *state,
			  size_t len);

#endif
