/*
 * Writing all of it.
 */
#ifndef TOOLSTACK_SYS_IO_H
#define TOOLSTACK_SYS_IO_H

#include <stddef.h>

/** Writes @len bytes, however many calls that takes. Returns 0 or -errno. */
int io_write_all(int fd, const void *data, size_t len);

#endif
