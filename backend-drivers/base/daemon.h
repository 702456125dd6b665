/*
 * How every daemon here begins and ends: options, log file, pid file, going
 * to the background once it is ready to serve, and a clean end on SIGTERM. In
 * the background a second process, the holder, starts it again when it was
 * killed; the pid file names the daemon that runs.
 */
#ifndef BACKEND_BASE_DAEMON_H
#define BACKEND_BASE_DAEMON_H

#include <stdbool.h>

struct daemon {
	const char *name;	/* "vane-blockd" */
	const char *pid_file;	/* NULL: none */
	const char *log_file;	/* NULL: stderr as it is */
	bool foreground;
	int ready_pipe;		/* where our parent waits */
};

/**
 * Reads the options that all daemons share (-f, -l FILE, -p FILE, -h) and
 * leaves the process with a usage text if it finds others. Then goes to the
 * background unless -f is given; the parent stays until daemon_ready().
 *
 * @short_name: the pid file is /run/vane/@short_name.pid.
 */
void daemon_start(struct daemon *d, const char *name, const char *short_name,
		  int argc, char **argv);

/** Serving now: writes the pid file and lets the parent go. 0 or -errno. */
int daemon_ready(struct daemon *d);

/** Makes SIGTERM and SIGINT stop the loop. Returns 0 or -errno. */
int daemon_signals(void);

/** Removes the pid file. */
void daemon_end(struct daemon *d);

#endif
