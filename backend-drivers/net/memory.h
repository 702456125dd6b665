/*
 * What outlives the process that serves an interface: its statistics, and
 * what the front end asked for by other ways than the store, and the answers
 * that are being given. A file of
 * /run/vane/netd per interface, mapped, so that it is right at any moment;
 * its successor maps it again.
 */
#ifndef BACKEND_NET_MEMORY_H
#define BACKEND_NET_MEMORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/net/filter.h"
#include "backend-drivers/net/hash.h"
#include "backend-drivers/ring/ring.h"

#define MEMORY_DIR "/run/vane/netd"
#define VIF_QUEUES 8u

/* Counted since the interface was made; sent and received by the guest. */
struct counts {
	uint64_t sent, sent_bytes;
	uint64_t sent_refused;		/* malformed, or not granted */
	uint64_t sent_filtered;		/* not the guest's own address */
	uint64_t sent_dropped;		/* the tap would not have it */
	uint64_t received, received_bytes;
	uint64_t received_refused;	/* nothing that this guest can take */
	uint64_t received_filtered;	/* of multicast groups it is not in */
	uint64_t received_dropped;	/* buffers not granted, no memory */
	uint64_t waited_rate;		/* it had sent as much as it may */
	uint64_t waited_buffers;	/* it had posted too few buffers */
};

struct memory {
	union {
		struct {
			uint32_t magic, size;
			char tap[16];
			struct counts counts;
			struct hash hash;
			struct groups groups;
		};
		uint8_t page[RING_PAGE];
	};
	/* There as far as they are used: most interfaces have one queue. */
	struct ring_journal tx[VIF_QUEUES], rx[VIF_QUEUES], control;
};

_Static_assert(offsetof(struct memory, tx) == RING_PAGE, "journals are pages");

/** Forgets what concerned one front end: another has come. */
void memory_forget(struct memory *m);

/**
 * Maps the file of an interface whose tap is called @tap, made if need be.
 * @again: what it says still holds, else it is emptied. NULL and errno.
 */
struct memory *memory_open(uint32_t domid, uint32_t devid, const char *tap,
			   bool again);
void memory_close(struct memory *m);
/** The interface is gone: removes its file. */
void memory_remove(uint32_t domid, uint32_t devid);

/** Calls @found for each file. */
void memory_each(void (*found)(uint32_t domid, uint32_t devid,
			       const char *tap));

/** Prints the counts of all interfaces, one a line. Returns 0 or -errno. */
int memory_print(void);

#endif
