/*
 * What the commands of the command line share. One command, one file, one
 * row in the table of main.c: options, usage text and handler stand together.
 */
#ifndef TOOLSTACK_VANE_VANE_H
#define TOOLSTACK_VANE_VANE_H

#include <getopt.h>
#include <stdbool.h>

#include "toolstack/libvane.h"
#include "toolstack/vane/json.h"

/* Exit statuses, as xl has them. */
enum {
	EXIT_OK = 0,
	EXIT_FAILED = 1,
	EXIT_USAGE = 2,
	EXIT_CREATE = 3,		/* a domain could not be created */
};

/* Where cores go. */
#define CORE_DIR "/var/lib/xen/dump"

struct command {
	const char *name;
	const char *arguments;		/* for the usage line */
	const char *summary;		/* one line */
	const char *options;		/* one line each, or NULL */
	/* argv[0] is the command's name. Returns an exit status. */
	int (*run)(int argc, char **argv);
};

extern const struct command cmd_block_attach, cmd_block_detach,
	cmd_block_list, cmd_check, cmd_claims, cmd_config, cmd_config_update, cmd_console, cmd_cpupool_cpu_add,
	cmd_cpupool_cpu_remove, cmd_cpupool_create, cmd_cpupool_destroy,
	cmd_cpupool_list, cmd_cpupool_migrate, cmd_cpupool_rename, cmd_create,
	cmd_debug_keys, cmd_destroy, cmd_dmesg, cmd_domid, cmd_domname, cmd_help,
	cmd_info, cmd_init, cmd_list, cmd_mem_max, cmd_mem_set, cmd_network_attach,
	cmd_network_detach, cmd_network_list, cmd_pause, cmd_reboot, cmd_rename,
	cmd_sched_bvt, cmd_sched_credit, cmd_sched_credit2,
	cmd_sched_trace, cmd_shutdown, cmd_store, cmd_sysrq,
	cmd_top, cmd_trigger, cmd_unpause, cmd_uptime, cmd_vcpu_list, cmd_vcpu_pin,
	cmd_vcpu_set, cmd_vm_list, cmd_block_resize, cmd_import, cmd_image,
	cmd_dump_core;

/* All of them, ended by NULL. */
extern const struct command *const commands[];

/* --- main.c -------------------------------------------------------------- */

extern const char *program;		/* vane, or xl */
extern bool verbose, dry_run;
extern bool json_asked;			/* --json was among the arguments */

/* A connection; ends the program when there is none. */
struct vane *connect_or_exit(void);

/*
 * Tells an error of the command line itself, by errno; with --json as an
 * object. Returns EXIT_FAILED.
 */
int complain(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/* getopt_long() with messages of our own. */
int next_option(int argc, char **argv, const char *letters,
		const struct option *longs);

/* The command of that name; NULL after a message, with the nearest one. */
const struct command *find_command(const char *name);

/*
 * Prints how @c is used to standard error, with --json only if nothing was
 * told yet; returns EXIT_USAGE.
 */
int usage(const struct command *c);

/* Prints the whole help of @c to standard output. */
void print_help(const struct command *c);

/* A number of the command line; tells what it found and what is allowed. */
int read_number(const char *what, const char *text, unsigned int min,
		unsigned int max, unsigned int *number);

/* Runs @act on each domain that the arguments name. */
int each_domain(const struct command *c, int argc, char **argv,
		int (*act)(struct vane *v, uint32_t domid));

/* --- cmd_create.c -------------------------------------------------------- */

/*
 * Reads a configuration of @file (NULL: none) and the lines @extra, ended by
 * NULL; prints what was found in it. Returns 0 or -errno.
 */
int read_config(const char *file, char **extra, bool quiet,
		struct vane_config *config);

/* --- print.c ------------------------------------------------------------- */

/* Reads a file whole, a NUL behind it, for free(); NULL and errno after a
 * message. */
char *read_file(const char *path, size_t *len);

/* Prints findings as "file:line:column: error: key: text". */
void print_report(const struct vane_report *report);

/* --- console.c, replay.c, monitor.c ------------------------------------------------ */

/* Connects the terminal to @tty until ^] or its end. Returns 0 or -errno. */
int console_attach(const char *tty);

/* Prints the last output of a domain, gone or not. Returns an exit status. */
int console_replay(const char *domain);

/*
 * Watches over a domain and does what its configuration says when it ends:
 * in this process, until there is nothing to watch; or in one of its own,
 * and this one goes on. Returns an exit status; 0 or -errno.
 */
int monitor_run(struct vane_config *config, uint32_t domid);
int monitor_start(struct vane_config *config, uint32_t domid);

#endif
