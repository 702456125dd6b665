/*
 * Page tables for tests: fresh ones that are not yet used, a tree that is
 * live below TEST_VA, and the list of things that a guest may try against a
 * frame that must not become writable.
 */
#ifndef GUEST_TESTS_TABLES_H
#define GUEST_TESTS_TABLES_H

#include "tap.h"

/* A refusal: any negative errno, since several causes are right at once. */
#define CHECK_REFUSED(expr) CHECK((long)(expr) < 0)

/* An empty page, mapped read-only in the arena, ready to become a table. */
uint64_t *table_new(void);
/* Back to the arena: unpinned by the caller, read-write again. */
void table_free(uint64_t *table);

/* A page that is mapped at TEST_VA + N pages; entries are live L1 entries. */
struct window {
	unsigned long va;
	uint64_t *entry;	/* the live L1 entry, readable */
};

/* Window N (below 512), empty. All lie in one L1 table. */
struct window window_get(unsigned int n);

/* 0 or error; flushed. */
long window_set(const struct window *w, uint64_t pte);

#endif
