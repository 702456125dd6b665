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
 * Copies a domain's name. Characters that have no business in the name of a
 * file become '_'.
 */
void guestlog_clean(char *to, size_t size, const char *name);

/** Opens DIR/guest-NAME.log for appending. Returns 0 or -errno. */
int guestlog_open(struct guestlog *l, const char *dir, const char *name);

/** Appends. A disk that is full costs log lines, nothing else. */
void guestlog_add(struct guestlog *l, const char *bytes, size_t len);

void guestlog_close(struct guestlog *l);

#endif
