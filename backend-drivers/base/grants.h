/*
 * What other domains grant us: mapped rings, and copies in and out. One
 * descriptor of /dev/xen/gntdev per process.
 */
#ifndef BACKEND_BASE_GRANTS_H
#define BACKEND_BASE_GRANTS_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/sys/gntdev.h"

/** Pages of a domain that are mapped side by side; addr NULL: none. */
struct grant_map {
	void *addr;
	unsigned int count;
	uint64_t index;
};

/** Returns 0 or -errno. */
int grants_init(void);

/** Maps @count pages readable and writable. Returns 0 or -errno. */
int grant_map(struct grant_map *m, uint32_t domid, const uint32_t *refs,
	      unsigned int count);

/** Unmaps; an empty @m is allowed, and @m is empty afterwards. */
void grant_unmap(struct grant_map *m);

/*
 * A batch of copies that is collected and carried out in few system calls.
 * Each copy stays within one page on the granted side, and has a flag which
 * is set when the copy could not be made: a reference that the guest did not
 * grant, or took back. Flags are final after grant_copies_run(); the batch
 * runs by itself whenever it is full.
 */
#define GRANT_COPIES 256

struct grant_copies {
	struct ioctl_gntdev_grant_copy_segment seg[GRANT_COPIES];
	bool *failed[GRANT_COPIES];
	unsigned int count;
};

/**
 * Adds a copy of @len bytes from @domid's page @ref, at @offset, to @to.
 * The caller has checked that @offset + @len <= 4096.
 */
void grant_copy_from(struct grant_copies *c, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len, bool *failed);

/** Adds a copy the other way, from @from to the page. */
void grant_copy_to(struct grant_copies *c, uint32_t domid, uint32_t ref,
		   uint16_t offset, const void *from, uint16_t len,
		   bool *failed);

/** Carries out what was added, and starts an empty batch. */
void grant_copies_run(struct grant_copies *c);

#endif
