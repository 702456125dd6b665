/*
 * Files and block devices of Dom0, through io_uring (base/uring.h).
 */
#ifndef BACKEND_BLOCK_RAW_H
#define BACKEND_BLOCK_RAW_H

#include <liburing.h>

#include "backend-drivers/block/target.h"

struct raw {
	struct target target;
	int fd;				/* the disk's; the owner's */
	/* raw.c's. */
	struct io_uring ring;
	struct loop_fd ready;
	struct loop_work retry;
	uint32_t known;			/* chunks that the kernel knows */
	struct io *last;		/* queued; more may join it; or NULL */
	struct io_uring_sqe *last_sqe;	/* that it is part of */
};

/**
 * Sets up the target, but for the fields that are the caller's. Needs the
 * loop. Returns 0 or -errno.
 */
int raw_open(struct raw *r);

#endif
