/*
 * Domains as the store knows them: their life, and what they are charged.
 *
 * A domain is known from the moment somebody names it while it exists until
 * the hypervisor says that it is dying, or a RELEASE.  An incarnation number
 * tells two domains apart that have the same number one after the other.
 */
#ifndef XENSTORE_DAEMON_DOMAIN_H
#define XENSTORE_DAEMON_DOMAIN_H

#include "xenstore/daemon/rate.h"
#include "xenstore/daemon/server.h"

struct domain {
	struct server *srv;
	TAILQ_ENTRY(domain) link;
	uint32_t domid;
	uint64_t incarnation;
	bool introduced;
	bool shutdown_seen;	/* @releaseDomain fired for its shutdown */
	bool has_target;
	uint32_t target;
	struct conn *ring;	/* NULL: no ring, or isolated */

	/* In use, against the quotas. */
	uint32_t nodes, watches, transactions;
	uint64_t memory;	/* bytes; see domain_charge() */
	uint32_t refused;	/* bits by quota_kind: logged already */
	struct rate rate;	/* of its writes */
};

/* The record of a domain that is known; NULL if it is not. */
struct domain *domain_find(struct server *srv, uint32_t domid);

/* The same, but makes the record if the hypervisor knows the domain. */
struct domain *domain_get(struct server *srv, uint32_t domid);

/* Is that incarnation still there? */
bool domain_alive(struct server *srv, uint32_t domid, uint64_t incarnation);

/* How `domid` stands towards permission lists, as of this moment. */
void domain_caller(struct server *srv, uint32_t domid, bool privileged,
		   struct caller *out);

/* Bytes that are held for a domain; negative gives back. */
void domain_charge(struct domain *d, int64_t bytes);

/* Log the refusal of a quota, once per domain and kind. */
void domain_refused(struct server *srv, uint32_t domid, enum quota_kind kind,
		    uint64_t value);

/*
 * Map the ring, connect the port and fire @introduceDomain; for a domain
 * that is introduced already, connect the new port and reset the connection.
 */
int domain_introduce(struct server *srv, uint32_t domid, uint32_t port);

/* Forget an introduced domain: -ENOENT if it is not. */
int domain_release(struct server *srv, uint32_t domid);

/*
 * Look at all known domains: who died, who shut down?  On VIRQ_DOM_EXC, which
 * domain_news() puts into the journal first.
 */
void domain_news(struct server *srv);
void domain_scan(struct server *srv);

#endif
