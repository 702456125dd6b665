/*
 * Allocation that does not fail.
 *
 * What a client can make the daemon hold is bounded by quotas and by
 * back-pressure, and Dom0's kernel overcommits: it kills by its own choice
 * long before malloc() returns NULL.  Undoing half a change of the tree for
 * an error that never comes would be code that nobody can test, so running
 * out of memory ends the daemon with a message.
 */
#ifndef XENSTORE_DAEMON_MEMORY_H
#define XENSTORE_DAEMON_MEMORY_H

#include <stddef.h>

void *mem_alloc(size_t size);
void *mem_zalloc(size_t size);
void *mem_resize(void *old, size_t size);
/* A copy of `len` bytes with a NUL behind them. */
char *mem_copy_text(const void *text, size_t len);

#endif
