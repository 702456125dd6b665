/*
 * The data path of one virtual disk: requests from its ring, through checks
 * and grant copies, to io_uring, and back as responses.
 *
 * A request in flight owns one contiguous buffer. Data to be written is
 * copied in before the I/O starts, data read is copied out after it ended;
 * so the guest can do what it likes with its pages and its grants at any
 * time, and the disk never sees a page that is still changing.
 *
 * What a guest can make us hold is bounded: as many requests as its ring has
 * slots, and QUEUE_MEMORY bytes of buffers. A request for which there is no
 * room waits, and with it the ring, for those in flight to end.
 */
#ifndef BACKEND_BLOCK_QUEUE_H
#define BACKEND_BLOCK_QUEUE_H

#include <stdint.h>

#include <liburing.h>

#include "backend-drivers/base/bus.h"
#include "backend-drivers/block/proto.h"

#define QUEUE_MEMORY (4u << 20)
#define QUEUE_MAX_RING_ORDER 4u

struct queue;

/* What a queue is to be connected to. */
struct queue_setup {
	struct device *dev;		/* for its name and its domain */
	const struct blk_abi *abi;
	struct blk_limits limits;
	int fd;				/* stays the caller's, as the next */
	struct io_uring *uring;
	unsigned int pages;		/* of the ring */
	uint32_t refs[1u << QUEUE_MAX_RING_ORDER];
	uint32_t port;			/* the front end's event channel */
};

/** Maps the ring, binds the port, begins to serve. 0 or -errno, logged. */
int queue_open(struct queue **queue, const struct queue_setup *setup);

/** The disk has another size, in units of 512 bytes. */
void queue_set_sectors(struct queue *q, uint64_t sectors);

/**
 * Takes no more requests. True: nothing was in flight, and the queue is
 * freed. False: it frees itself after the last I/O has ended and was
 * answered, and then calls served_idle(). A ring that cannot be right is told
 * by served_stop(), and not looked at any more.
 */
bool queue_close(struct queue *q);

#endif
