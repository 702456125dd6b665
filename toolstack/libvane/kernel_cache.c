/*
 * See kernel_cache.h. An entry is one file, the unpacked kernel and behind it,
 * from the next page on, the image that it came from. It is found by comparing
 * that image byte for byte: nobody can make a kernel pass for another one.
 * The name says both sizes, "KERNEL-IMAGE.NUMBER"; the last time of use is
 * the file's. A file gets its name when it is complete, and is never changed.
 * Beside the entries, "seen" remembers which files have been asked about.
 */
#include "toolstack/libvane/kernel_cache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/sys/io.h"

#ifndef CACHE_DIR
#define CACHE_DIR	"/var/cache/vane"
#endif
#define KEPT		4
#define SEEN		64u
#define PAGE		((size_t)4096)
#define PIECE		(64u << 10)

static size_t page_round(size_t size)
{
	return (size + PAGE - 1) / PAGE * PAGE;
}

static int open_dir(void)
{
	return open(CACHE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
}

static bool parse_name(const char *name, size_t *size, size_t *len)
{
	unsigned int number;

	return sscanf(name, "%zu-%zu.%x", size, len, &number) == 3;
}

/* Whether what follows in the file from @at on are these bytes. */
static bool same(int fd, off_t at, const uint8_t *bytes, size_t len)
{
	static uint8_t piece[PIECE];

	while (len) {
		size_t want = len < PIECE ? len : PIECE;
		ssize_t n = pread(fd, piece, want, at);

		if (n <= 0 || memcmp(piece, bytes, (size_t)n))
			return false;
		at += n;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* The entry of that name, if it is of these bytes; -1. */
static int open_entry(int dir, const char *name, const uint8_t *packed,
		      size_t len, size_t *size)
{
	size_t kernel, image;
	int fd;

	if (!parse_name(name, &kernel, &image) || image != len)
		return -1;
	fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return -1;
	if (!same(fd, (off_t)page_round(kernel), packed, len)) {
		close(fd);
		return -1;
	}
	(void)futimens(fd, NULL);
	*size = kernel;
	return fd;
}

int kernel_cache_find(const uint8_t *packed, size_t len, size_t *size)
{
	int dir = open_dir(), fd = -1;
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	struct dirent *e;

	while (d && fd < 0 && (e = readdir(d)))
		fd = open_entry(dir, e->d_name, packed, len, size);
	if (d)
		closedir(d);
	else if (dir >= 0)
		close(dir);
	return fd;
}

static void make_dir(void)
{
	(void)mkdir("/var/cache", 0755);
	(void)mkdir(CACHE_DIR, 0700);
}

int kernel_cache_begin(void)
{
	int fd;

	make_dir();
	fd = open(CACHE_DIR, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : fd;
}

/* How many entries there are, and the one that was used longest ago. */
static unsigned int count(DIR *d, char oldest[256])
{
	struct timespec least = { 0 };
	unsigned int n = 0;
	struct dirent *e;

	while ((e = readdir(d))) {
		size_t kernel, image;
		struct stat st;

		if (!parse_name(e->d_name, &kernel, &image) ||
		    fstatat(dirfd(d), e->d_name, &st, AT_SYMLINK_NOFOLLOW))
			continue;
		if (!n++ || st.st_mtim.tv_sec < least.tv_sec ||
		    (st.st_mtim.tv_sec == least.tv_sec &&
		     st.st_mtim.tv_nsec < least.tv_nsec)) {
			least = st.st_mtim;
			snprintf(oldest, 256, "%s", e->d_name);
		}
	}
	return n;
}

static void make_room(void)
{
	int dir = open_dir();
	DIR *d = dir >= 0 ? fdopendir(dir) : NULL;
	char oldest[256];

	if (d && count(d, oldest) >= KEPT)
		(void)unlinkat(dir, oldest, 0);
	if (d)
		closedir(d);
	else if (dir >= 0)
		close(dir);
}

void kernel_cache_keep(int fd, const uint8_t *packed, size_t len)
{
	char self[32], path[96];
	unsigned int number;
	struct stat st;

	if (fstat(fd, &st) || getrandom(&number, sizeof(number), 0) < 0 ||
	    lseek(fd, (off_t)page_round((size_t)st.st_size), SEEK_SET) < 0)
		return;
	if (io_write_all(fd, packed, len)) {
		(void)!ftruncate(fd, st.st_size);
		return;
	}
	make_room();
	snprintf(self, sizeof(self), "/proc/self/fd/%d", fd);
	snprintf(path, sizeof(path), CACHE_DIR "/%zu-%zu.%08x",
		 (size_t)st.st_size, len, number);
	(void)linkat(AT_FDCWD, self, AT_FDCWD, path, AT_SYMLINK_FOLLOW);
}

/* A table in a file, where each file that is asked for has one place. */
bool kernel_cache_seen(int fd)
{
	struct {
		uint64_t dev, ino, size, time;
	} now, old = { 0 };
	struct stat st;
	bool seen;
	off_t at;
	int table;

	make_dir();
	table = open(CACHE_DIR "/seen", O_RDWR | O_CREAT | O_CLOEXEC |
		     O_NOFOLLOW, 0600);
	if (table < 0 || fstat(fd, &st)) {
		if (table >= 0)
			close(table);
		return true;
	}
	memset(&now, 0, sizeof(now));
	now.dev = st.st_dev;
	now.ino = st.st_ino;
	now.size = (uint64_t)st.st_size;
	now.time = (uint64_t)st.st_ctim.tv_sec * 1000000000u +
		(uint64_t)st.st_ctim.tv_nsec;
	at = (off_t)(st.st_ino % SEEN * sizeof(now));
	seen = pread(table, &old, sizeof(old), at) == sizeof(old) &&
		!memcmp(&old, &now, sizeof(now));
	/* If this fails it is seen for the first time again. */
	if (!seen)
		(void)!pwrite(table, &now, sizeof(now), at);
	close(table);
	return seen;
}
