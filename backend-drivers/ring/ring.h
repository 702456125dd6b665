/*
 * The back end's side of a shared request ring.
 *
 * A ring is a header of four indices and a power of two of equal slots, in
 * one page or in several that are mapped side by side. The front end puts
 * requests into slots and moves req_prod; we answer into the slots of
 * requests already taken and move rsp_prod. Indices run freely; a slot's
 * number is the index modulo the size.
 *
 * The front end can write any of it at any time. Therefore our own two
 * indices live in struct ring and are never read back; req_prod is read once
 * per look and bounded; a request is copied out once and never looked at in
 * shared memory again. A front end whose req_prod runs further ahead than
 * there are slots gets -EPROTO from then on, whatever it writes later.
 *
 * Notifications are suppressed as <xen/io/ring.h> has it: each side says at
 * which index it wants to be woken, and the other side sends an event only
 * when it passes that index.
 *
 * A process may be killed at any moment. What it has not published its
 * successor takes up again from the slots, which must therefore hold the
 * requests until then: with a journal, in memory that outlives the process,
 * responses are collected there and come into the slots when the journal
 * says that they are all there; the successor completes what was begun.
 *
 * No locks: a ring belongs to one thread.
 */
#ifndef BACKEND_RING_RING_H
#define BACKEND_RING_RING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/ring/shared.h"

#define RING_PAGE 4096u
#define RING_MAX_PAGES 16u

/*
 * Room for the responses of the largest ring: pages that are not there before
 * they are written to, as a file's are, since most rings are small.
 */
struct ring_journal {
	uint32_t put;		/* as far as all responses are here */
	uint32_t pad[15];
	uint8_t slots[RING_MAX_PAGES * RING_PAGE - 64];
};

_Static_assert(sizeof(struct ring_journal) % RING_PAGE == 0, "pages");

struct ring {
	struct ring_shared *shared;
	struct ring_journal *journal;	/* NULL: none */
	uint32_t size;		/* slots, a power of two */
	uint32_t stride;	/* bytes per slot, a multiple of 4 */
	uint32_t req_cons;	/* next request to take */
	uint32_t req_seen;	/* req_prod when we last looked */
	uint32_t rsp_prod;	/* next response to write */
	uint32_t rsp_told;	/* rsp_prod as the front end knows it */
	uint32_t rsp_len;	/* bytes of the last response put */
	bool broken;
};

/**
 * Takes up a ring in @pages pages at @shared, mapped readable and writable.
 *
 * @stride: bytes per slot, the larger of request and response.
 *
 * A ring that another back end served before is continued behind its last
 * response. Returns 0, -EINVAL when not even one slot fits, or -EPROTO when
 * the indices found there cannot be true; *r is then unusable.
 */
int ring_attach(struct ring *r, void *shared, unsigned int pages,
		uint32_t stride);

/**
 * Gives a ring, just attached, a journal: zeroed, or that of who
 * served the ring before, whose responses are published if they are not yet.
 * Send an event after that. Returns 0 or -EPROTO as above.
 */
int ring_keep(struct ring *r, struct ring_journal *journal);

/**
 * Number of requests that wait to be taken; looks at the front end's index.
 * Returns 0 to r->size, or -EPROTO once the ring is broken.
 */
int ring_waiting(struct ring *r);

/**
 * Copies the next request, @len <= stride bytes, a multiple of 4, to @req.
 * Returns 1, 0 when there is none, or -EPROTO once the ring is broken.
 */
int ring_take(struct ring *r, void *req, size_t len);

/** Requests taken and not answered yet. */
uint32_t ring_unanswered(const struct ring *r);

/**
 * Writes the next response, @len <= stride bytes, a multiple of 4. The front
 * end sees it after ring_push(). Only as many responses as requests were
 * taken may be put: more is a bug of ours and asserted.
 */
void ring_put(struct ring *r, const void *rsp, size_t len);

/** Publishes the responses put so far. True: the front end wants an event. */
bool ring_push(struct ring *r);

/**
 * Asks to be woken as soon as @wanted requests wait, 1 to r->size, then
 * looks once more. Returns 0: it is safe to wait for an event; 1: so many
 * have arrived meanwhile; -EPROTO as above.
 */
int ring_rest(struct ring *r, uint32_t wanted);

#endif
