/*
 * A guest's side of a ring whose page is a file: see hv_file.c.  Blocking,
 * one request at a time; events are kept for guest_event().
 */
#ifndef XENSTORE_TEST_GUEST_H
#define XENSTORE_TEST_GUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/test/guest_ring.h"

struct guest {
	uint32_t domid;
	struct guest_ring ring;
	int in, out;		/* events to the daemon and from it */
	uint32_t last_request;
	char events[64][128];	/* paths */
	unsigned int event_count;
};

/* Make the files of a domain; then somebody may introduce it. */
bool guest_make(const char *folder, uint32_t domid);

/* Take the guest's side of them. */
bool guest_open(struct guest *g, const char *folder, uint32_t domid);

/*
 * One request, `len` bytes, and its answer with a NUL behind it: the answer's
 * type, or 0 if none came for a minute or it was not the next one.
 */
uint32_t guest_ask(struct guest *g, uint32_t type, uint32_t tx,
		   const void *data, size_t len,
		   char answer[XENSTORE_PAYLOAD_MAX + 1]);

/* The path of the next event, or NULL if none comes for a minute. */
const char *guest_event(struct guest *g);

#endif
