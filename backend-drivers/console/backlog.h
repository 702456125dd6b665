/*
 * Output of a guest that nobody has read yet: a queue of bytes with a limit.
 * When it is full the oldest bytes go: who attaches late wants to see how
 * things ended, and a guest never waits for a reader.
 */
#ifndef BACKEND_CONSOLE_BACKLOG_H
#define BACKEND_CONSOLE_BACKLOG_H

#include <stddef.h>

struct backlog {
	char *data;
	size_t size;		/* allocated, a power of two or 0 */
	size_t limit;		/* a power of two */
	size_t start, len;
};

/** Starts empty; @limit bytes at most, rounded down to a power of two. */
void backlog_init(struct backlog *b, size_t limit);
void backlog_free(struct backlog *b);

/** Appends; drops the oldest bytes if need be, or if memory is short. */
void backlog_add(struct backlog *b, const char *bytes, size_t len);

/** The longest piece at the head that lies in one run; *len may be 0. */
const char *backlog_head(const struct backlog *b, size_t *len);

/** Removes @len bytes, no more than the head has. */
void backlog_drop(struct backlog *b, size_t len);

#endif
