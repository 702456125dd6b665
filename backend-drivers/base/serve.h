/* The whole life of a daemon that serves one kind of device. */
#ifndef BACKEND_BASE_SERVE_H
#define BACKEND_BASE_SERVE_H

#include "bus.h"
#include "served.h"

/**
 * Everything that main() has to do: options, signals, event channels, grants,
 * the bus with these devices, then events until SIGTERM.
 *
 * @name, @short_name: as for daemon_start().
 * Returns main()'s status: 0, or 1 after a line in the log.
 */
int serve(const char *name, const char *short_name,
	  const struct bus_ops *devices, int argc, char **argv);

/** The same with a process of its own for each device. */
int serve_by_workers(const char *name, const char *short_name,
		     const struct served_ops *devices, int argc, char **argv);

#endif
