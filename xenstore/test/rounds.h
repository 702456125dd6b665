/*
 * What a client does again and again while the daemon is killed: a write, the
 * event that it fires, what reads back, a number made larger in a
 * transaction.  Each says when it did not happen exactly once.
 */
#ifndef XENSTORE_TEST_ROUNDS_H
#define XENSTORE_TEST_ROUNDS_H

#include <stdbool.h>
#include <stdint.h>

#include "xenstore/client/store.h"

struct rounds {
	struct store *s;
	const char *name;
	unsigned long count;
	uint64_t longest_us;	/* one request's wait for its answer */
};

/* Connect, watch /c/<name>; the rounds add to /sum, which must be there. */
bool rounds_begin(struct rounds *r, const char *name);

/* One round: false if anything was not as it should be; it says what. */
bool rounds_do(struct rounds *r);

/*
 * Look whether each node is what was written last, leave the count at
 * /c/<name>, and go.
 */
bool rounds_end(struct rounds *r);

#endif
