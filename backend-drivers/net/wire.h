/*
 * Frames on their way to the tap, a batch in one system call. That is cheap
 * for us; and a program of Dom0's that receives them is woken once: frame by
 * frame it would take the processor from us after each.
 */
#ifndef BACKEND_NET_WIRE_H
#define BACKEND_NET_WIRE_H

#include <stdbool.h>
#include <sys/uio.h>

#include <liburing.h>

#define WIRE_BATCH 32u

struct wire {
	struct io_uring uring;
	int tap;
};

/* A frame in pieces, the first of which begins with its tap header. */
struct wire_frame {
	const struct iovec *piece;
	unsigned int pieces;
};

/** Before the rights are given up. Returns 0 or -errno. */
int wire_open(struct wire *w, int tap);
void wire_close(struct wire *w);

/**
 * Writes @n <= WIRE_BATCH frames in this order. lost[i] is set for those that
 * the tap would not have.
 */
void wire_write(struct wire *w, const struct wire_frame *frames,
		unsigned int n, bool *lost);

#endif
