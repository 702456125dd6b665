/*
 * A client's rounds until SIGTERM, for a machine in which the daemon is
 * killed meanwhile:
 *
 *   storm NAME    prints "@storm NAME ROUNDS LONGEST-WAIT-IN-US"; 0 if all
 *                 was as it should be
 *
 * XENSTORED_PATH chooses the way: a socket or /dev/xen/xenbus.
 */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "xenstore/test/rounds.h"

static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

int main(int argc, char **argv)
{
	struct sigaction sa = { .sa_handler = on_stop, .sa_flags = SA_RESTART };
	struct rounds r;
	bool ok;

	if (argc != 2)
		return 2;
	sigaction(SIGTERM, &sa, NULL);
	ok = rounds_begin(&r, argv[1]);
	while (ok && !stop)
		ok = rounds_do(&r);
	ok = ok && rounds_end(&r);
	printf("@storm %s %lu %llu\n", argv[1], r.count,
	       (unsigned long long)r.longest_us);
	return ok ? 0 : 1;
}
