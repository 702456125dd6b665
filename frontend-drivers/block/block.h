/*
 * Disks: the front end's side of <xen/io/blkif.h>. Up to 32 requests may be
 * under way; each covers up to 44 KiB in pages that lie side by side.
 *
 * Errors are -XEN_E...: EINVAL what cannot be asked of this disk, EROFS,
 * EOPNOTSUPP, EAGAIN when all 32 are under way, EIO from the disk, EILSEQ from
 * a back end that breaks the rules, ENODEV when it is gone.
 *
 * A disk belongs to one thread at a time.
 */
#ifndef FRONTEND_BLOCK_BLOCK_H
#define FRONTEND_BLOCK_BLOCK_H

#include "frontend-drivers/ring/front.h"
#include "frontend-drivers/xenbus/device.h"

#define BLOCK_SECTOR 512u
#define BLOCK_PAGES 11u                         /* of one request */
#define BLOCK_SECTORS (BLOCK_PAGES * 8u)
#define BLOCK_SLOTS 32u

enum block_op { BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH, BLOCK_DISCARD };

/* A request: the caller's, who leaves it alone until it is done. */
struct block_request {
	enum block_op op;
	uint64_t sector;        /* in units of 512 bytes, as all here */
	uint32_t sectors;       /* none for a flush, any number for a discard */
	void *data;             /* aligned to a page */
	bool done;
	int result;             /* once it is done: 0 or an error */
};

struct block {
	struct device device;
	uint64_t sectors;
	uint32_t sector_size;   /* what a request is in multiples of, bytes */
	bool read_only, can_flush, can_discard;
	bool persistent;        /* pages are granted once, and data copied */

	struct front_ring ring;
	void *ring_page;
	uint32_t ring_ref, port;
	unsigned long handle;
	unsigned int under_way;
	uint32_t changes;       /* of the store, as last seen */
	struct block_slot {
		struct block_request *request; /* NULL: free */
		unsigned int pages;            /* granted for it */
		uint32_t ref[BLOCK_PAGES];
		void *own[BLOCK_PAGES];        /* persistent: granted pages */
	} slot[BLOCK_SLOTS];
};

/*
 * Connects disk @id (its number in the store, 51712 for xvda). @persistent
 * asks for persistent grants, which the other side need not have. Waits until
 * the time @until: -XEN_ETIMEDOUT.
 */
int block_open(struct block *b, unsigned long id, bool persistent,
	       uint64_t until);
/*
 * Lets what is under way end, disconnects, and gives all back. An error says
 * that the other side kept something; it is left to it.
 */
int block_close(struct block *b, uint64_t until);

/* Starts a request: 0, or an error and nothing is started. */
int block_start(struct block *b, struct block_request *r);
/* Marks those done that are: how many, or an error that ends the device. */
int block_poll(struct block *b);
/* Starts it and waits until it is done; returns its result. */
int block_do(struct block *b, struct block_request *r);

#endif
