/*
 * How much a guest may send: so many bytes in an interval. What it did not
 * send it may send later, an interval's worth at most. A frame goes when any
 * byte is left, and what it took too much is missing then: in the long run
 * the rate is exact.
 */
#ifndef BACKEND_NET_RATE_H
#define BACKEND_NET_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct rate {
	uint64_t bytes, usec;	/* 0 bytes: no limit */
	int64_t left;		/* bytes */
	uint64_t filled;	/* ms of loop_now(): when left was right */
};

/** "BYTES,MICROSECONDS", as toolstacks write it; NULL: none. 0 or -EINVAL. */
int rate_parse(struct rate *r, const char *text);

/** Milliseconds until a frame may go; 0: now. @now: loop_now(). */
unsigned int rate_wait(struct rate *r, uint64_t now);

/** May another frame go, as of the last rate_wait()? */
static inline bool rate_allows(const struct rate *r)
{
	return !r->bytes || r->left > 0;
}

static inline void rate_spend(struct rate *r, uint64_t bytes)
{
	if (r->bytes)
		r->left -= (int64_t)bytes;
}

#endif
