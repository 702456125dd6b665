/*
 * /dev/xen/gntdev: see gntdev.h for the contract. A mapping takes two steps:
 * an ioctl registers the references and yields an index, which is the offset
 * for the mmap() that does the work.
 */
#include "toolstack/sys/gntdev.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#define PAGE ((size_t)4096)
/* References that fit a call on the stack: rings have 1 to 16 pages. */
#define FEW 32

int gntdev_open(void)
{
	int fd = open("/dev/xen/gntdev", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

static int forget(int fd, uint64_t index, unsigned int count)
{
	struct ioctl_gntdev_unmap_grant_ref unmap = {
		.index = index, .count = count,
	};

	return ioctl(fd, IOCTL_GNTDEV_UNMAP_GRANT_REF, &unmap) ? -errno : 0;
}

/* Registers the references; 0 with *@index set, or -errno. */
static int announce(int fd, uint32_t domid, const uint32_t *refs,
		    unsigned int count, uint64_t *index)
{
	union {
		struct ioctl_gntdev_map_grant_ref call;
		uint8_t room[sizeof(struct ioctl_gntdev_map_grant_ref) +
			     FEW * sizeof(struct ioctl_gntdev_grant_ref)];
	} few;
	struct ioctl_gntdev_map_grant_ref *call = &few.call;
	struct ioctl_gntdev_grant_ref *list;
	int rc = 0;

	if (count > FEW) {
		call = malloc(sizeof(*call) + count * sizeof(call->refs[0]));
		if (!call)
			return -ENOMEM;
	}
	call->count = count;
	call->pad = 0;
	list = call->refs;
	for (unsigned int i = 0; i < count; i++) {
		list[i].domid = domid;
		list[i].ref = refs[i];
	}
	if (ioctl(fd, IOCTL_GNTDEV_MAP_GRANT_REF, call))
		rc = -errno;
	else
		*index = call->index;
	if (call != &few.call)
		free(call);
	return rc;
}

void *gntdev_map(int fd, uint32_t domid, const uint32_t *refs,
		 unsigned int count, int prot, uint64_t *index)
{
	uint64_t at;
	void *addr;
	int rc;

	if (!count || count > INT32_MAX / PAGE) {
		errno = EINVAL;
		return NULL;
	}
	rc = announce(fd, domid, refs, count, &at);
	if (rc) {
		errno = -rc;
		return NULL;
	}
	addr = mmap(NULL, count * PAGE, prot, MAP_SHARED, fd, at);
	if (addr == MAP_FAILED) {
		rc = errno;
		(void)forget(fd, at, count); /* the first cause is told */
		errno = rc;
		return NULL;
	}
	*index = at;
	return addr;
}

int gntdev_unmap(int fd, void *addr, unsigned int count, uint64_t index)
{
	if (munmap(addr, count * PAGE))
		return -errno;
	return forget(fd, index, count);
}

int gntdev_notify_on_unmap(int fd, uint64_t index, uint32_t offset,
			   bool clear_byte, uint32_t port)
{
	struct ioctl_gntdev_unmap_notify notify = {
		.index = index + offset,
		.action = (clear_byte ? UNMAP_NOTIFY_CLEAR_BYTE : 0) |
			  (port ? UNMAP_NOTIFY_SEND_EVENT : 0),
		.event_channel_port = port,
	};

	return ioctl(fd, IOCTL_GNTDEV_SET_UNMAP_NOTIFY, &notify) ? -errno : 0;
}

int gntdev_copy(int fd, struct ioctl_gntdev_grant_copy_segment *segs,
		unsigned int count)
{
	struct ioctl_gntdev_grant_copy copy = {
		.count = count, .segments = segs,
	};

	return ioctl(fd, IOCTL_GNTDEV_GRANT_COPY, &copy) ? -errno : 0;
}
