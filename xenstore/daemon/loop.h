/*
 * The event loop: one epoll set, one function per descriptor.
 */
#ifndef XENSTORE_DAEMON_LOOP_H
#define XENSTORE_DAEMON_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct server;

struct loop_source {
	int fd;
	/* Called with EPOLL* bits. */
	void (*ready)(struct loop_source *src, uint32_t events);
	struct loop_source *next_garbage;
};

/* 0 or -errno; once per process. */
int loop_init(void);

/* Watch src->fd for `events`; `src` stays where it is. */
int loop_add(struct loop_source *src, uint32_t events);

/* Watch it for these events instead. */
void loop_change(struct loop_source *src, uint32_t events);

/*
 * Stop watching and close the descriptor.  `src` is given to free() when the
 * current round is over: an event for it may still be on its way.
 */
void loop_remove(struct loop_source *src);

/* Stop watching a descriptor that stays open. */
void loop_forget(struct loop_source *src);

/* Serve until loop_stop(). */
void loop_run(struct server *srv);
void loop_stop(void);

#endif
