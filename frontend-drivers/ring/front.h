/*
 * The front end's side of a shared request ring, of one page or several side
 * by side; layout and suppression of events as in <xen/io/ring.h>.
 *
 * The other side may be wrong, or killed and started again. Therefore our own
 * indices are never read back, a response is copied out once, and a rsp_prod
 * that runs ahead of the requests breaks the ring for good: -XEN_EILSEQ.
 *
 * No locks: a ring belongs to one thread.
 */
#ifndef FRONTEND_RING_FRONT_H
#define FRONTEND_RING_FRONT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/ring/shared.h"

struct front_ring {
	struct ring_shared *head;
	uint32_t size;          /* slots, a power of two */
	uint32_t stride;        /* bytes of a slot, a multiple of 4 */
	uint32_t req_prod;      /* the next request to write */
	uint32_t req_told;      /* req_prod as the other side knows it */
	uint32_t rsp_cons;      /* the next response to take */
	bool broken;
};

/* An empty ring in zeroed pages at @pages, @bytes long. */
void front_ring_init(struct front_ring *r, void *pages, size_t bytes,
		     uint32_t stride);
/* Slots for requests that are free. */
uint32_t front_ring_free(const struct front_ring *r);
/* Writes a request, @len <= stride, into a slot, which must be free. */
void front_ring_put(struct front_ring *r, const void *req, size_t len);
/* Publishes them. True: the other side wants an event. */
bool front_ring_push(struct front_ring *r);
/*
 * Copies the next response out: 1; 0 when there is none, and the other side
 * will send an event with the next; -XEN_EILSEQ.
 */
int front_ring_take(struct front_ring *r, void *rsp, size_t len);

#endif
