/*
 * Thin access to /dev/xen/gntdev: pages that other domains grant us.
 *
 * A mapping belongs to the descriptor: closing it while pages are mapped
 * keeps them until they are unmapped. Errors are negative errno values;
 * gntdev_map() gives NULL and errno. Facts: <xen/sys/gntdev.h> of libxen-dev,
 * the kernel's gntdev driver.
 */
#ifndef TOOLSTACK_SYS_GNTDEV_H
#define TOOLSTACK_SYS_GNTDEV_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/sys/gntdev.h>

/** Opens the node. Returns a descriptor (close-on-exec) or -errno. */
int gntdev_open(void);

/**
 * Maps @count grants of @domid side by side.
 *
 * @refs: grant references, one per page.
 * @prot: PROT_READ for grants that are read-only, or PROT_READ|PROT_WRITE.
 * @index: receives the kernel's key of the mapping, for gntdev_unmap().
 *
 * All or nothing: a reference that cannot be mapped fails the call. Drop the
 * mapping by gntdev_unmap().
 */
void *gntdev_map(int fd, uint32_t domid, const uint32_t *refs,
		 unsigned int count, int prot, uint64_t *index);

/** Drops a mapping of gntdev_map(), whole. Returns 0 or -errno. */
int gntdev_unmap(int fd, void *addr, unsigned int count, uint64_t index);

/**
 * Asks the kernel to act when the mapping goes, by our death too.
 *
 * @offset: byte of the mapping which is then cleared, if @clear_byte.
 * @port: our event-channel port which is then notified; 0: none.
 */
int gntdev_notify_on_unmap(int fd, uint64_t index, uint32_t offset,
			   bool clear_byte, uint32_t port);

/**
 * Copies between granted and local memory without mapping.
 *
 * Each segment stays within a page of 4096 bytes on its granted side and
 * gets a GNTST_* value in its status: look at each. Returns 0 when the
 * batch was carried out, -errno when it was not.
 */
int gntdev_copy(int fd, struct ioctl_gntdev_grant_copy_segment *segs,
		unsigned int count);

#endif
