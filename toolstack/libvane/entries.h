/*
 * What a domain has in the store: the nodes that its kernel, the daemons and
 * Debian's tools look for. Facts: the published layout of libxl 4.17.
 */
#ifndef TOOLSTACK_LIBVANE_ENTRIES_H
#define TOOLSTACK_LIBVANE_ENTRIES_H

#include "toolstack/libvane/build.h"
#include "xenstore/client/store.h"

/* Rights of a node that is being written. */
enum entry_perms {
	INHERIT,	/* as its parent */
	TOOLS,		/* nobody but the tools */
	READABLE,	/* tools write, the guest reads */
	GUESTS,		/* the guest's own, nobody else's */
	FRONT,		/* the guest's own, Dom0 reads */
};

/*
 * Writes one node: @path and a value made as printf() would. Stops doing
 * anything once *@rc is set, so that a list of calls needs one check.
 */
struct entry_writer {
	struct store *store;
	store_tx tx;
	uint32_t domid;			/* who READABLE and GUESTS mean */
	int rc;
};
void entry(struct entry_writer *w, enum entry_perms perms, const char *path,
	   const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* "/local/domain/N" first of all, with the name: reserves both. */
int entries_reserve(struct vane *v, uint32_t domid, const char *name);

/* Everything else of a built domain, then its devices. */
int entries_write(struct vane *v, struct build *b, const uint8_t uuid[16]);

/* Removes all nodes of a domain. What is not there is no error. */
int entries_remove(struct vane *v, uint32_t domid, const uint8_t uuid[16]);

/*
 * What Dom0's kernel has noted of the domain's devices, such as one that was
 * removed while its driver looked at it. To be called last.
 */
void entries_forget_errors(struct vane *v, uint32_t domid);

#endif
