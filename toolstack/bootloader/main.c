/*
 * vane-bootloader: takes kernel and ramdisk out of a guest's own disk, as its
 * GRUB would choose them. Its command line and output are pygrub's, so that
 * Debian's xl can use it, too.
 *
 * Two processes: this one opens the disk and makes the files; the other one,
 * which reads what the guest wrote, has nothing but their descriptors
 * (sandbox.h). What comes back from it is text of bounded length.
 */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/bootloader/pick.h"
#include "toolstack/bootloader/sandbox.h"

#define DEFAULT_DIR "/run/vane"
#define SECONDS 60 /* of a processor, to look at a disk */

enum format { SXP, SIMPLE, SIMPLE0 };

struct options {
	struct pick_request want;
	const char *disk, *output, *directory;
	enum format format;
	bool list;			/* only say what would be booted */
	bool names;			/* say what the files are on the disk */
};

static char kernel_file[4096], ramdisk_file[4096];

/* --- the process that looks ---------------------------------------------- */

static _Noreturn void look(const struct options *o, int disk_fd, int pipe_fd,
			   uint64_t size)
{
	struct disk d = { .fd = disk_fd, .size = size };
	struct pick found;
	int rc = sandbox_enter(SECONDS);

	memset(&found, 0, sizeof(found));
	if (rc)
		snprintf(found.text, sizeof(found.text), "no sandbox: %s",
			 strerror(-rc));
	else
		rc = pick(&d, &o->want, &found);
	if (write(pipe_fd, &found, sizeof(found)) != sizeof(found))
		_exit(2);
	_exit(rc ? 1 : 0);
}

/* A text that ends and holds no control characters. */
static void make_plain(char *text, size_t size, char instead)
{
	text[size - 1] = '\0';
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			*text = instead;
}

static int take_result(int fd, struct pick *found)
{
	size_t got = 0;

	while (got < sizeof(*found)) {
		ssize_t n = read(fd, (char *)found + got,
				 sizeof(*found) - got);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -EPIPE;
		got += (size_t)n;
	}
	/* It is a stranger's by now. */
	make_plain(found->text, sizeof(found->text), '?');
	make_plain(found->args, sizeof(found->args), ' ');
	make_plain(found->kernel_path, sizeof(found->kernel_path), '?');
	make_plain(found->ramdisk_path, sizeof(found->ramdisk_path), '?');
	return 0;
}

/* Only the descriptors that it needs, under numbers that say nothing. */
static void keep(const int *fds, unsigned int count)
{
	for (int fd = 3; fd < 64; fd++) {
		bool wanted = false;

		for (unsigned int i = 0; i < count; i++)
			wanted |= fds[i] == fd;
		if (!wanted)
			close(fd);
	}
	close_range(64, ~0u, 0);
}

static int run_looker(const struct options *o, int disk, uint64_t size,
		      struct pick *found)
{
	int ends[2], status, rc;
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	pid = fork();
	if (!pid) {
		const int fds[] = {
			disk, ends[1], o->want.kernel_fd, o->want.ramdisk_fd,
		};

		keep(fds, 4);
		close(STDIN_FILENO);
		close(STDOUT_FILENO);
		look(o, disk, ends[1], size);
	}
	close(ends[1]);
	rc = pid < 0 ? -EAGAIN : take_result(ends[0], found);
	close(ends[0]);
	if (pid < 0)
		return rc;
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (WIFSIGNALED(status)) {
		fprintf(stderr, "vane-bootloader: %s: the process that reads "
			"it was ended by signal %d\n", o->disk,
			WTERMSIG(status));
		return -EIO;
	}
	if (rc || WEXITSTATUS(status))
		fprintf(stderr, "vane-bootloader: %s: %s\n", o->disk,
			rc ? strerror(-rc) : found->text);
	return rc || WEXITSTATUS(status) ? -EIO : 0;
}

/* --- files --------------------------------------------------------------- */

static int make_file(char *path, size_t size, const char *dir,
		     const char *what)
{
	int fd;

	snprintf(path, size, "%s/boot_%s.XXXXXX", dir, what);
	fd = mkostemp(path, O_CLOEXEC);
	if (fd < 0) {
		fprintf(stderr, "vane-bootloader: %s: %s\n", path,
			strerror(errno));
		path[0] = '\0';
	}
	return fd;
}

static int open_disk(const char *path, uint64_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;
	uint64_t bytes = 0;

	if (fd < 0 || fstat(fd, &st) ||
	    (S_ISBLK(st.st_mode) && ioctl(fd, BLKGETSIZE64, &bytes))) {
		fprintf(stderr, "vane-bootloader: %s: %s\n", path,
			strerror(errno));
		return -1;
	}
	*size = S_ISBLK(st.st_mode) ? bytes : (uint64_t)st.st_size;
	return fd;
}

static void drop_files(void)
{
	if (kernel_file[0])
		unlink(kernel_file);
	if (ramdisk_file[0])
		unlink(ramdisk_file);
}

/* --- the answer ---------------------------------------------------------- */

