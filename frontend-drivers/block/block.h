/*
 * Disks: the front end's side of <xen/io/blkif.h>. A disk has one queue or
 * more, each with as many requests under way as its ring has slots. A request
 * covers pages that lie side by side: 11, or 32 where the back end takes
 * indirect segments.
 *
 * Errors are -XEN_E...: EINVAL what cannot be asked of this disk, EROFS,
 * EOPNOTSUPP, EAGAIN when the queue is full, EIO from the disk, EILSEQ from
 * a back end that breaks the rules, ENODEV when it is gone.
 *
 * A disk belongs to one thread at a time.
 */
#ifndef FRONTEND_BLOCK_BLOCK_H
#define FRONTEND_BLOCK_BLOCK_H

#include "frontend-drivers/ring/front.h"
#include "frontend-drivers/xenbus/device.h"

#define BLOCK_SECTOR 512u
#define BLOCK_PAGES 32u                         /* of one request, at most */
#define BLOCK_SECTORS (BLOCK_PAGES * 8u)
#define BLOCK_QUEUES 2u
#define BLOCK_MAX_ORDER 1u                      /* pages of a ring, log 2 */
#define BLOCK_SLOTS 64u                         /* in such a ring */

enum block_op {
	BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD,
	BLOCK_BARRIER, /* a write with everything before it, and it itself, on
			  the disk before anything after it */
};

/* A request: the caller's, who leaves it alone until it is done. */
struct block_request {
	enum block_op op;
	unsigned int queue;     /* 0 up to block.queues - 1 */
	uint64_t sector;        /* in units of 512 bytes, as all here */
	uint32_t sectors;       /* none for a flush, any number for a discard */
	void *data;             /* aligned to a page */
	bool done;
	int result;             /* once it is done: 0 or an error */
};

/*
 * What is asked for; the other side need not have it, and gives less then.
 * All zero: one queue whose ring is a page, requests of 11 pages.
 */
struct block_wishes {
	bool persistent;        /* pages are granted once, and data copied */
	bool indirect;
	unsigned int order;     /* of a ring's pages, log 2 */
	unsigned int queues;    /* 0: one */
	/*
	 * Memory for the rings, queues << order pages side by side, the
	 * caller's again after block_close(); NULL: order and queues do not
	 * count.
	 */
	void *rings;
};

struct block_slot {
	struct block_request *request;  /* NULL: free */
	unsigned int pages;             /* granted for it */
	uint32_t ref[BLOCK_PAGES];
	void *own[BLOCK_PAGES];         /* persistent: granted pages */
	void *segments;                 /* indirect: the page of segments */
	uint32_t segments_ref;
};

struct block_queue {
	struct front_ring ring;
	void *pages;
	uint32_t ref[1u << BLOCK_MAX_ORDER], port;
	unsigned int granted;           /* of the pages */
	struct block_slot slot[BLOCK_SLOTS];
};

struct block {
	struct device device;
	uint64_t sectors;
	uint32_t sector_size;   /* what a request is in multiples of, bytes */
	uint32_t most;          /* sectors of a request */
	bool read_only, can_flush, can_barrier, can_discard;
	/* What came of the wishes. */
	bool persistent;
	unsigned int order, queues;

	bool own_ring;          /* its page is ours to free */
	unsigned long handle;
	unsigned int under_way;
	uint32_t changes;       /* of the store, as last seen */
	struct block_queue queue[BLOCK_QUEUES];
};

/*
 * Connects disk @id (its number in the store, 51712 for xvda). Waits until the
 * time @until: -XEN_ETIMEDOUT. -XEN_EINVAL: wishes beyond the limits above.
 */
int block_open(struct block *b, unsigned long id,
	       const struct block_wishes *wishes, uint64_t until);
/*
 * Lets what is under way end, disconnects, and gives all back. An error says
 * that the other side kept something; it is left to it.
 */
int block_close(struct block *b, uint64_t until);

/* Starts a request on its queue: 0, or an error and nothing is started. */
int block_start(struct block *b, struct block_request *r);
/* Marks those done that are: how many, or an error that ends the device. */
int block_poll(struct block *b);
/* Starts it and waits until it is done; returns its result. */
int block_do(struct block *b, struct block_request *r);

#endif
