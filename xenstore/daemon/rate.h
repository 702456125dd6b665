/*
 * How fast an unprivileged domain may write.
 *
 * Each has a bucket of writes which fills at `write-rate` a second up to
 * `write-burst`; a new domain begins with four more bursts, for its start.
 * What flows over goes to a reserve that all share, up to `write-reserve`;
 * who has emptied its bucket lives on the reserve, and when that is empty too
 * its ring is not read for a while.  Nothing is refused, and nobody else
 * waits.
 *
 * This looks at the clock, and so decides only when bytes are read, never
 * what becomes of them; it is no part of the saved state.
 */
#ifndef XENSTORE_DAEMON_RATE_H
#define XENSTORE_DAEMON_RATE_H

#include <stdbool.h>
#include <stdint.h>

struct domain;
struct server;

/* Thousandths of a write, so that a millisecond's share is a whole number. */
struct rate {
	int64_t bucket, start;	/* `start`: of a new domain, not refilled */
	uint64_t filled;	/* when, server_now() */
	uint64_t second;	/* when the count began */
	uint32_t count, last;	/* in this second, in the one before */
};

void rate_begin(struct domain *d);

/* May its ring be read? */
bool rate_allows(struct domain *d);

/* It has written so often. */
void rate_charge(struct domain *d, unsigned int writes);

/* Milliseconds until it may be read again. */
int rate_wait(const struct domain *d);

/* Writes in the last whole second. */
uint32_t rate_now(struct domain *d);

#endif
