/*
 * /dev/xen/privcmd: see privcmd.h for the contract.
 *
 * Memory for hypercalls comes from /dev/xen/hypercall where the kernel has it:
 * its pages belong to the kernel and are never migrated or shared after a
 * fork. Elsewhere locked anonymous memory has to do; MADV_DONTFORK keeps a
 * fork from write-protecting it under a running hypercall.
 */
#include "toolstack/sys/privcmd.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/sys/privcmd.h>

#define PAGE ((size_t)4096)

int privcmd_open(void)
{
	int fd = open("/dev/xen/privcmd", O_RDWR | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

long privcmd_hypercall(int fd, uint64_t op, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3, uint64_t a4)
{
	privcmd_hypercall_t call = {
		.op = op, .arg = { a0, a1, a2, a3, a4 },
	};
	int rc = ioctl(fd, IOCTL_PRIVCMD_HYPERCALL, &call);

	return rc < 0 ? -errno : rc;
}

static size_t page_round(size_t size)
{
	return (size + PAGE - 1) & ~(PAGE - 1);
}

void *hcbuf_alloc(size_t size)
{
	int fd = open("/dev/xen/hypercall", O_RDWR | O_CLOEXEC);
	void *buf;

	size = page_round(size ? size : 1);
	if (fd >= 0)
		buf = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			   0);
	else
		buf = mmap(NULL, size, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_LOCKED, -1, 0);
	if (fd >= 0)
		close(fd);		/* the mapping holds what it needs */
	if (buf == MAP_FAILED)
		return NULL;
	if (fd < 0 && madvise(buf, size, MADV_DONTFORK)) {
		munmap(buf, size);
		return NULL;
	}
	return buf;
}

void hcbuf_free(void *buf, size_t size)
{
	if (buf)
		munmap(buf, page_round(size ? size : 1));
}

/* First error of @errs, or 0. */
static int first_error(const int *errs, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++)
		if (errs[i])
			return errs[i];
	return 0;
}

void *privcmd_map_foreign(int fd, uint32_t domid, int prot,
			  const uint64_t *mfns, unsigned int count, int *errs)
{
	privcmd_mmapbatch_v2_t batch = { .num = count, .dom = domid };
	int *own = NULL, rc;
	void *addr;

	if (!count) {
		errno = EINVAL;
		return NULL;
	}
	if (!errs) {
		own = malloc(count * sizeof(*own));
		if (!own)
			return NULL;
	}
	addr = mmap(NULL, count * PAGE, prot, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED) {
		rc = -errno;
		free(own);
		errno = -rc;
		return NULL;
	}
	batch.addr = (uintptr_t)addr;
	batch.arr = (const xen_pfn_t *)mfns;
	batch.err = errs ? errs : own;
	rc = ioctl(fd, IOCTL_PRIVCMD_MMAPBATCH_V2, &batch) ? -errno : 0;
	/* ENOENT only says that some page is paged out: the array has it. */
	if (rc == -ENOENT && errs)
		rc = 0;
	if (!rc && own)
		rc = first_error(own, count);
	free(own);
	if (rc) {
		munmap(addr, count * PAGE);
		errno = -rc;
		return NULL;
	}
	return addr;
}

void *privcmd_map_resource(int fd, uint32_t domid, uint32_t type, uint32_t id,
			   uint32_t idx, unsigned int count, int prot)
{
	privcmd_mmap_resource_t res = {
		.dom = domid, .type = type, .id = id, .idx = idx, .num = count,
	};
	void *addr;
	int err;

	if (!count) {
		errno = EINVAL;
		return NULL;
	}
	addr = mmap(NULL, count * PAGE, prot, MAP_SHARED, fd, 0);
	if (addr == MAP_FAILED)
		return NULL;
	res.addr = (uintptr_t)addr;
	if (ioctl(fd, IOCTL_PRIVCMD_MMAP_RESOURCE, &res)) {
		err = errno;
		munmap(addr, count * PAGE);
		errno = err;
		return NULL;
	}
	return addr;
}

void privcmd_unmap(void *addr, unsigned int count)
{
	if (addr)
		munmap(addr, count * PAGE);
}
