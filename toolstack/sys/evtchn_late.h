/*
 * Events that came without a word.
 *
 * Linux's driver wakes the reader of /dev/xen/evtchn if it finds the buffer
 * empty before it puts a port in. An interrupt that is held up just there,
 * while the buffer is read empty, wakes nobody, and nor does any after it. So
 * who has had events looks a few times more in the next moments, by a timer
 * that is set once for many events: a time-out would cost each turn of a loop.
 *
 * No locks: of one thread, the descriptor's reader.
 */
#ifndef TOOLSTACK_SYS_EVTCHN_LATE_H
#define TOOLSTACK_SYS_EVTCHN_LATE_H

struct evtchn_late {
	int fd;			/* a timer: readable when it is time to look */
	unsigned int looks;	/* that are left */
};

/**
 * Makes the timer, which does not run yet. @late->fd is then the caller's to
 * poll, and to close. Returns 0 or -errno.
 */
int evtchn_late_open(struct evtchn_late *late);

/** There were events: looks from now on. */
void evtchn_late_heard(struct evtchn_late *late);

/** @late->fd is readable. Call it, then read events as if they were there. */
void evtchn_late_look(struct evtchn_late *late);

#endif
