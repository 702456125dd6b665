/* See memory.h. */
#include "backend-drivers/block/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

_Static_assert(offsetof(struct memory, journal) == RING_PAGE, "as it is freed");

static void name(char *path, size_t size, uint32_t domid, uint32_t devid)
{
	snprintf(path, size, DISK_STATS_DIR "/%u.%u", domid, devid);
}

struct memory *memory_open(uint32_t domid, uint32_t devid, bool again)
{
	struct memory *m = MAP_FAILED;
	char path[64];
	int fd, rc;

	(void)mkdir(DISK_STATS_DIR, 0755);	/* there already, or open() fails */
	name(path, sizeof(path), domid, devid);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | (again ? 0 : O_TRUNC),
		  0644);
	if (fd < 0)
		return NULL;
	if (!ftruncate(fd, sizeof(*m)))
		m = mmap(NULL, sizeof(*m), PROT_READ | PROT_WRITE, MAP_SHARED,
			 fd, 0);
	rc = errno;
	close(fd);
	errno = rc;
	return m == MAP_FAILED ? NULL : m;
}

void memory_forget(struct memory *m)
{
	/* Zeroes, which take no memory until they are written to. */
	(void)madvise(m->journal, sizeof(m->journal), MADV_REMOVE);
}

void memory_close(struct memory *m, uint32_t domid, uint32_t devid)
{
	char path[64];

	name(path, sizeof(path), domid, devid);
	(void)unlink(path);
	(void)munmap(m, sizeof(*m));
}
