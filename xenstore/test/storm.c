/*
 * A client's rounds until SIGTERM, or until a node is there, for a machine in
 * which the daemon is killed meanwhile:
 *
 *   storm NAME [NODE]
 *                 prints "@storm NAME ROUNDS LONGEST-WAIT-IN-US"; 0 if all
 *                 was as it should be
 *
 * XENSTORED_PATH chooses the way: a socket or /dev/xen/xenbus.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "xenstore/test/rounds.h"

/* Others want the processor too, and idle time costs a machine nothing. */
#define PAUSE_US 20000

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static bool is_there(struct store *s, const char *node)
{
	uint64_t n;

	return store_read_u64(s, STORE_NO_TX, node, &n) != -ENOENT;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
	struct rounds r;
	bool ok;

	if (argc != 2 && argc != 3)
		return 2;
	sigaction(SIGTERM, &sa, NULL);
	ok = rounds_begin(&r, argv[1]);
	while (ok && !stop && (argc < 3 || !is_there(r.s, argv[2]))) {
		ok = rounds_do(&r);
		usleep(PAUSE_US);
	}
	ok = ok && rounds_end(&r);
	printf("@storm %s %lu %llu\n", argv[1], r.count,
	       (unsigned long long)r.longest_us);
	return ok ? 0 : 1;
}
