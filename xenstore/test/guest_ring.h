/*
 * A guest's side of a ring page, wherever page and events come from: files
 * (guest.c), the test program itself (test_rules.c), a real domain
 * (conformance_ring.c).
 */
#ifndef XENSTORE_TEST_GUEST_RING_H
#define XENSTORE_TEST_GUEST_RING_H

#include <stdbool.h>
#include <stddef.h>

#include "xenstore/wire.h"

struct guest_ring {
	struct xenstore_domain_interface *page;
	size_t piece;		/* bytes shown to the daemon at once; 0: any */
	void *arg;
	void (*notify)(void *arg);	/* have the daemon look */
	bool (*wait)(void *arg);	/* for its event; false: give up */
};

/* Bytes as the ring takes them and has them: false when waiting is given up. */
bool guest_ring_put(struct guest_ring *r, const void *data, size_t len);
bool guest_ring_get(struct guest_ring *r, void *data, size_t len);

/* Whole messages; `data` has room for XENSTORE_PAYLOAD_MAX bytes and a NUL. */
bool guest_ring_send(struct guest_ring *r, const struct xsd_sockmsg *hdr,
		     const void *data);
bool guest_ring_receive(struct guest_ring *r, struct xsd_sockmsg *hdr,
			char *data);

#endif
