/*
 * See format.h. qemu-nbd reads what a guest wrote, or whoever made the image,
 * so it is given nothing but the image: a file system that holds programs'
 * libraries, read-only; the folder of the image, read-only, for the files that
 * an image may be based on; the image; and two devices. No network, no
 * capability. It stays root by number, since the image is root's.
 */
#include "backend-drivers/block/format.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/securebits.h>
#include <sched.h>
#include <seccomp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/base/log.h"

#define WORD "--serve-format"
#define PROGRAM "/usr/bin/qemu-nbd"
#define ROOT "/run/vane/format"

/* Names here, and what qemu calls them. */
static const struct {
	const char *name, *driver;
} formats[] = {
	{ "qcow2", "qcow2" }, { "qcow", "qcow" }, { "qed", "qed" },
	{ "vmdk", "vmdk" }, { "vhd", "vpc" },
};

static const char *driver_of(const char *format)
{
	for (size_t i = 0; i < sizeof(formats) / sizeof(formats[0]); i++)
		if (!strcmp(format, formats[i].name))
			return formats[i].driver;
	return NULL;
}

bool format_known(const char *format)
{
	return driver_of(format);
}

void format_argv(char *argv[FORMAT_ARGV], const char *format, const char *path,
		 bool read_only)
{
	argv[0] = "/proc/self/exe";
	argv[1] = WORD;
	argv[2] = (char *)driver_of(format);
	argv[3] = (char *)path;
	argv[4] = read_only ? "r" : "w";
	argv[5] = NULL;
}

/* --- its file system ------------------------------------------------------- */

static int make_path(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s", path);
	for (char *at = strchr(copy + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		if (mkdir(copy, 0755) && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return 0;
}

/* Shows @path at the same place below ROOT. */
static int show(const char *path, bool read_only)
{
	unsigned long flags = MS_BIND | MS_REMOUNT | MS_NOSUID;
	char to[PATH_MAX];
	struct stat st;
	int fd, rc;

	if (stat(path, &st))
		return -errno;
	if (snprintf(to, sizeof(to), ROOT "%s", path) >= (int)sizeof(to))
		return -ENAMETOOLONG;
	rc = make_path(to);
	if (rc)
		return rc;
	if (S_ISDIR(st.st_mode)) {
		if (mkdir(to, 0755) && errno != EEXIST)
			return -errno;
	} else {
		fd = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
		if (fd < 0 && errno != EROFS && errno != EACCES)
			return -errno;
		if (fd >= 0)
			close(fd);
	}
	if (mount(path, to, NULL, MS_BIND, NULL) ||
	    mount(NULL, to, NULL, flags | (read_only ? MS_RDONLY : 0), NULL))
		return -errno;
	return 0;
}

static int make_root(const char *image, bool read_only)
{
	static const char *const shown[] = {
		"/usr", "/lib", "/lib64", "/etc/ld.so.cache", "/dev/null",
		"/dev/urandom",
	};
	char folder[PATH_MAX];
	int rc;

	if (make_path(ROOT "/") ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("none", ROOT, "tmpfs", MS_NOSUID, "mode=755"))
		return -errno;
	for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
		rc = show(shown[i], shown[i][1] != 'd');
		if (rc && rc != -ENOENT)	/* systems differ */
			return rc;
	}
	snprintf(folder, sizeof(folder), "%s", image);
	rc = show(dirname(folder), true);
	if (!rc)
		rc = show(image, read_only);
	if (!rc && (chroot(ROOT) || chdir("/")))
		rc = -errno;
	return rc;
}

/* --- its rights ------------------------------------------------------------ */

static int drop_rights(void)
{
	static const int never[] = {
		SCMP_SYS(mount), SCMP_SYS(umount2), SCMP_SYS(pivot_root),
		SCMP_SYS(chroot), SCMP_SYS(ptrace), SCMP_SYS(bpf),
		SCMP_SYS(process_vm_readv), SCMP_SYS(process_vm_writev),
		SCMP_SYS(perf_event_open), SCMP_SYS(keyctl),
		SCMP_SYS(add_key), SCMP_SYS(request_key), SCMP_SYS(setns),
		SCMP_SYS(unshare), SCMP_SYS(kill), SCMP_SYS(socket),
		SCMP_SYS(connect), SCMP_SYS(open_by_handle_at),
		SCMP_SYS(userfaultfd), SCMP_SYS(io_uring_setup),
	};
	scmp_filter_ctx ctx;
	int rc = 0;

	for (int cap = 0; !prctl(PR_CAPBSET_READ, cap, 0, 0, 0) ||
	     prctl(PR_CAPBSET_READ, cap, 0, 0, 0) == 1; cap++)
		if (prctl(PR_CAPBSET_DROP, cap, 0, 0, 0))
			return -errno;
	/* Root by number has no capability from the next program on. */
	if (prctl(PR_SET_SECUREBITS, SECBIT_NOROOT | SECBIT_NOROOT_LOCKED |
		  SECBIT_NO_SETUID_FIXUP, 0, 0, 0) ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0))
		return -errno;
	ctx = seccomp_init(SCMP_ACT_ALLOW);
	if (!ctx)
		return -ENOMEM;
	for (size_t i = 0; !rc && i < sizeof(never) / sizeof(never[0]); i++)
		rc = seccomp_rule_add(ctx, SCMP_ACT_ERRNO(EPERM), never[i], 0);
	if (!rc)
		rc = seccomp_load(ctx);
	seccomp_release(ctx);
	return rc;
}

/* Past the page cache, as raw images are, where the file system can do that. */
static const char *cache_mode(const char *path)
{
	int fd = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC);

	if (fd < 0)
		return "--cache=writeback";
	close(fd);
	return "--cache=none";
}

static void become_server(const char *driver, const char *path, bool read_only)
{
	const char *argv[] = {
		PROGRAM, "--format", driver, "--discard=unmap",
		"--detect-zeroes=off", cache_mode(path), "--aio=threads",
		"--shared=1", read_only ? "--read-only" : path,
		read_only ? path : NULL, NULL,
	};
	int rc;

	/* It ends with the worker, whatever it is doing. */
	if (prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) ||
	    unshare(CLONE_NEWNS | CLONE_NEWNET | CLONE_NEWIPC))
		rc = -errno;
	else
		rc = make_root(path, read_only);
	if (!rc)
		rc = drop_rights();
	if (!rc) {
		execv(PROGRAM, (char **)argv);
		rc = -errno;
	}
	log_line(path, "cannot start %s: %s", PROGRAM, strerror(-rc));
}

void format_serve(int argc, char **argv)
{
	if (argc != FORMAT_ARGV - 1 || strcmp(argv[1], WORD))
		return;
	become_server(argv[2], argv[3], argv[4][0] == 'r');
	exit(1);
}
