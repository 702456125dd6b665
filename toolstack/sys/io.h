/*
 * Writing all of it, and terminals that hand on each byte.
 */
#ifndef TOOLSTACK_SYS_IO_H
#define TOOLSTACK_SYS_IO_H

#include <stddef.h>
#include <termios.h>

/** Writes @len bytes, however many calls that takes. Returns 0 or -errno. */
int io_write_all(int fd, const void *data, size_t len);

/** Makes a terminal raw; @old: as it was. 0 or -errno: it is none. */
int io_make_raw(int fd, struct termios *old);

#endif
