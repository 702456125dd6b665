/*
 * One ring of a virtual disk: requests out of it, through checks, with their
 * data, to the target, and back as responses.
 *
 * Data to be written is copied out of the guest before the I/O starts, data
 * read is copied to it after it ended; so the guest can do what it likes with
 * its pages and its grants at any time, and the disk never sees a page that is
 * still changing. The copy is a grant copy, a batch in one call; or one in
 * user space where both ends agreed on persistent grants.
 *
 * What a guest can make us hold is bounded: as many requests as its ring has
 * slots, the target's buffers, and PERSIST_MAX mapped pages. A request for
 * which there is no room waits, and with it the ring, for those in flight to
 * end.
 */
#ifndef BACKEND_BLOCK_QUEUE_H
#define BACKEND_BLOCK_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend-drivers/base/bus.h"
#include "backend-drivers/block/proto.h"
#include "backend-drivers/block/target.h"
#include "backend-drivers/ring/ring.h"

#define QUEUE_MAX_RING_ORDER 4u

/* What a queue is to be connected to. */
struct queue_setup {
	struct device *dev;		/* for its name and its domain */
	struct target *target;
	const struct blk_abi *abi;
	bool persistent;
	unsigned int pages;		/* of the ring */
	uint32_t refs[1u << QUEUE_MAX_RING_ORDER];
	uint32_t port;			/* the front end's event channel */
	struct ring_journal *journal;	/* zeroed, or of its predecessor */
	void (*idle)(void);		/* see queue_close() */
};

/**
 * Maps the ring, binds the port, begins to serve. 0 or -errno, logged. The
 * target's done must be queue_done(). A ring that cannot be right is told by
 * served_stop(), and not looked at any more.
 */
int queue_open(struct queue **queue, const struct queue_setup *setup);

/** The target's callback. */
void queue_done(struct io **done, unsigned int n);

/** The ring may have requests that were held up: by a limit, for example. */
void queue_look(struct queue *q);

/**
 * Takes no more requests. True: nothing was in flight, and the queue is
 * freed. False: it frees itself after the last I/O has ended and was
 * answered, and then calls idle().
 */
bool queue_close(struct queue *q);

#endif
