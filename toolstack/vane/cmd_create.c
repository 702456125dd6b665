/*
 * vane create: from a configuration file to a running domain.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define TTY_WAIT_MS	10000

struct options {
	bool paused, console, quiet, dry, alone, foreground;
	const char *file;
	char **extra;			/* key=value, ended by NULL */
};

int read_config(const char *file, char **extra, bool quiet,
		struct vane_config *config)
{
	struct vane_report report = { 0 };
	size_t len = 0;
	char *text = NULL;
	int rc;

	if (file) {
		text = read_file(file, &len);
		if (!text)
			return -ENOENT;
		if (!quiet && !json_asked)
			fprintf(stderr, "Parsing config from %s\n", file);
	}
	rc = vane_config_parse(config, file ? file : "command line",
			       text ? text : "", len,
			       (const char *const *)extra, &report);
	print_report(&report);
	vane_report_free(&report);
	free(text);
	return rc;
}

static bool wants_monitor(const struct vane_config *c)
{
	return c->on_poweroff != VANE_ACT_PRESERVE ||
		c->on_reboot != VANE_ACT_PRESERVE ||
		c->on_crash != VANE_ACT_PRESERVE ||
		c->on_watchdog != VANE_ACT_PRESERVE;
}

/* Signals that end us wait until what they would cut in two is whole. */
static void hold_signals(sigset_t *ends)
{
	sigemptyset(ends);
	sigaddset(ends, SIGINT);
	sigaddset(ends, SIGTERM);
	sigaddset(ends, SIGHUP);
	sigprocmask(SIG_BLOCK, ends, NULL);
}

static bool interrupted(void)
{
	sigset_t waiting;

	sigpending(&waiting);
	return sigismember(&waiting, SIGINT) ||
		sigismember(&waiting, SIGTERM) || sigismember(&waiting, SIGHUP);
}

/*
 * In a process of its own, which starts to copy before the domain runs: no
 * line is lost.
 */
static pid_t start_console(const char *tty, const sigset_t *held)
{
	pid_t pid;

	fflush(NULL);
	pid = fork();
	if (!pid) {
		int rc;

		sigprocmask(SIG_UNBLOCK, held, NULL);
		rc = console_attach(tty);
		_exit(rc ? complain(-rc, "its console %s: %s", tty,
				    strerror(-rc)) : EXIT_OK);
	}
	if (pid < 0)
		complain(errno, "no process for the console %s: %s", tty,
			 strerror(errno));
	return pid;
}

static int wait_console(pid_t pid)
{
	int status;

	while (waitpid(pid, &status, 0) < 0)
		if (errno != EINTR)
			return EXIT_FAILED;
	return WIFEXITED(status) ? WEXITSTATUS(status) : EXIT_FAILED;
}

/*
 * The domain is there, but does not run. Whoever watches over it and whoever
 * shows its console come first, so that neither misses anything.
 */
static int start(const struct options *o, struct vane *v,
		 struct vane_config *config, uint32_t domid, pid_t *console,
		 const sigset_t *held)
{
	char *tty;
	int rc = 0;

	if (o->console) {
		rc = vane_console_tty(v, domid, TTY_WAIT_MS, &tty);
		if (!rc) {
			*console = start_console(tty, held);
			rc = *console < 0 ? -EAGAIN : 0;
			free(tty);
		}
	}
	if (!rc && !o->alone && !o->foreground && wants_monitor(config))
		rc = monitor_start(config, domid);
	if (!rc && !o->paused)
		rc = vane_unpause(v, domid);
	return rc;
}

