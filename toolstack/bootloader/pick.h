/*
 * From a guest's disk to what it would boot: finds the GRUB configuration,
 * chooses an entry, copies its kernel and ramdisk.
 */
#ifndef TOOLSTACK_BOOTLOADER_PICK_H
#define TOOLSTACK_BOOTLOADER_PICK_H

#include <stdbool.h>

#include "toolstack/bootloader/disk.h"

#define PICK_TEXT 4096

/* What the boot loader is told, and where its finds go. */
struct pick_request {
	const char *entry;		/* NULL: the default */
	const char *kernel, *ramdisk;	/* of the disk, instead of a menu */
	const char *args;		/* for the kernel, behind the menu's */
	int kernel_fd, ramdisk_fd;
};

struct pick {
	char text[PICK_TEXT];		/* why it failed; the entry's title */
	char args[PICK_TEXT];
	bool ramdisk;			/* there is one */
	char kernel_path[256], ramdisk_path[256];
};

/* 0, or -errno with the reason in @found->text. */
int pick(const struct disk *d, const struct pick_request *want,
	 struct pick *found);

#endif
