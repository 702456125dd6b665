/*
 * Kernels that were unpacked once, kept by their content.
 */
#ifndef TOOLSTACK_LIBVANE_KERNEL_CACHE_H
#define TOOLSTACK_LIBVANE_KERNEL_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * The kernel that was unpacked of exactly these bytes: a descriptor, and its
 * size; -1 if there is none.
 */
int kernel_cache_find(const uint8_t *packed, size_t len, size_t *size);

/* A file without a name to unpack to, or -errno: nothing can be kept here. */
int kernel_cache_begin(void);

/*
 * The file holds the kernel that was unpacked of these bytes: from now on it
 * is found. Its descriptor stays good whatever happens to the cache.
 */
void kernel_cache_keep(int fd, const uint8_t *packed, size_t len);

/*
 * Whether this was asked of the file before, as it is now. A hint: of many
 * files the older ones are forgotten; where nothing can be kept, yes.
 */
bool kernel_cache_seen(int fd);

#endif
