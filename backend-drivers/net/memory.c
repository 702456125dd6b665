/* See memory.h. */
#include "backend-drivers/net/memory.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAGIC 0x66697631u	/* "1vif": changes with the layout */

static const struct {
	const char *name;
	size_t at;
} columns[] = {
	{ "sent", offsetof(struct counts, sent) },
	{ "sent_bytes", offsetof(struct counts, sent_bytes) },
	{ "sent_refused", offsetof(struct counts, sent_refused) },
	{ "sent_filtered", offsetof(struct counts, sent_filtered) },
	{ "sent_dropped", offsetof(struct counts, sent_dropped) },
	{ "received", offsetof(struct counts, received) },
	{ "received_bytes", offsetof(struct counts, received_bytes) },
	{ "received_refused", offsetof(struct counts, received_refused) },
	{ "received_filtered", offsetof(struct counts, received_filtered) },
	{ "received_dropped", offsetof(struct counts, received_dropped) },
	{ "waited_rate", offsetof(struct counts, waited_rate) },
	{ "waited_buffers", offsetof(struct counts, waited_buffers) },
};

#define COLUMNS (sizeof(columns) / sizeof(columns[0]))

_Static_assert(sizeof(struct counts) == COLUMNS * sizeof(uint64_t),
	       "each count has its column");

void memory_forget(struct memory *m)
{
	memset(&m->hash, 0, sizeof(m->hash));
	memset(&m->groups, 0, sizeof(m->groups));
	/* Zeroes, which take no memory until they are written to. */
	(void)madvise(m->tx, sizeof(*m) - offsetof(struct memory, tx),
		      MADV_REMOVE);
}

static void name(char *path, size_t size, uint32_t domid, uint32_t devid)
{
	snprintf(path, size, MEMORY_DIR "/%u.%u", domid, devid);
}

static struct memory *map(int fd, int prot)
{
	struct memory *m = mmap(NULL, sizeof(*m), prot, MAP_SHARED, fd, 0);

	return m == MAP_FAILED ? NULL : m;
}

struct memory *memory_open(uint32_t domid, uint32_t devid, const char *tap,
			   bool again)
{
	struct memory *m = NULL;
	char path[64];
	int fd;

	(void)mkdir(MEMORY_DIR, 0755);	/* there already, or open() fails */
	name(path, sizeof(path), domid, devid);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, sizeof(*m)))
		m = map(fd, PROT_READ | PROT_WRITE);
	close(fd);
	if (m && (!again || m->magic != MAGIC || m->size != sizeof(*m))) {
		memset(m->page, 0, sizeof(m->page));
		memory_forget(m);
		snprintf(m->tap, sizeof(m->tap), "%s", tap);
		m->magic = MAGIC;
		m->size = sizeof(*m);
	}
	return m;
}

void memory_close(struct memory *m)
{
	if (m)
		munmap(m, sizeof(*m));
}

void memory_remove(uint32_t domid, uint32_t devid)
{
	char path[64];

	name(path, sizeof(path), domid, devid);
	(void)unlink(path);
}

/* --- looking at all of them -------------------------------------------------- */

static void look(int dir, const char *file, void (*found)(
			const char *file, const struct memory *m, void *arg),
		 void *arg)
{
	int fd = openat(dir, file, O_RDONLY | O_CLOEXEC);
	struct memory *m = NULL;
	struct stat st;

	if (fd < 0)
		return;		/* gone meanwhile */
	if (!fstat(fd, &st) && st.st_size == sizeof(*m))
		m = map(fd, PROT_READ);
	close(fd);
	if (m && m->magic == MAGIC)
		found(file, m, arg);
	memory_close(m);
}

static int look_at_all(void (*found)(const char *file, const struct memory *m,
				     void *arg), void *arg)
{
	DIR *dir = opendir(MEMORY_DIR);
	struct dirent *entry;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;	/* none was ever made */
	while ((entry = readdir(dir)))
		if (entry->d_name[0] != '.')
			look(dirfd(dir), entry->d_name, found, arg);
	closedir(dir);
	return 0;
}

struct caller {
	void (*found)(uint32_t domid, uint32_t devid, const char *tap);
};

static void call(const char *file, const struct memory *m, void *arg)
{
	const struct caller *c = arg;
	uint32_t domid, devid;
	char tap[sizeof(m->tap)];

	memcpy(tap, m->tap, sizeof(tap));
	tap[sizeof(tap) - 1] = '\0';
	if (sscanf(file, "%u.%u", &domid, &devid) == 2)
		c->found(domid, devid, tap);
}

void memory_each(void (*found)(uint32_t domid, uint32_t devid,
			       const char *tap))
{
	struct caller c = { found };

	(void)look_at_all(call, &c);	/* worst: none is found */
}

static void print(const char *file, const struct memory *m, void *arg)
{
	(void)arg;
	printf("vif%s", file);
	for (size_t i = 0; i < COLUMNS; i++) {
		uint64_t value;

		memcpy(&value, (const char *)&m->counts + columns[i].at,
		       sizeof(value));
		printf(" %s=%" PRIu64, columns[i].name, value);
	}
	putchar('\n');
}

int memory_print(void)
{
	return look_at_all(print, NULL);
}
