/*
 * What outlives the process that serves a disk: its counts, and the answers
 * that are being given. A file that is mapped by the supervisor, and so by
 * every worker that it forks.
 */
#ifndef BACKEND_BLOCK_MEMORY_H
#define BACKEND_BLOCK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#include "backend-drivers/block/stats.h"
#include "backend-drivers/ring/ring.h"

#define MEMORY_QUEUES 4u

struct memory {
	union {
		struct disk_stats stats;
		uint8_t page[RING_PAGE];
	};
	/* There as far as they are used. */
	struct ring_journal journal[MEMORY_QUEUES];
};

/**
 * Maps the file of a disk, made if need be. @again: what it says still holds,
 * else it is emptied. NULL and errno.
 */
struct memory *memory_open(uint32_t domid, uint32_t devid, bool again);

/** Another front end has come: forgets what was answered. */
void memory_forget(struct memory *m);

/** The disk is gone: removes the file. */
void memory_close(struct memory *m, uint32_t domid, uint32_t devid);

#endif
