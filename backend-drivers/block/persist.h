/*
 * Pages that a front end grants for good (feature-persistent): each is mapped
 * when it is first seen, and stays mapped. Data moves between it and our
 * buffers by a copy in user space, which costs a tenth of a grant copy.
 *
 * A reference that cannot be mapped, or for which there is no room in the
 * table any more, is simply not here: whoever asks copies by grant.
 */
#ifndef BACKEND_BLOCK_PERSIST_H
#define BACKEND_BLOCK_PERSIST_H

#include <stdint.h>

#define PERSIST_MAX 1056u	/* pages of a ring, as many as Linux keeps */
#define PERSIST_BATCH 256u	/* that can be mapped at once */

struct persist;

/** An empty table for pages of @domid, or NULL: no memory. */
struct persist *persist_open(uint32_t domid);

/** Unmaps all. NULL is allowed. */
void persist_close(struct persist *p);

/** Notes a reference that persist_map() is to map, if it is not known. */
void persist_want(struct persist *p, uint32_t ref);

/** Maps what was noted. */
void persist_map(struct persist *p);

/** The page of @ref, or NULL. */
void *persist_find(const struct persist *p, uint32_t ref);

#endif
