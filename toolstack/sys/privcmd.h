/*
 * Thin access to /dev/xen/privcmd: hypercalls from Dom0's user space, memory
 * that hypercalls may point to, and mappings of other domains' frames.
 *
 * Every function is a system call or a few and keeps no state. Errors are
 * negative errno values; functions that return a pointer give NULL and errno.
 * Nothing here takes a lock; calls may come from any thread.
 *
 * Facts: <xen/sys/privcmd.h> of libxen-dev, the kernel's privcmd driver.
 */
#ifndef TOOLSTACK_SYS_PRIVCMD_H
#define TOOLSTACK_SYS_PRIVCMD_H

#include <stddef.h>
#include <stdint.h>

/** Opens the node. Returns a file descriptor (close-on-exec) or -errno. */
int privcmd_open(void);

/**
 * Issues hypercall @op with its arguments as they are.
 *
 * Arguments that are pointers must point to memory of hcbuf_alloc(). Returns
 * what the hypervisor answered, or -errno. The kernel hands results on as an
 * int: use a multicall for operations whose result may be larger.
 */
long privcmd_hypercall(int fd, uint64_t op, uint64_t a0, uint64_t a1,
		       uint64_t a2, uint64_t a3, uint64_t a4);

/**
 * Returns at least @size zeroed bytes, page aligned, which stay resident and
 * keep their page-table entries, so that a hypercall can always reach them.
 * Give them back with hcbuf_free() and the same @size. NULL and errno when
 * there is no memory.
 */
void *hcbuf_alloc(size_t size);
void hcbuf_free(void *buf, size_t size);

/**
 * Maps @count frames of domain @domid side by side.
 *
 * @domid: owner of the frames; DOMID_XEN and DOMID_IO are valid.
 * @prot: PROT_READ or PROT_READ|PROT_WRITE.
 * @mfns: machine frame numbers, one per page.
 * @errs: @count results, 0 or -errno per page; or NULL, then one page that
 *        cannot be mapped makes the whole call fail.
 *
 * Returns the mapping, to be dropped by privcmd_unmap() or munmap(), or NULL
 * and errno. A frame in use as a page table can only be mapped for reading.
 */
void *privcmd_map_foreign(int fd, uint32_t domid, int prot,
			  const uint64_t *mfns, unsigned int count, int *errs);

/**
 * Maps @count frames of a resource of @domid, from frame @idx of it on.
 *
 * @type, @id: as of XENMEM_acquire_resource, e.g.
 *             XENMEM_resource_grant_table and
 *             XENMEM_resource_grant_table_id_shared.
 * Returns as privcmd_map_foreign() does. errno EOPNOTSUPP or ENOTTY: the
 * hypervisor or the kernel does not know resources.
 */
void *privcmd_map_resource(int fd, uint32_t domid, uint32_t type, uint32_t id,
			   uint32_t idx, unsigned int count, int prot);

/** Drops a mapping of @count pages. @addr may be NULL. */
void privcmd_unmap(void *addr, unsigned int count);

#endif
