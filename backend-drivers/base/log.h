/*
 * A daemon's log: one line per event, with the object's name, on stderr,
 * which daemon.c points at the log file.
 */
#ifndef BACKEND_BASE_LOG_H
#define BACKEND_BASE_LOG_H

/** Writes "time object: text". @object: e.g. "vane-vbd/3/51712". */
void log_line(const char *object, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
