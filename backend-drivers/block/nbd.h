/*
 * Disks that another process serves, through libnbd: of the network, or an
 * image file in a format of its own, for which a qemu-nbd is started that
 * serves nobody else (format.h). When the connection breaks the process ends:
 * its supervisor starts the next one, which connects anew.
 */
#ifndef BACKEND_BLOCK_NBD_H
#define BACKEND_BLOCK_NBD_H

#include <libnbd.h>

#include "backend-drivers/block/image.h"
#include "backend-drivers/block/target.h"

struct nbd {
	struct target target;
	/* nbd.c's. */
	struct nbd_handle *handle;
	struct loop_fd ready;
	struct io *answered;		/* steps that have ended */
	const char *who;
};

/**
 * Connects to @uri, or, if it is NULL, to what the program @argv serves once
 * it is started; sets up the target, but for the fields that are the caller's,
 * and describes the disk in @im. Needs the loop.
 *
 * @who: for the log, which lives as long as @n. Returns 0 or -errno, logged.
 */
int nbd_open(struct nbd *n, struct image *im, const char *who,
	     const char *uri, char **argv, bool read_only);

/** Disconnects; nothing is in flight. (A worker's end does it, too.) */
void nbd_shut(struct nbd *n);

/** True if @path is the URI of a disk of the network. */
bool nbd_is_uri(const char *path);

#endif