static void print_sxp(FILE *f, const struct pick *p)
{
	fprintf(f, "linux (kernel %s)", kernel_file);
	if (p->ramdisk)
		fprintf(f, "(ramdisk %s)", ramdisk_file);
	fprintf(f, "(args \"");
	for (const char *c = p->args; *c; c++)
		fprintf(f, *c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
	fprintf(f, "\")\n");
}

static void print_simple(FILE *f, const struct options *o,
			 const struct pick *p, char end)
{
	fprintf(f, "kernel %s%c", kernel_file, end);
	if (p->ramdisk)
		fprintf(f, "ramdisk %s%c", ramdisk_file, end);
	if (p->args[0])
		fprintf(f, "args %s%c", p->args, end);
	if (o->names)
		fprintf(f, "kernel-name %s:%s%c", o->disk, p->kernel_path,
			end);
	if (o->names && p->ramdisk)
		fprintf(f, "ramdisk-name %s:%s%c", o->disk, p->ramdisk_path,
			end);
	fputc(end, f);
}

static int answer(const struct options *o, const struct pick *p)
{
	FILE *f = o->output ? fopen(o->output, "w") : stdout;

	if (!f) {
		fprintf(stderr, "vane-bootloader: %s: %s\n", o->output,
			strerror(errno));
		return -errno;
	}
	if (o->list)
		fprintf(f, "title   %s\nkernel  %s\nramdisk %s\nargs    %s\n",
			p->text, p->kernel_path, p->ramdisk_path, p->args);
	else if (o->format == SXP)
		print_sxp(f, p);
	else
		print_simple(f, o, p, o->format == SIMPLE ? '\n' : '\0');
	if (fflush(f) || (f != stdout && fclose(f)))
		return -EIO;
	return 0;
}

/* --- options ------------------------------------------------------------- */

static int help(int status)
{
	fprintf(status ? stderr : stdout,
		"usage: vane-bootloader [OPTION...] DISK\n"
		"Takes kernel and ramdisk out of a disk, as its GRUB would.\n"
		"    --output FILE            where the answer goes\n"
		"    --output-format FORMAT   sxp, simple or simple0\n"
		"    --output-directory DIR   where the files go\n"
		"    --entry ENTRY            number, title or id of the menu's\n"
		"    --args ARGS              for the kernel, behind the menu's\n"
		"    --kernel, --ramdisk PATH files of the disk instead of a menu\n"
		"    --list                   only say what would be booted\n"
		"    --names                  simple: as what the disk knows them\n"
		"    -q, --quiet, --isconfig, --debug: as pygrub takes them\n");
	return status;
}

static int take_option(struct options *o, int opt)
{
	static const char *const formats[] = { "sxp", "simple", "simple0" };

	switch (opt) {
	case 'o':
		o->output = optarg;
		return 0;
	case 'd':
		o->directory = optarg;
		return 0;
	case 'e':
		o->want.entry = optarg;
		return 0;
	case 'a':
		o->want.args = *optarg ? optarg : NULL;
		return 0;
	case 'k':
		o->want.kernel = optarg;
		return 0;
	case 'r':
		o->want.ramdisk = optarg;
		return 0;
	case 'l':
		o->list = true;
		return 0;
	case 'N':
		o->names = true;
		return 0;
	case 'q':
		return 0;
	case 'f':
		for (unsigned int i = 0; i < 3; i++)
			if (!strcmp(optarg, formats[i])) {
				o->format = i;
				return 0;
			}
	}
	return -EINVAL;
}

static int parse(int argc, char **argv, struct options *o)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "output-format", required_argument, NULL, 'f' },
		{ "output-directory", required_argument, NULL, 'd' },
		{ "entry", required_argument, NULL, 'e' },
		{ "args", required_argument, NULL, 'a' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "ramdisk", required_argument, NULL, 'r' },
		{ "list", no_argument, NULL, 'l' },
		{ "names", no_argument, NULL, 'N' },
		{ "list-entries", no_argument, NULL, 'l' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "isconfig", no_argument, NULL, 'q' },
		{ "debug", no_argument, NULL, 'q' },
		{ "not-really", no_argument, NULL, 'l' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int opt;

	while ((opt = getopt_long(argc, argv, "qilnh", longs, NULL)) >= 0) {
		if (opt == 'h')
			exit(help(0));
		if (take_option(o, opt == 'n' ? 'l' : opt == 'i' ? 'q' : opt))
			return -EINVAL;
	}
	if (argc - optind != 1)
		return -EINVAL;
	o->disk = argv[optind];
	return 0;
}

int main(int argc, char **argv)
{
	struct options o = { .directory = DEFAULT_DIR };
	struct pick found;
	uint64_t size;
	int disk;

	if (parse(argc, argv, &o))
		return help(2);
	disk = open_disk(o.disk, &size);
	if (disk < 0)
		return 1;
	if (o.list) {
		o.want.kernel_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
		o.want.ramdisk_fd = dup(o.want.kernel_fd);
	} else {
		o.want.kernel_fd = make_file(kernel_file, sizeof(kernel_file),
					     o.directory, "kernel");
		o.want.ramdisk_fd = make_file(ramdisk_file,
					      sizeof(ramdisk_file),
					      o.directory, "ramdisk");
	}
	if (o.want.kernel_fd < 0 || o.want.ramdisk_fd < 0 ||
	    run_looker(&o, disk, size, &found)) {
		drop_files();
		return 1;
	}
	if (!o.list && !found.ramdisk)
		unlink(ramdisk_file);
	if (answer(&o, &found)) {
		drop_files();
		return 1;
	}
	return 0;
}
