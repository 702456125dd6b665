/*
 * Memory for requests in flight: page-aligned buffers whose sizes are powers
 * of two, kept for the next request when one ends, and a bound on all of
 * them together. A fresh page costs Dom0 a fault and a hypercall, a kept one
 * nothing.
 */
#ifndef BACKEND_BLOCK_BUFFERS_H
#define BACKEND_BLOCK_BUFFERS_H

#include <stddef.h>

#define BUFFERS_MIN_SHIFT 12		/* 4 KiB */
#define BUFFERS_CLASSES 9		/* up to 1 MiB */

struct buffers {
	void *free[BUFFERS_CLASSES];	/* each holds the next's address */
	size_t held;			/* bytes, free or in use */
	size_t limit;
};

void buffers_init(struct buffers *b, size_t limit);

/** At least @size bytes, at most 1 MiB; NULL: the limit is reached. */
void *buffers_get(struct buffers *b, size_t size);

/** Takes a buffer back that buffers_get() gave for the same @size. */
void buffers_put(struct buffers *b, void *buf, size_t size);

/** Frees what is not in use. */
void buffers_trim(struct buffers *b);

#endif
