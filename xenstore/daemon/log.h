/*
 * The daemon's log: to a file, to syslog, or to standard error.
 *
 * A line is its time, the event's name, and what there is to say of it as
 * key=value.  Lines are gathered in memory and written when a round of
 * requests is answered (log_flush()); what a round has no room for is
 * counted.  A file that has grown to LOG_FILE_MAX becomes FILE.1, in the
 * place of the one before.
 */
#ifndef XENSTORE_DAEMON_LOG_H
#define XENSTORE_DAEMON_LOG_H

#include <stdbool.h>

#define LOG_FILE_MAX	(1l << 20)

/* Where lines go from here on; file is a path or NULL.  0 or -errno. */
int log_open(const char *file, bool use_syslog);

/* No lines: while what was logged once happens again; for the fuzzer. */
void log_mute(bool on);

/* Lines wait for log_flush() from here on. */
void log_gather(void);
void log_flush(void);

void log_line(const char *event, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
