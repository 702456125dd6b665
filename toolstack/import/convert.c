/*
 * See convert.h. qemu-img does the work, as nobody, with limits, on two files
 * that it is given. Images that name other files - parents, backing files,
 * extents - are refused before: those names are the appliance's.
 */
#include "toolstack/import/convert.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define NOBODY		65534
#define HEAD		4096u
#define DESCRIPTOR_MAX	(64u << 10)

struct image {
	int fd;
	uint64_t size;
	uint8_t head[HEAD];		/* its beginning, then zeroes */
	const char *driver;		/* qemu's name of the format */
	bool backing;			/* it knows backing files */
	char *why;
	size_t why_size;
};

static int fail(struct image *im, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct image *im, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(im->why, im->why_size, fmt, ap);
	va_end(ap);
	return rc;
}

static uint64_t little(const uint8_t *p, unsigned int bytes)
{
	uint64_t n = 0;

	while (bytes--)
		n = n << 8 | p[bytes];
	return n;
}

static uint64_t big(const uint8_t *p, unsigned int bytes)
{
	uint64_t n = 0;

	for (unsigned int i = 0; i < bytes; i++)
		n = n << 8 | p[i];
	return n;
}

/* --- what kind it is, and whether it is alone ---------------------------- */

/* The descriptor inside of a sparse VMDK: text. */
static int check_vmdk(struct image *im)
{
	uint64_t at = little(im->head + 28, 8), size = little(im->head + 36, 8);
	char *text;
	int rc = 0;

	if (!at || !size || size > DESCRIPTOR_MAX / 512 ||
	    at > im->size / 512)
		return fail(im, -EINVAL, "its VMDK has no descriptor");
	text = calloc(1, size * 512 + 1);
	if (!text)
		return -ENOMEM;
	if (pread(im->fd, text, size * 512, (off_t)(at * 512)) < 1)
		rc = fail(im, -EIO, "its VMDK is cut short");
	else if (strstr(text, "parentFileNameHint") ||
		 (!strcasestr(text, "parentCID=ffffffff") &&
		  strcasestr(text, "parentCID")))
		rc = fail(im, -EINVAL, "its VMDK holds differences to another "
			  "disk");
	free(text);
	im->driver = "vmdk";
	im->backing = true;
	return rc;
}

static int check_qcow2(struct image *im)
{
	im->driver = "qcow2";
	im->backing = true;
	if (big(im->head + 8, 8))
		return fail(im, -EINVAL, "its QCOW2 has a backing file");
	if (big(im->head + 4, 4) >= 3 && big(im->head + 72, 8) & 4)
		return fail(im, -EINVAL, "its QCOW2 has its data elsewhere");
	return 0;
}

/* The footer is at the end, and of a dynamic one a copy at the beginning. */
static int check_vhd(struct image *im, const uint8_t *footer)
{
	im->driver = "vpc";
	if (big(footer + 60, 4) == 4)
		return fail(im, -EINVAL, "its VHD holds differences to "
			    "another disk");
	return 0;
}

static int recognise(struct image *im)
{
	uint8_t footer[512] = { 0 };

	if (!memcmp(im->head, "KDMV", 4))
		return check_vmdk(im);
	if (!memcmp(im->head, "QFI\xfb", 4))
		return check_qcow2(im);
	if (!memcmp(im->head, "conectix", 8))
		return check_vhd(im, im->head);
	if (im->size > 512 &&
	    pread(im->fd, footer, 512, (off_t)im->size - 512) == 512 &&
	    !memcmp(footer, "conectix", 8))
		return check_vhd(im, footer);
	if (!memcmp(im->head, "# Disk DescriptorFile", 21) ||
	    !memcmp(im->head, "COWD", 4))
		return fail(im, -ENOTSUP, "is a VMDK of several files, or of "
			    "an old kind (taken: VMDK in one file, QCOW2, VHD, "
			    "VHDX, VDI, raw; `qemu-img convert -O qcow2` makes "
			    "one of it)");
	/* qemu opens none of these two that has a parent. */
	if (!memcmp(im->head, "vhdxfile", 8))
		im->driver = "vhdx";
	else if (!memcmp(im->head + 64, "\x7f\x10\xda\xbe", 4))
		im->driver = "vdi";
	else
		im->driver = "raw";
	return 0;
}

static int open_image(struct image *im, int dir, const char *name)
{
	struct stat st;
	ssize_t n;

	im->fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (im->fd < 0 || fstat(im->fd, &st))
		return fail(im, -errno, "%s", strerror(errno));
	im->size = (uint64_t)st.st_size;
	n = pread(im->fd, im->head, sizeof(im->head), 0);
	if (n < 512)
		return fail(im, -EINVAL, "is no disk: has %lld bytes",
			    (long long)st.st_size);
	return recognise(im);
}

