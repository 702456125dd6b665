/*
 * See history.h. The writer stores bytes first and then the total; a reader
 * compares the totals before and after it has copied, and leaves out what may
 * have been overwritten meanwhile.
 */
#include "backend-drivers/console/history.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/console/guestlog.h"

static int file_path(char *path, size_t size, const char *dir,
		     const char *name)
{
	char clean[80];

	guestlog_clean(clean, sizeof(clean), name);
	return snprintf(path, size, "%s/%s.history", dir, clean) < (int)size ?
		0 : -ENAMETOOLONG;
}

/* --- how many there are -------------------------------------------------- */

static bool earlier(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec < b->tv_sec || (a->tv_sec == b->tv_sec &&
					 a->tv_nsec < b->tv_nsec);
}

/* Files whose domain is gone, and the one of them that was closed first. */
static int count_dead(int dir, char oldest[256])
{
	DIR *d = fdopendir(dup(dir));
	struct dirent *e;
	struct stat st;
	struct timespec least = { 0 };
	int count = 0;

	oldest[0] = '\0';
	if (!d)
		return 0;
	while ((e = readdir(d))) {
		struct history_head head;
		int fd = openat(dir, e->d_name, O_RDONLY | O_CLOEXEC);

		if (fd < 0)
			continue;
		if (!fstat(fd, &st) && S_ISREG(st.st_mode) &&
		    pread(fd, &head, sizeof(head), 0) == sizeof(head) &&
		    !head.alive) {
			if (!count++ || earlier(&st.st_mtim, &least)) {
				least = st.st_mtim;
				snprintf(oldest, 256, "%s", e->d_name);
			}
		}
		close(fd);
	}
	closedir(d);
	return count;
}

/* At most so many are there of domains that are gone; -1: nobody has looked. */
static int dead_files = -1;

static void make_room(const char *path)
{
	char oldest[256];
	int dir;

	/* Looking at each of them takes long when there are many domains. */
	if (dead_files >= 0 && dead_files < HISTORY_FILES)
		return;
	dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return;
	dead_files = count_dead(dir, oldest);
	if (dead_files >= HISTORY_FILES && !unlinkat(dir, oldest, 0))
		dead_files--;
	close(dir);
}

/* --- the writer ---------------------------------------------------------- */

static int map(struct history *h)
{
	void *at = mmap(NULL, sizeof(*h->file), PROT_READ | PROT_WRITE,
			MAP_SHARED, h->fd, 0);

	if (at == MAP_FAILED)
		return -errno;
	h->file = at;
	return 0;
}

static int make(struct history *h, const char *path,
		const struct history_head *head)
{
	char fresh[192];
	int rc;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	h->fd = open(fresh, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC |
		     O_NOFOLLOW, 0600);
	if (h->fd < 0)
		return -errno;
	/* All of it now: a write through a mapping cannot fail politely. */
	rc = -posix_fallocate(h->fd, 0, sizeof(*h->file));
	if (!rc)
		rc = map(h);
	if (!rc)
		h->file->head = *head;
	if (!rc && rename(fresh, path))
		rc = -errno;
	if (rc)
		(void)unlink(fresh);
	return rc;
}

/* Takes up what a daemon before us has begun; -ENOENT if there is none. */
static int take_up(struct history *h, const char *path, uint32_t domid)
{
	struct stat st;

	h->fd = open(path, O_RDWR | O_CLOEXEC | O_NOFOLLOW);
	if (h->fd < 0)
		return -ENOENT;
	if (!fstat(h->fd, &st) && st.st_size == sizeof(*h->file) && !map(h)) {
		const struct history_head *head = &h->file->head;

		if (!memcmp(head->magic, HISTORY_MAGIC, 8) && head->alive &&
		    head->domid == domid)
			return 0;
	}
	history_close(h, false);
	return -ENOENT;
}

int history_open(struct history *h, const char *dir, const char *name,
		 const char *uuid, uint32_t domid)
{
	struct history_head head = { .domid = domid, .alive = 1 };
	char path[160];
	int rc;

	*h = (struct history){ .fd = -1 };
	memcpy(head.magic, HISTORY_MAGIC, 8);
	snprintf(head.name, sizeof(head.name), "%s", name);
	snprintf(head.uuid, sizeof(head.uuid), "%s", uuid);
	if (mkdir(dir, 0700) && errno != EEXIST)
		return -errno;
	rc = file_path(path, sizeof(path), dir, name);
	if (rc || !take_up(h, path, domid))
		return rc;
	make_room(dir);
	rc = make(h, path, &head);
	if (rc)
		history_close(h, false);
	return rc;
}

void history_forget(const char *dir, const char *name, uint32_t domid)
{
	struct history_head head;
	char path[160];
	int fd;

	if (file_path(path, sizeof(path), dir, name))
		return;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return;
	if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
	    !head.alive || head.domid != domid)
		(void)unlink(path);
	close(fd);
}

void history_add(struct history *h, const char *bytes, size_t len)
{
	uint64_t total;

	if (!h->file)
		return;
	total = h->file->head.total;
	if (len > HISTORY_SIZE) {
		total += len - HISTORY_SIZE;
		bytes += len - HISTORY_SIZE;
		len = HISTORY_SIZE;
	}
	for (size_t i = 0; i < len; i++)
		h->file->data[(total + i) & (HISTORY_SIZE - 1)] = bytes[i];
	/* Pairs with the acquire in history_read(). */
	__atomic_store_n(&h->file->head.total, total + len, __ATOMIC_RELEASE);
}

void history_close(struct history *h, bool gone)
{
	static const uint32_t dead;

	/* Not through the mapping: this sets the time of the file. */
	if (h->file && gone) {
		(void)!pwrite(h->fd, &dead, sizeof(dead),
			      offsetof(struct history_head, alive));
		dead_files += dead_files >= 0;
	}
	if (h->file)
		munmap(h->file, sizeof(*h->file));
	if (h->fd >= 0)
		close(h->fd);
	*h = (struct history){ .fd = -1 };
}

/* --- the reader ---------------------------------------------------------- */

long history_read(int fd, struct history_head *head, char *to)
{
	const struct history_file *f;
	uint64_t first, total, lost;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size != sizeof(*f))
		return -EINVAL;
	f = mmap(NULL, sizeof(*f), PROT_READ, MAP_SHARED, fd, 0);
	if (f == MAP_FAILED)
		return -errno;
	*head = f->head;
	total = __atomic_load_n(&f->head.total, __ATOMIC_ACQUIRE);
	first = total > HISTORY_SIZE ? total - HISTORY_SIZE : 0;
	for (uint64_t i = first; i < total; i++)
		to[i - first] = f->data[i & (HISTORY_SIZE - 1)];
	__atomic_thread_fence(__ATOMIC_ACQUIRE);
	lost = __atomic_load_n(&f->head.total, __ATOMIC_RELAXED);
	lost = lost > HISTORY_SIZE + first ? lost - HISTORY_SIZE - first : 0;
	munmap((void *)f, sizeof(*f));
	if (memcmp(head->magic, HISTORY_MAGIC, 8))
		return -EINVAL;
	head->name[sizeof(head->name) - 1] = '\0';
	head->uuid[sizeof(head->uuid) - 1] = '\0';
	if (lost > total - first)
		lost = total - first;
	memmove(to, to + lost, total - first - lost);
	return total - first - lost;
}
