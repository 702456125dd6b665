/*
 * io_uring reads its orders from memory, past any filter of system calls: the
 * kernel is told before which orders it may take. Memory that it is to know
 * for good, so that it need not look its pages up for each I/O, is a chunk.
 */
#ifndef BACKEND_BASE_URING_H
#define BACKEND_BASE_URING_H

#include <liburing.h>
#include <stdint.h>

/**
 * Takes these @count operations, IORING_OP_*, and no other; and up to @chunks
 * chunks. 0 or -errno.
 */
int uring_open(struct io_uring *uring, const uint8_t *ops, unsigned int count,
	       unsigned int chunks);

/** Makes memory chunk number @i. 0 or -errno: it is none. */
int uring_chunk(struct io_uring *uring, unsigned int i, void *at, size_t size);

#endif
