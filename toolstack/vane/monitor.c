/*
 * Watching over a domain: a process of its own, left behind by `create`, that
 * waits for the end of its domain and then does what the configuration says:
 * destroy it, start it anew, write its core, or leave it.
 *
 * It belongs to no terminal and no parent, holds a connection to the store
 * and the configuration, and sleeps. It outlives the store daemon: when its
 * connection breaks it makes another one. It ends with its domain.
 *
 * A domain that lives for less than QUICK_S several times in a row is not
 * started again: whatever is wrong with it, starting it does not mend it.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define LOG_DIR		"/var/log/xen"
#define HALT_FILE	"/run/vane/halt"	/* made by /etc/vane/domains */

#define QUICK_S		10
#define QUICK_MAX	5

struct watched {
	struct vane *v;			/* NULL: to be connected */
	struct vane_config *config;
	uint32_t domid;
	time_t born;
	unsigned int quick;		/* short lives in a row */
};

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

static void note(const struct watched *w, const char *text)
{
	char stamp[32];
	time_t now = time(NULL);

	strftime(stamp, sizeof(stamp), "%F %T", localtime(&now));
	fprintf(stderr, "%s domain %u: %s\n", stamp, w->domid, text);
}

/* --- waiting ------------------------------------------------------------- */

static void mute(void *arg, enum vane_level level, const char *text)
{
	(void)arg, (void)level, (void)text;
}

/* Until the daemon is back; it is quiet meanwhile, for that may be long. */
static void connect_again(struct watched *w)
{
	struct store *s;

	do {
		vane_close(w->v);
		sleep(1);
		w->v = vane_open(mute, NULL);
	} while (!w->v || vane_store(w->v, &s));
	vane_close(w->v);
	w->v = vane_open(NULL, NULL);
}

/* The reason of the domain's shutdown; -1: it is gone. */
static int wait_end(struct watched *w)
{
	int reason;

	while (!w->v || vane_wait_shutdown(w->v, w->domid, -1, &reason)) {
		note(w, "the store is not to be reached; waiting for it");
		connect_again(w);
	}
	return reason;
}

/* --- acting -------------------------------------------------------------- */

static int set_aside(struct watched *w)
{
	char name[128];

	snprintf(name, sizeof(name), "%.100s-%u", w->config->name, w->domid);
	return vane_set_aside(w->v, w->domid, name);
}

/* A device that did not let go is told and no reason to stop. */
static int remove_it(struct watched *w)
{
	struct vane_domain *d;
	int rc = vane_destroy(w->v, w->domid);

	if (!rc || vane_domain_get(w->v, w->domid, &d))
		return 0;
	vane_domains_free(d, 1);
	return rc;
}

/* It is no reason to stop, either, that no core could be written. */
static void write_core(struct watched *w)
{
	char path[160];

	(void)mkdir(CORE_DIR, 0700);
	snprintf(path, sizeof(path), CORE_DIR "/%.100s", w->config->name);
	note(w, "writing its core");
	(void)vane_dump_core(w->v, w->domid, path);
}

/* The host is about to halt: what shuts down now is not to come back. */
static bool host_halts(void)
{
	return !access(HALT_FILE, F_OK);
}

static bool may_restart(struct watched *w)
{
	w->quick = time(NULL) - w->born < QUICK_S ? w->quick + 1 : 0;
	return w->quick < QUICK_MAX;
}

static int restart(struct watched *w, bool aside)
{
	int rc;

	if (host_halts()) {
		note(w, "the host halts: it is not started again");
		return remove_it(w);
	}
	if (!may_restart(w)) {
		note(w, "has ended within seconds too often: it is not "
		     "started again");
		return remove_it(w);
	}
	note(w, aside ? "stays; starting another one" : "starting it anew");
	/* A configuration that cannot be read leaves the old one. */
	(void)vane_config_take_saved(w->v, w->domid, w->config);
	rc = aside ? set_aside(w) : remove_it(w);
	if (!rc)
		rc = vane_create(w->v, w->config, NULL, &w->domid);
	w->born = time(NULL);
	if (!rc)
		note(w, "runs");
	return rc ? rc : 1;
}

/* One shutdown: 1 to go on with the new domain, 0 to end, or -errno. */
static int act(struct watched *w, int reason)
{
	static const char *const what[] = {
		"has powered off", "reboots", "is suspended", "has crashed",
		"was ended by its watchdog",
	};
	enum vane_action action = action_for(w->config, reason);

	note(w, reason >= 0 && reason < 5 ? what[reason] : "has ended");
	if (action == VANE_ACT_COREDUMP_DESTROY ||
	    action == VANE_ACT_COREDUMP_RESTART)
		write_core(w);
	switch (action) {
	case VANE_ACT_PRESERVE:
		note(w, "it stays");
		return 0;
	case VANE_ACT_DESTROY:
	case VANE_ACT_COREDUMP_DESTROY:
		note(w, "destroying it");
		return remove_it(w);
	case VANE_ACT_RENAME_RESTART:
		return restart(w, true);
	default:
		return restart(w, false);
	}
}

int monitor_run(struct vane_config *config, uint32_t domid)
{
	struct watched w = {
		.v = vane_open(NULL, NULL), .config = config, .domid = domid,
		.born = time(NULL),
	};
	int rc, reason;

	do {
		reason = wait_end(&w);
		rc = reason < 0 ? 0 : act(&w, reason);
	} while (rc > 0);
	vane_close(w.v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

/* --- the process --------------------------------------------------------- */

static void detach(const struct vane_config *c)
{
	char path[128];
	sigset_t none;
	int log, null;

	sigemptyset(&none);	/* the creator held some back */
	sigprocmask(SIG_SETMASK, &none, NULL);
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

int monitor_start(struct vane_config *config, uint32_t domid)
{
	pid_t pid;

	fflush(stdout);
	pid = fork();
	if (pid < 0) {
		complain(errno, "domain %u: no process to watch over it: %s",
			 domid, strerror(errno));
		return -EAGAIN;
	}
	if (pid)
		return 0;
	detach(config);
	_exit(monitor_run(config, domid));
}
