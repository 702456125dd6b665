/*
 * The way to the disk. io_uring reads its orders from memory, past any filter
 * of system calls: the kernel is told before which orders it may take.
 */
#ifndef BACKEND_BLOCK_URING_H
#define BACKEND_BLOCK_URING_H

#include <liburing.h>

/** Reads, writes, flushes and discards, nothing else. Returns 0 or -errno. */
int uring_open(struct io_uring *uring);

#endif
