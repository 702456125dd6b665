/*
 * vane: the command line. Finds the command in the table and runs it.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/cfg.h"

const struct command *const commands[] = {
	&cmd_create, &cmd_config_update, &cmd_list, &cmd_console, &cmd_shutdown, &cmd_reboot,
	&cmd_destroy, &cmd_pause, &cmd_unpause, &cmd_rename, &cmd_domid,
	&cmd_domname, &cmd_uptime, &cmd_vm_list, &cmd_claims,
	&cmd_block_attach, &cmd_block_detach, &cmd_block_list,
	&cmd_block_resize,
	&cmd_network_attach, &cmd_network_detach, &cmd_network_list,
	&cmd_vcpu_list, &cmd_vcpu_pin, &cmd_vcpu_set, &cmd_mem_set,
	&cmd_mem_max, &cmd_sched_credit, &cmd_sched_credit2,
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

int usage(const struct command *c)
{
	fprintf(stderr, "usage: %s %s %s\n", program, c->name, c->arguments);
	if (c->options)
		fprintf(stderr, "%s", c->options);
	return EXIT_USAGE;
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
		fprintf(stderr, "vane: error: %s: found \"%s\"; allowed: a "
			"number from %u to %u\n", what, text, min, max);
		return -EINVAL;
	}
	*number = n;
	return 0;
}

int each_domain(const struct command *c, int argc, char **argv,
		int (*act)(struct vane *v, uint32_t domid))
{
	int status = EXIT_OK;
	struct vane *v;

	if (argc < 2 || argv[1][0] == '-')
		return usage(c);
	v = connect_or_exit();
	for (int i = 1; i < argc; i++) {
		uint32_t domid;

		if (vane_domain_find(v, argv[i], &domid) || act(v, domid))
			status = EXIT_FAILED;
	}
	vane_close(v);
	return status;
}

/* The command of that name; NULL after a message, with the nearest one. */
static const struct command *find_command(const char *name)
{
	const char *names[256], *near;
	unsigned int count = 0;

	for (; commands[count] && count < 256; count++) {
		names[count] = commands[count]->name;
		if (!strcmp(names[count], name))
			return commands[count];
	}
	near = nearest_name(name, names, count);
	fprintf(stderr, "%s: there is no command \"%s\"%s%s%s; `%s help` "
		"lists them\n", program, name, near ? ", did you mean \"" : "",
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
			fprintf(stderr, "%s: unknown option %s\n", program,
				argv[i]);
			return -EINVAL;
		}
		verbose |= strchr(argv[i], 'v') != NULL;
		dry_run |= strchr(argv[i], 'N') != NULL;
	}
	return i;
}

int main(int argc, char **argv)
{
	const struct command *c;
	int i;

	/* A link named xl says so of itself. */
	if (argc)
		program = basename(argv[0]);
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
	if (dry_run && c != &cmd_create) {
		fprintf(stderr, "%s: error: -N is understood by create alone\n",
			program);
		return EXIT_FAILED;
	}
	i = c->run(argc - i, argv + i);
	if (fflush(stdout) || ferror(stdout)) {
		perror("vane: standard output");
		return i ? i : EXIT_FAILED;
	}
	return i;
}
