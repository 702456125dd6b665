/*
 * One domain's console: its ring on one side, a pseudo-terminal, a log file
 * and the history on the other. The ring is grant 0 of the domain, the event
 * channel stands in the store, <xen/io/console.h> has the layout. Log and
 * history come with the first output: who creates a domain need not wait.
 *
 * Neither side can hold up the other: the guest's output is always taken at
 * once, into a backlog that forgets its oldest bytes; typed input waits in
 * the terminal until the ring has room.
 */
#ifndef BACKEND_CONSOLE_CONSOLE_H
#define BACKEND_CONSOLE_CONSOLE_H

#include <stdbool.h>
#include <stdint.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/console/backlog.h"
#include "backend-drivers/console/guestlog.h"
#include "backend-drivers/console/history.h"
#include "backend-drivers/ring/stream.h"
#include "xenstore/client/store.h"

struct console {
	struct console *next;		/* the daemon's list */
	uint32_t domid;
	char name[16];			/* "console/3", for the log */
	char watch[48];			/* /local/domain/3/console */
	bool seen;			/* while domains are listed */
	bool dead;			/* the domain is gone; see linger */

	struct grant_map map;
	struct port port;
	uint32_t remote;		/* the port's number in the guest */
	struct stream out, in;
	unsigned int events;		/* since window_start */
	uint64_t window_start;		/* ms */
	struct loop_timer calm;		/* runs when events were too many */

	struct loop_fd master;
	int slave;
	struct backlog backlog;
	bool logged;			/* the two below were opened */
	char log_name[80], uuid[40];
	struct guestlog log;
	struct history history;
	struct loop_timer linger;	/* until a reader has read the rest */
	unsigned int lingered;		/* steps without a byte being read */
	size_t left;			/* bytes unread at the last step */
};

/** Starts to follow a domain. Returns NULL if there is no memory. */
struct console *console_new(struct store *store, uint32_t domid);

/** The domain's console keys changed: connects when they are complete. */
void console_check(struct console *c, struct store *store);

/**
 * The domain is dying: takes what is left of its output, lets go of
 * everything of the domain's, and keeps the terminal until a reader has read
 * it all, or has read nothing for three seconds. Then console_gone() is
 * called.
 */
void console_die(struct console *c, struct store *store);

/** Frees at once, whatever is unread. */
void console_free(struct console *c);

/** Implemented by the daemon: takes @c off its list and frees it. */
void console_gone(struct console *c);

#endif
