/*
 * A pseudo-terminal in raw mode. We keep the slave end open as well, so that
 * readers may come and go without the master seeing a hang-up.
 */
#ifndef BACKEND_CONSOLE_PTY_H
#define BACKEND_CONSOLE_PTY_H

#include <stddef.h>

/**
 * Opens both ends, the master non-blocking, and writes the slave's path to
 * @path. Returns 0 or -errno.
 */
int pty_open(int *master, int *slave, char *path, size_t path_size);

/** How many bytes written to the master were not read from the slave yet. */
size_t pty_unread(int slave);

#endif
