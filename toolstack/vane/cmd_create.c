/*
 * vane create: from a configuration file to a running domain.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define TTY_WAIT_MS	10000

struct options {
	bool paused, console, quiet, dry, alone;
	const char *file;
	char **extra;			/* key=value, ended by NULL */
};

/* Reads a file; prints what was found in it. */
static int read_config(const char *file, char **extra, bool quiet,
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
		if (!quiet)
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

/* Domain first, then its console, then it runs: no line is lost. */
static int attach(struct vane *v, uint32_t domid, bool paused)
{
	char *tty;
	int rc = vane_console_tty(v, domid, TTY_WAIT_MS, &tty);

	if (!paused)
		rc = vane_unpause(v, domid) ? -EIO : rc;
	vane_close(v);
	if (rc)
		return EXIT_FAILED;
	rc = console_attach(tty);
	free(tty);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static bool wants_monitor(const struct vane_config *c)
{
	return c->on_poweroff != VANE_ACT_PRESERVE ||
		c->on_reboot != VANE_ACT_PRESERVE ||
		c->on_crash != VANE_ACT_PRESERVE ||
		c->on_watchdog != VANE_ACT_PRESERVE;
}

static int create(const struct options *o, const struct vane_config *config)
{
	struct vane_create_options how = {
		.paused = o->paused || o->console,
	};
	struct vane *v = connect_or_exit();
	uint32_t domid;

	if (vane_create(v, config, &how, &domid)) {
		vane_close(v);
		return EXIT_CREATE;
	}
	if (!o->alone && wants_monitor(config))
		monitor_start(config, domid);
	if (o->console)
		return attach(v, domid, o->paused);
	/* The end of the process takes the connection down, and faster. */
	return EXIT_OK;
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
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "pcqneFf:", longs, NULL)) >= 0)
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
		case 'f':
			o->file = optarg;
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
	if (!o.dry)
		status = create(&o, &config);
	else
		status = print_config(&config);
	vane_config_free(&config);
	return status;
}

const struct command cmd_create = {
	.name = "create", .arguments = "[-pcqne] FILE [KEY=VALUE...]",
	.summary = "Create a domain from a configuration file.",
	.options = "    -p            leave it paused\n"
		"    -c            stay on its console\n"
		"    -q, --quiet   say nothing but errors\n"
		"    -n, --dryrun  only check the configuration, and print it as\n"
		"                  the JSON of xl\n"
		"    -e            do not watch over it: when it shuts down,\n"
		"                  it stays\n"
		"    KEY=VALUE     a line that comes after the file, such as\n"
		"                  'memory=256' or 'name=\"web\"'\n",
	.run = run,
};
