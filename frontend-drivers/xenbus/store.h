/*
 * The store, over the domain's ring. One request at a time, which waits for
 * its answer; the store daemon may be restarted meanwhile. Numbers and limits:
 * <xen/io/xs_wire.h>.
 *
 * Functions return 0 or a length, or a negative error: what the store answers,
 * -XEN_E2BIG when an answer does not fit, -XEN_EIO when the ring is corrupt.
 */
#ifndef FRONTEND_XENBUS_STORE_H
#define FRONTEND_XENBUS_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define STORE_NO_TX 0u

/* The ring's page, mapped, and its port: start_info has both. */
void store_init(void *ring, uint32_t port);

/* The value, cut by nothing and ended by a NUL; returns its length. */
int store_read(uint32_t tx, const char *path, char *value, size_t size);
/* A decimal value; -XEN_EINVAL when it is something else. */
int store_read_number(uint32_t tx, const char *path, unsigned long *value);
int store_write(uint32_t tx, const char *path, const char *value);
int store_write_number(uint32_t tx, const char *path, unsigned long value);
int store_remove(uint32_t tx, const char *path);

int store_begin(uint32_t *tx);
/* -XEN_EAGAIN: somebody was in between, do it all again. */
int store_end(uint32_t tx, bool commit);

/* A change at the path or below is counted by store_changes(). */
int store_watch(const char *path);
int store_unwatch(const char *path);
/* Takes what the store told since; which path it was is not kept. */
uint32_t store_changes(void);

#endif
