/*
 * vane: the command line. Finds the command in the table and runs it.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/cfg.h"

const struct command *const commands[] = {
	&cmd_create, &cmd_config_update, &cmd_list, &cmd_console,
	&cmd_shutdown, &cmd_reboot, &cmd_destroy, &cmd_pause, &cmd_unpause,
	&cmd_rename, &cmd_domid,
	&cmd_domname, &cmd_uptime, &cmd_vm_list, &cmd_claims,
	&cmd_block_attach, &cmd_block_detach, &cmd_block_list,
	&cmd_block_resize,
	&cmd_network_attach, &cmd_network_detach, &cmd_network_list,
	&cmd_vcpu_list, &cmd_vcpu_pin, &cmd_vcpu_set, &cmd_mem_set,
	&cmd_mem_max, &cmd_sched_credit, &cmd_sched_credit2, &cmd_sched_bvt,
	&cmd_sched_trace,
	&cmd_cpupool_create, &cmd_cpupool_list, &cmd_cpupool_destroy,
	&cmd_cpupool_rename, &cmd_cpupool_cpu_add, &cmd_cpupool_cpu_remove,
	&cmd_cpupool_migrate, &cmd_sysrq, &cmd_trigger, &cmd_dump_core,
	&cmd_info, &cmd_top,
	&cmd_dmesg, &cmd_debug_keys, &cmd_store, &cmd_check, &cmd_config,
	&cmd_import, &cmd_image, &cmd_init,
	&cmd_help, NULL,
};

const char *program = "vane";
bool verbose, dry_run, json_asked;

static struct vane *connection;

/* With --json a program reads what goes wrong, too: an object a line. */
static void tell(void *arg, enum vane_level level, const char *text)
{
	static const char *const prefix[] = { "error: ", "warning: ", "" };

	(void)arg;
	if (level == VANE_NOTE && !verbose)
		return;
	if (json_asked && level == VANE_ERROR)
		json_tell(connection ? vane_error(connection) : errno, text);
	else
		fprintf(stderr, "vane: %s%s\n", prefix[level], text);
}

struct vane *connect_or_exit(void)
{
	connection = vane_open(tell, NULL);
	if (!connection)
		exit(EXIT_FAILED);
	return connection;
}

static bool complained;

int complain(int code, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (json_asked)
		json_tell(code, text);
	else
		fprintf(stderr, "vane: error: %s\n", text);
	complained = true;
	return EXIT_FAILED;
}

/* A program that reads JSON gets one object, with whatever is known best. */
int usage(const struct command *c)
{
	if (json_asked) {
		if (!complained)
			complain(EINVAL, "usage: %s %s %s", program, c->name,
				 c->arguments);
		return EXIT_USAGE;
	}
	fprintf(stderr, "usage: %s %s %s\n", program, c->name, c->arguments);
	if (c->options)
		fprintf(stderr, "%s", c->options);
	return EXIT_USAGE;
}

/* The long option with the value @val of getopt's; NULL: none. */
static const struct option *long_option(const struct option *longs, int val)
{
	for (; longs->name; longs++)
		if (longs->val == val)
			return longs;
	return NULL;
}

int next_option(int argc, char **argv, const char *letters,
		const struct option *longs)
{
	const struct option *known;
	const char *letter;
	int opt;

	opterr = 0;
	opt = getopt_long(argc, argv, letters, longs, NULL);
	if (opt != '?')
		return opt;
	letter = optopt ? strchr(letters, optopt) : NULL;
	known = long_option(longs, optopt);
	if (letter && letter[1] == ':')
		complain(EINVAL, "%s: option -%c: a value must follow",
			 argv[0], optopt);
	else if (known)
		complain(EINVAL, "%s: option --%s: a value %s", argv[0],
			 known->name, known->has_arg ? "must follow" :
			 "is found, and none allowed");
	else if (optopt)
		complain(EINVAL, "%s: there is no option -%c", argv[0],
			 optopt);
	else
		complain(EINVAL, "%s: there is no option %s", argv[0],
			 argv[optind - 1]);
	return opt;
}

void print_help(const struct command *c)
{
	printf("%s %s %s\n    %s\n%s", program, c->name, c->arguments, c->summary,
	       c->options ? c->options : "");
}

int read_number(const char *what, const char *text, unsigned int min,
		unsigned int max, unsigned int *number)
{
	unsigned long n;
	char *end;

	errno = 0;
	n = strtoul(text, &end, 0);
	if (text[0] < '0' || text[0] > '9' || *end || errno || n < min ||
	    n > max) {
		complain(EINVAL, "%s: found \"%s\"; allowed: a number from "
			 "%u to %u", what, text, min, max);
		return -EINVAL;
	}
	*number = n;
	return 0;
}

const struct command *find_command(const char *name)
{
	const char *names[256], *near;
	unsigned int count = 0;

	for (; commands[count] && count < 256; count++) {
		names[count] = commands[count]->name;
		if (!strcmp(names[count], name))
			return commands[count];
	}
	near = nearest_name(name, names, count);
	complain(EINVAL, "there is no command \"%s\"%s%s%s; `%s help` lists "
		 "them", name, near ? ", did you mean \"" : "",
		 near ? near : "", near ? "\"" : "", program);
	return NULL;
}

/* Options of xl that stand before the command; how many, or -EINVAL. */
static int take_options(int argc, char **argv)
{
	int i = 1;

	for (; i < argc && argv[i][0] == '-'; i++) {
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			exit(cmd_help.run(1, argv));
		if (strspn(argv[i] + 1, "vftTN") != strlen(argv[i] + 1)) {
			complain(EINVAL, "there is no option %s; allowed "
				 "before a command: -v, -N, --json, --help",
				 argv[i]);
			return -EINVAL;
		}
		verbose |= strchr(argv[i], 'v') != NULL;
		dry_run |= strchr(argv[i], 'N') != NULL;
	}
	return i;
}

/* --json may stand anywhere: how errors are told does not wait for its turn. */
static int take_json(int argc, char **argv)
{
	int kept = 0;

	for (int i = 0; i < argc; i++)
		if (i && !strcmp(argv[i], "--json"))
			json_asked = true;
		else
			argv[kept++] = argv[i];
	argv[kept] = NULL;
	return kept;
}

int main(int argc, char **argv)
{
	const struct command *c;
	int i;

	/* A link named xl says so of itself. */
	if (argc)
		program = basename(argv[0]);
	argc = take_json(argc, argv);
	i = take_options(argc, argv);
	if (i < 0)
		return EXIT_FAILED;
	if (i == argc) {
		(void)cmd_help.run(1, argv);
		return EXIT_FAILED;
	}
	c = find_command(argv[i]);
	if (!c)
		return EXIT_FAILED;
	if (argc - i > 1 && !strcmp(argv[i + 1], "--help")) {
		print_help(c);
		return EXIT_OK;
	}
	/* Whoever asks for a dry run does not want anything done. */
	if (dry_run && c != &cmd_create)
		return complain(EINVAL, "%s: option -N: create alone has it",
				c->name);
	i = c->run(argc - i, argv + i);
	if (fflush(stdout) || ferror(stdout)) {
		complain(errno, "standard output: %s", strerror(errno));
		return i ? i : EXIT_FAILED;
	}
	return i;
}
