/* A daemon for a test: in a folder of its own, without a hypervisor. */
#ifndef XENSTORE_TEST_SPAWN_H
#define XENSTORE_TEST_SPAWN_H

#include <stdbool.h>
#include <sys/types.h>

struct spawned {
	pid_t pid;
	char folder[64];
	char socket[96];
};

/*
 * Start `program` and wait until it serves; XENSTORED_PATH names its socket
 * from then on.  0 or -1.
 */
int spawn_daemon(struct spawned *d, const char *program);

/*
 * The same in two steps.  `with_xen`: the program has a hypervisor of its
 * own, and what that wants is in the folder by then.
 */
int spawn_prepare(struct spawned *d);
int spawn_start(struct spawned *d, const char *program, bool with_xen);

/* End it; 0 if it ended well (the sanitizers found nothing). */
int spawn_end(struct spawned *d);

#endif
