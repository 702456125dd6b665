/*
 * Giving up all authority, before the first byte of a guest's is looked at.
 */
#ifndef TOOLSTACK_BOOTLOADER_SANDBOX_H
#define TOOLSTACK_BOOTLOADER_SANDBOX_H

/*
 * From here on this process can compute, allocate memory, read and write the
 * descriptors that are open, and end. It has a minute and a gigabyte. When it
 * tries anything else it is killed. 0 or -errno.
 */
int sandbox_enter(void);

#endif