/* --- qemu-img ------------------------------------------------------------ */

static void limit(int what, rlim_t value)
{
	struct rlimit l = { value, value };

	if (setrlimit(what, &l))
		_exit(126);
}

static _Noreturn void be_converter(const struct image *im, int dir,
				   const char *from, const char *to,
				   uint64_t capacity, int told)
{
	char source[512];

	snprintf(source, sizeof(source), "json:{\"driver\":\"%s\",\"file\":"
		 "{\"driver\":\"file\",\"filename\":\"%s\"}%s}", im->driver,
		 from, im->backing ? ",\"backing\":null" : "");
	dup2(told, STDERR_FILENO);
	dup2(open("/dev/null", O_RDONLY), STDIN_FILENO);
	if (!isatty(STDOUT_FILENO))
		dup2(told, STDOUT_FILENO);
	if (fchdir(dir))
		_exit(126);
	close_range(3, ~0u, 0);
	limit(RLIMIT_FSIZE, capacity);
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_AS, 4ull << 30);
	if (!geteuid() && (setgroups(0, NULL) ||
			   setresgid(NOBODY, NOBODY, NOBODY) ||
			   setresuid(NOBODY, NOBODY, NOBODY)))
		_exit(126);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	execlp("qemu-img", "qemu-img", "convert", "-n", "-O", "raw",
	       isatty(STDOUT_FILENO) ? "-p" : "-q", source, to, (char *)NULL);
	fprintf(stderr, "qemu-img cannot be run: %s (package qemu-utils)\n",
		strerror(errno));
	_exit(127);
}

/* What it says, as one line. */
static void read_told(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	while (len < size - 1 && (n = read(fd, text + len, size - 1 - len)) > 0)
		len += (size_t)n;
	while (len && text[len - 1] == '\n')
		len--;
	text[len] = '\0';
	for (char *c = text; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = ' ';
}

static int run_converter(struct image *im, int dir, const char *from,
			 const char *to, uint64_t capacity)
{
	int told[2], status = 0;
	char text[300];
	pid_t pid;

	if (pipe2(told, O_CLOEXEC))
		return -errno;
	fflush(NULL);
	pid = fork();
	if (!pid)
		be_converter(im, dir, from, to, capacity, told[1]);
	close(told[1]);
	read_told(told[0], text, sizeof(text));
	close(told[0]);
	if (pid < 0)
		return fail(im, -EAGAIN, "%s", strerror(EAGAIN));
	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	if (!status)
		return 0;
	return fail(im, -EIO, "qemu-img: %s", text[0] ? text :
		    WIFSIGNALED(status) ? strsignal(WTERMSIG(status)) :
		    "failed");
}

/* For the time of the conversion the folder is nobody's. */
static int lend(int dir, const char *from, const char *to, uid_t to_whom)
{
	if (geteuid())
		return 0;
	return fchownat(dir, from, to_whom, to_whom, AT_SYMLINK_NOFOLLOW) ||
		fchownat(dir, to, to_whom, to_whom, AT_SYMLINK_NOFOLLOW) ||
		fchown(dir, to_whom, to_whom) ? -errno : 0;
}

/* --- the whole ----------------------------------------------------------- */

int convert_empty(int dir_fd, const char *to, uint64_t capacity, char *why,
		  size_t why_size)
{
	int fd = openat(dir_fd, to, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			O_NOFOLLOW, 0600);
	int rc = fd < 0 || ftruncate(fd, (off_t)capacity) ? -errno : 0;

	if (rc)
		snprintf(why, why_size, "%s: %s", to, strerror(-rc));
	if (fd >= 0)
		close(fd);
	return rc;
}

int convert_disk(int dir_fd, const char *from, const char *to,
		 uint64_t capacity, char *why, size_t why_size)
{
	struct image im = { .fd = -1, .why = why, .why_size = why_size };
	int rc = open_image(&im, dir_fd, from);

	capacity = (capacity + 511) & ~511ull;
	if (!rc && !strcmp(im.driver, "raw") && im.size > capacity)
		rc = fail(&im, -EINVAL, "has %llu bytes, and a capacity of "
			  "%llu", (unsigned long long)im.size,
			  (unsigned long long)capacity);
	if (!rc)
		rc = convert_empty(dir_fd, to, capacity, why, why_size);
	if (!rc) {
		rc = lend(dir_fd, from, to, NOBODY);
		if (!rc)
			rc = run_converter(&im, dir_fd, from, to, capacity);
		if (lend(dir_fd, from, to, 0) && !rc)
			rc = fail(&im, -EIO, "its owner cannot be set");
	}
	if (im.fd >= 0)
		close(im.fd);
	(void)unlinkat(dir_fd, from, 0);
	return rc;
}