static int create(const struct options *o, struct vane_config *config)
{
	struct vane_create_options how = {
		.paused = true, .terminal = o->console,
	};
	struct vane *v = connect_or_exit();
	pid_t console = -1;
	uint32_t domid;
	sigset_t ends;
	int status = EXIT_OK;

	hold_signals(&ends);
	if (vane_create(v, config, &how, &domid))
		return EXIT_CREATE;
	if (!interrupted() &&
	    start(o, v, config, domid, &console, &ends))
		status = EXIT_CREATE;
	/* Also what came while it was being started. */
	if (interrupted()) {
		complain(EINTR, "%s: its creation is interrupted: undoing it",
			 config->name);
		status = EXIT_CREATE;
	}
	if (status)
		(void)vane_destroy(v, domid);
	sigprocmask(SIG_UNBLOCK, &ends, NULL);
	if (!status && o->foreground && !o->alone) {
		fprintf(stderr, "Waiting for domain %s (domid %u) to die "
			"[pid %d]\n", config->name, domid, (int)getpid());
		status = monitor_run(config, domid);
	}
	if (console > 0)
		status |= wait_console(console);
	/* The end of the process takes the connection down, and faster. */
	return status;
}

/* A dry run needs no hypervisor. */
static void mute(void *arg, enum vane_level level, const char *text)
{
	(void)arg, (void)level, (void)text;
}

/* As xl does for a dry run: what it has understood. */
static int print_config(const struct vane_config *config)
{
	struct vane *v = vane_open(mute, NULL);
	struct vane_host host = { .max_cpu_id = 1023 };

	if (v)
		(void)vane_host_info(v, &host);
	vane_close(v);
	return vane_config_json(config, host.max_cpu_id + 1, to_stdout, NULL) ?
		EXIT_FAILED : EXIT_OK;
}

static int parse_options(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "quiet", no_argument, NULL, 'q' },
		{ "dryrun", no_argument, NULL, 'n' },
		{ "defconfig", required_argument, NULL, 'f' },
		{ "ignore-global-affinity-masks", no_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = next_option(argc, argv, "pcqneFf:", longs)) >= 0)
		switch (opt) {
		case 'p':
			o->paused = true;
			break;
		case 'c':
			o->console = true;
			break;
		case 'q':
			o->quiet = true;
			break;
		case 'n':
			o->dry = true;
			break;
		case 'e':
			o->alone = true;
			break;
		case 'F':
			o->foreground = true;
			break;
		case 'f':
			o->file = optarg;
			break;
		case 'i': /* there are none */
			break;
		default:
			return -EINVAL;
		}
	if (!o->file && optind < argc && !strchr(argv[optind], '='))
		o->file = argv[optind++];
	o->extra = argv + optind;
	for (char **p = o->extra; *p; p++)
		if (!strchr(*p, '='))
			return -EINVAL;
	return o->file || *o->extra ? 0 : -EINVAL;
}

static int run(int argc, char **argv)
{
	struct options o = { 0 };
	struct vane_config config;
	int status = EXIT_OK;

	if (parse_options(argc, argv, &o))
		return usage(&cmd_create);
	if (read_config(o.file, o.extra, o.quiet, &config))
		return EXIT_FAILED;
	if (!o.dry && !dry_run)
		status = create(&o, &config);
	else
		status = print_config(&config);
	vane_config_free(&config);
	return status;
}

const struct command cmd_create = {
	.name = "create", .arguments = "[-pcqneF] FILE [KEY=VALUE...]",
	.summary = "Create a domain from a configuration file.",
	.options = "    -p            leave it paused\n"
		"    -c            stay on its console\n"
		"    -q, --quiet   say nothing but errors\n"
		"    -n, --dryrun  only check the configuration, and print it as\n"
		"                  the JSON of xl\n"
		"    -e            do not watch over it: when it shuts down,\n"
		"                  it stays\n"
		"    -F            watch over it from here, until it is gone\n"
		"    --ignore-global-affinity-masks\n"
		"                  for scripts of xl: there are no such masks\n"
		"    KEY=VALUE     a line that comes after the file, such as\n"
		"                  'memory=256' or 'name=\"web\"'\n",
	.run = run,
};
