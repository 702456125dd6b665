/*
 * The boot loader step: kernel and ramdisk out of the guest's own disk.
 */
#ifndef TOOLSTACK_LIBVANE_BOOTLOADER_H
#define TOOLSTACK_LIBVANE_BOOTLOADER_H

#include "toolstack/libvane/internal.h"

/* What a boot loader found; nothing of it has a name any more. */
struct booted {
	int kernel, ramdisk;		/* -1: none */
	char kernel_path[32], ramdisk_path[32];
	char *args;
};

/*
 * Runs config->bootloader on the first disk, and makes @config, which is a
 * copy, name what it found. @b is to be freed whatever happens.
 */
int bootloader_run(struct vane *v, struct vane_config *config,
		   struct booted *b);
void booted_free(struct booted *b);

#endif
