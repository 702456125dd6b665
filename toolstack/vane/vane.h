/*
 * What the commands of the command line share. One command, one file
 * (cmd_NAME.c), one row in the table of main.c: options, usage text and handler
 * stand together.
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

extern const struct command cmd_block_attach, cmd_block_detach, cmd_block_list,
	cmd_block_resize, cmd_check, cmd_claims, cmd_config,
	cmd_config_update, cmd_console, cmd_cpupool_cpu_add,
	cmd_cpupool_cpu_remove, cmd_cpupool_create, cmd_cpupool_destroy,
	cmd_cpupool_list, cmd_cpupool_migrate, cmd_cpupool_rename,
	cmd_create, cmd_debug_keys, cmd_destroy, cmd_dmesg, cmd_domid,
	cmd_domname, cmd_dump_core, cmd_help, cmd_image, cmd_import,
	cmd_info, cmd_init, cmd_list, cmd_mem_max, cmd_mem_set,
	cmd_network_attach, cmd_network_detach, cmd_network_list,
	cmd_pause, cmd_reboot, cmd_rename, cmd_sched_bvt, cmd_sched_credit,
	cmd_sched_credit2, cmd_sched_trace, cmd_shutdown, cmd_store,
	cmd_sysrq, cmd_top, cmd_trigger, cmd_unpause, cmd_uptime,
	cmd_vcpu_list, cmd_vcpu_pin, cmd_vcpu_set, cmd_vm_list;

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

/* --- each.c -------------------------------------------------------------- */

/* Runs @act on each domain that the arguments name. */
int each_domain(const struct command *c, int argc, char **argv,
		int (*act)(struct vane *v, uint32_t domid));

/*
 * Runs @row for all domains or for those that the arguments name. With @g a
 * domain that is not there is an object in the list, with its error. Returns
 * an exit status.
 */
int each_row(struct vane *v, int argc, char **argv, yajl_gen g,
	     int (*row)(struct vane *v, const struct vane_domain *d,
			yajl_gen g));

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

/* --- cmd_console.c, replay.c, monitor.c ---------------------------------- */

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

/*
 * --- What two or three commands have in common ---
 *
 * Each returns an exit status; @c is the command that runs, for its usage.
 */

/* ask.c: shutdown and reboot. */
int ask_to_end(const struct command *c, int argc, char **argv, bool reboot);

#define ASK_OPTIONS \
	"    -a, --all    all domains but Domain-0\n" \
	"    -w, --wait   wait until they have shut down; twice: until they\n" \
	"                 are gone\n" \
	"    -F           of HVM domains alone: changes nothing here\n"

/* helper.c: a program of its own goes on in our place, if that is possible. */
#define HELPER_DIR "/usr/lib/vane/"
int become_helper(const char *path, int argc, char **argv);

/* identity.c: the number of the domain that is named, or its name. */
int print_identity(const struct command *c, int argc, char **argv,
		   bool name_asked);

/* memory.c: DOMAIN and SIZE, given to @set in KiB. */
int memory_change(const struct command *c, int argc, char **argv,
		  int (*set)(struct vane *v, uint32_t domid, uint64_t kib));

#define MEMORY_OPTIONS "    SIZE  MiB, or a number with b, k, m, g or t\n"

/* pool_cpus.c: all of the CPUs, whatever becomes of one of them. */
int pool_cpus(const struct command *c, int argc, char **argv, bool add);

/* sched.c: @letters are the options that the scheduler has. */
int sched_run(const struct command *c, int argc, char **argv,
	      const char *letters);

#define SCHED_OPTIONS \
	"    -d, --domain DOMAIN  this one; with -w or -c: change it\n" \
	"    -w, --weight N       1 to 65535; 256 is usual\n" \
	"    -c, --cap N          percent of a CPU at most; 0: no limit\n" \
	"    -p, --cpupool POOL   only domains of this pool\n" \
	"    -s, --schedparam     the pool's own parameters; with -r: change " \
	"them\n" \
	"    -r, --ratelimit_us N\n"

/* Whether a map of CPUs has CPU @i. */
static inline bool cpu_in(const uint8_t *map, unsigned int i)
{
	return map[i / 8] >> i % 8 & 1;
}

#endif
