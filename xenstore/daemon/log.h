/*
 * The daemon's log: to a file, to syslog, or to standard error.
 */
#ifndef XENSTORE_DAEMON_LOG_H
#define XENSTORE_DAEMON_LOG_H

#include <stdbool.h>

/* Where lines go from here on; file is a path or NULL.  0 or -errno. */
int log_open(const char *file, bool use_syslog);

/* No lines: while what was logged once happens again; for the fuzzer. */
void log_mute(bool on);

void log_line(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
