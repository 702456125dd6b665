/*
 * Watching over a domain: a process of its own, left behind by `create`,
 * that waits for the shutdown of its domain and then does what the
 * configuration says: destroy it, start it anew, or leave it.
 *
 * It holds a connection to the store and the configuration, and sleeps. It
 * ends with its domain.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_DIR "/var/log/xen"

static enum vane_action action_for(const struct vane_config *c, int reason)
{
	switch (reason) {
	case VANE_POWEROFF:
		return c->on_poweroff;
	case VANE_REBOOT:
		return c->on_reboot;
	case VANE_WATCHDOG:
		return c->on_watchdog;
	case VANE_SUSPEND:
		return VANE_ACT_PRESERVE; /* who suspended it sees to it */
	default:
		return c->on_crash;
	}
}

static void note(const char *text, uint32_t domid)
{
	char stamp[32];
	time_t now = time(NULL);

	strftime(stamp, sizeof(stamp), "%F %T", localtime(&now));
	fprintf(stderr, "%s domain %u: %s\n", stamp, domid, text);
}

/* Gives the old domain another name, so that it may stay beside the new. */
static int move_aside(struct vane *v, const struct vane_config *c,
		      uint32_t domid)
{
	char name[128];

	snprintf(name, sizeof(name), "%s-%u", c->name, domid);
	return vane_rename(v, domid, name);
}

/* One shutdown: 1 to go on with the new *@domid, 0 to end, or -errno. */
static int act(struct vane *v, const struct vane_config *c, uint32_t *domid,
	       int reason)
{
	int rc = 0;

	switch (action_for(c, reason)) {
	case VANE_ACT_PRESERVE:
		note("has shut down; it stays", *domid);
		return 0;
	case VANE_ACT_DESTROY:
	case VANE_ACT_COREDUMP_DESTROY:
		note("has shut down; destroying it", *domid);
		return vane_destroy(v, *domid);
	case VANE_ACT_RENAME_RESTART:
		note("has shut down; starting another one", *domid);
		rc = move_aside(v, c, *domid);
		break;
	default:
		note("has shut down; starting it anew", *domid);
		rc = vane_destroy(v, *domid);
	}
	if (!rc)
		rc = vane_create(v, c, NULL, domid);
	return rc ? rc : 1;
}

static int watch_over(const struct vane_config *c, uint32_t domid)
{
	struct vane *v = vane_open(NULL, NULL);
	int rc, reason;

	if (!v)
		return EXIT_FAILED;
	do {
		rc = vane_wait_shutdown(v, domid, -1, &reason);
		if (!rc && reason >= 0)
			rc = act(v, c, &domid, reason);
	} while (rc > 0);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static void detach(const struct vane_config *c)
{
	char path[128];
	int log, null;

	/* What its parent had open - a connection, a script's files - is not
	 * to live as long as the domain. */
	close_range(3, ~0u, 0);
	null = open("/dev/null", O_RDWR | O_CLOEXEC);

	snprintf(path, sizeof(path), LOG_DIR "/vane-%.64s.log", c->name);
	(void)mkdir(LOG_DIR, 0755);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
	setsid();
	dup2(null, STDIN_FILENO);
	dup2(log >= 0 ? log : null, STDOUT_FILENO);
	dup2(log >= 0 ? log : null, STDERR_FILENO);
	(void)chdir("/");
}

void monitor_start(const struct vane_config *config, uint32_t domid)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0)
		fprintf(stderr, "vane: warning: domain %u has nobody to watch "
			"over it: %s\n", domid, strerror(errno));
	if (pid)
		return;
	detach(config);
	_exit(watch_over(config, domid));
}
