/*
 * What the two halves of the conformance program share: rules.c asks through
 * sockets, domain.c has real domains beside it whose rings it drives.
 */
#ifndef XENSTORE_TEST_CONFORMANCE_H
#define XENSTORE_TEST_CONFORMANCE_H

#include <stdbool.h>
#include <stddef.h>

#include "xenstore/test/guest_ring.h"
#include "xenstore/test/steps.h"

/*
 * Domains 1 to 3 exist and run guest-pv's bell; take their rings' guest side.
 * Dies with a TAP bail-out if that cannot be.
 */
void domains_open(const struct steps_io *sockets);

/*
 * Fresh: domains 1 and 2 are introduced anew, domain 3 exists but is not
 * introduced.  By requests on socket 0.
 */
void domains_fresh(void);

/* For scripts. */
unsigned int domain_port(void *arg, unsigned int domid);
void domain_end(void *arg, unsigned int domid, bool destroy);

/* The guest's side of domain 1's or 2's ring. */
struct guest_ring *domain_ring(unsigned int domid);

/* One request by a privileged client; its answer's text, "" for an error. */
const char *privileged(uint32_t type, const char *request);

/* The rules of the ring page: a case each. */
struct ring_case {
	const char *title;
	const char *differs;	/* why the stock daemon does it otherwise */
	/* NULL, or what went wrong. */
	const char *(*run)(struct guest_ring *r, bool stock);
};

extern const struct ring_case ring_cases[];
extern const size_t ring_case_count;

#endif
