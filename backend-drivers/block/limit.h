/*
 * A bound on a rate, with a burst: a bucket that fills at the rate and holds
 * at most the burst. Work may begin while the bucket is not empty, and then
 * takes all that it needs, also what is not there: so nothing has to be known
 * about a piece of work before it begins, and none is ever too large.
 */
#ifndef BACKEND_BLOCK_LIMIT_H
#define BACKEND_BLOCK_LIMIT_H

#include <stdint.h>

struct limit {
	uint64_t rate;		/* units a second; 0: no limit */
	uint64_t burst;		/* units */
	int64_t left;
	uint64_t at;		/* when it was filled, us */
};

/** A full bucket. @burst 0: what the rate gives in a tenth of a second. */
void limit_set(struct limit *l, uint64_t rate, uint64_t burst, uint64_t now);

/** Microseconds until work may begin; 0: now. */
uint64_t limit_wait(struct limit *l, uint64_t now);

void limit_take(struct limit *l, uint64_t units);

#endif
