/*
 * io_uring reads its orders from memory, past any filter of system calls: the
 * kernel is told before which orders it may take.
 */
#ifndef BACKEND_BASE_URING_H
#define BACKEND_BASE_URING_H

#include <liburing.h>
#include <stdint.h>

/** Takes these @count operations, IORING_OP_*, and no other. 0 or -errno. */
int uring_open(struct io_uring *uring, const uint8_t *ops, unsigned int count);

#endif
