/*
 * A process of its own for one device, as the supervisor sees it: started by
 * fork(), talked to in messages, started again when it dies. What the process
 * does, and what it may do, is served.c's.
 */
#ifndef BACKEND_BASE_WORKER_H
#define BACKEND_BASE_WORKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/base/again.h"
#include "backend-drivers/base/loop.h"

#define WORKER_CONTROL 3	/* its descriptor of the messages */
#define WORKER_KEPT 4		/* the first of those handed down */
#define WORKER_KEEP 24u		/* how many those may be */
#define WORKER_MESSAGE 1024u	/* bytes of a message, at most */

struct worker {
	/* Set by the owner before worker_start(). */
	const char *name;	/* for the log */
	/* In the process: descriptors 0 to 2, the control, and those kept. */
	void (*run)(struct worker *);
	/* A message came. The process may be taken over: it is hostile input. */
	void (*said)(struct worker *, const void *message, size_t len);
	/* The process is gone, with all that it held. */
	void (*ended)(struct worker *);
	int keep[WORKER_KEEP];	/* descriptors to be handed down, in order */
	unsigned int kept;

	/* worker.c's. */
	struct loop_fd control, process;
	struct loop_timer pause;
	bool running;
	struct again again;
	int signal;		/* that killed the last one, or 0 */
};

/** Starts the process, at once or after the pause that is due. */
void worker_start(struct worker *w);

/** Sends a message; a process that does not read is killed. */
void worker_tell(struct worker *w, const void *message, size_t len);

/**
 * Kills the process. True: ended() will be called; false: there is none, and
 * there will be none.
 */
bool worker_kill(struct worker *w);

#endif
