/*
 * The boot loader step: kernel and ramdisk out of the guest's own disk.
 */
#ifndef TOOLSTACK_LIBVANE_BOOTLOADER_H
#define TOOLSTACK_LIBVANE_BOOTLOADER_H

#include "toolstack/libvane/internal.h"

/*
 * A file that a boot loader found. It has no path any more but that of its
 * descriptor; its name is the one that it had.
 */
struct booted_file {
	int fd;				/* -1: none */
	char path[32];
	char *name;
};

struct booted {
	struct booted_file kernel, ramdisk;
	char *args;
};

#define BOOTED_NOTHING { .kernel.fd = -1, .ramdisk.fd = -1 }

/*
 * Runs config->bootloader on the first disk, and makes @config, which is a
 * copy, name what it found. A program that is not ours gets a terminal; with
 * @join it is that of the user. @b is to be freed whatever happens.
 */
int bootloader_run(struct vane *v, struct vane_config *config, bool join,
		   struct booted *b);
void booted_free(struct booted *b);

#endif
