/*
 * Connections over a shared ring page.
 *
 * The other side can write the whole page at any time.  Our own two indices
 * are therefore kept privately and only copied out; its indices are read once
 * per step and checked.  A ring whose indices make no sense, or whose bytes
 * break the protocol, is isolated: its error field is set, it is unmapped and
 * its port closed, and nobody else notices.
 */
#ifndef XENSTORE_DAEMON_RING_H
#define XENSTORE_DAEMON_RING_H

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/graph.h"

/*
 * Map a domain's ring, connect the port and make the connection, d->ring.
 * `fresh`: start with empty rings; else go on where the page stands (Dom0's
 * kernel outlives a daemon).
 */
int ring_attach(struct server *srv, struct domain *d, uint32_t remote_port,
		bool fresh);

/* Another port for an attached ring, which is then empty. */
int ring_rebind(struct domain *d, uint32_t remote_port);

/* Forget what was under way: the other side starts with an empty ring. */
void ring_reset(struct conn *c);

/* Its page is in its first state; after that bytes may come. */
void ring_cleared(struct conn *c);

/* Our `port` fired. */
void ring_event(struct server *srv, uint32_t port);

/* Map all rings that the journal told of, and go on where they stood. */
void ring_restore_all(struct server *srv);

/* A ring's part of the saved state. */
void ring_save(struct saver *s, const struct conn *c);
struct conn *ring_load(struct loader *l, struct domain *d);

#endif
