/*
 * A guest's log file. It never grows beyond a few megabytes: when it is
 * full it becomes NAME.log.1, in the place of the one before.
 */
#ifndef BACKEND_CONSOLE_GUESTLOG_H
#define BACKEND_CONSOLE_GUESTLOG_H

#include <stddef.h>

#define GUESTLOG_DIR "/var/log/xen/console"
#define GUESTLOG_MAX (4u << 20)

struct guestlog {
	int fd;			/* -1: none */
	size_t size;
	char path[128];
};

/**
 * Opens DIR/guest-NAME.log for appending. Characters of @name that have no
 * business in a file's name become '_'. Returns 0 or -errno.
 */
int guestlog_open(struct guestlog *l, const char *dir, const char *name);

/** Appends. A disk that is full costs log lines, nothing else. */
void guestlog_add(struct guestlog *l, const char *bytes, size_t len);

void guestlog_close(struct guestlog *l);

#endif
