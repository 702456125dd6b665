/*
 * The disk itself, which all queues of a virtual disk share: requests go to
 * it in as many steps as they need (a flush or a barrier takes several, one
 * I/O after the other), and come back by a callback. There are two ways to a
 * disk: raw.h for files and block devices, nbd.h for everything that another
 * process serves.
 *
 * A request in flight owns one contiguous buffer (buffers.h).
 */
#ifndef BACKEND_BLOCK_TARGET_H
#define BACKEND_BLOCK_TARGET_H

#include <stdbool.h>
#include <stdint.h>

#include "backend-drivers/base/loop.h"
#include "backend-drivers/block/buffers.h"
#include "backend-drivers/block/limit.h"
#include "backend-drivers/block/proto.h"
#include "backend-drivers/block/stats.h"

#define TARGET_BATCH 32u	/* requests that are handled together */

/* How much may be done in a second, 0: anything; and what may be saved up. */
struct disk_limits {
	uint64_t bytes, bytes_burst;
	uint64_t requests, requests_burst;
};

enum step { STEP_START, STEP_PREFLUSH, STEP_DATA, STEP_POSTFLUSH, STEP_END };

struct queue;

/* One request on its way. */
struct io {
	struct io *next;		/* in a list: of unused ones, mostly */
	struct target *target;
	struct queue *queue;		/* where it came from */
	struct blk_request req;
	uint32_t index;			/* its place in the ring */
	int result;			/* a way's own, until it is told */
	struct io *joined;		/* likewise: in the same I/O as this */
	bool alone;			/* likewise: not to be joined again */
	int status;			/* BLKIF_RSP_* so far */
	bool copy_failed;
	uint8_t retries;
	enum step step;
	char *buf;
	unsigned int chunk;		/* that it is part of */
	uint32_t bytes, done;		/* of data; moved so far */
};

struct target;

/* How a step of a request reaches the disk. */
struct target_way {
	/*
	 * Begins io->step: for STEP_DATA what the request is about, from
	 * io->done on; else a flush. Its end is told by target_result(). False:
	 * it cannot be begun.
	 */
	bool (*queue)(struct target *, struct io *);
	/* Sends what was begun, and takes the results that are there. */
	void (*submit)(struct target *);
};

struct target {
	struct blk_limits limits;
	struct limit bytes, requests;	/* a second; see target_limit() */
	struct disk_stats *stats;	/* where to count */
	/* Requests have come to their end: at most TARGET_BATCH. */
	void (*done)(struct io **done, unsigned int n);
	/* What was held up by a limit, or by a lack of memory, may go on. */
	void (*wake)(void);
	struct buffers buffers;

	/* target.c's. */
	const struct target_way *way;
	struct loop_timer limited;
	struct io *unused;
	struct io *ended[TARGET_BATCH];	/* to be delivered */
	unsigned int ended_count;
	unsigned int in_flight;
	bool starved;			/* somebody waits for memory */
};

/** Sets up what is not the caller's to set. */
void target_init(struct target *t, const struct target_way *way);

/** For a way: a step ended, with bytes that were moved, or -errno. */
void target_result(struct target *t, struct io *io, int res);

/** For a way: hands on what has come to its end. */
void target_deliver(struct target *t);

/** Limits from here on; no limits without it. */
void target_limit(struct target *t, const struct disk_limits *l);

/** A request to be filled, or NULL: no memory. */
struct io *io_get(struct target *t);
/** Gives it and its buffer back. */
void io_put(struct target *t, struct io *io);
/** A buffer for its segments. False: there is no room now; wake() follows. */
bool io_buffer(struct target *t, struct io *io);
/** True if its data goes from the guest to the disk. */
bool io_is_write(const struct io *io);
/** True if its step moves data: it is no flush, and no discard. */
bool io_moves_data(const struct io *io);

/** True if its limits let another request begin; if not, wake() follows. */
bool target_admits(struct target *t);
/** Takes a checked request from what the limits leave. */
void target_charge(struct target *t, const struct io *io);
/** Counts a request that is done. */
void target_count(struct target *t, const struct io *io);

/** Takes the first step. False: it is done already, see status. */
bool target_start(struct target *t, struct io *io);

/**
 * Hands what was started to the kernel, and what is done at once to done():
 * after that, or later from the loop.
 */
void target_submit(struct target *t);

#endif
