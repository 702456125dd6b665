/*
 * Giving up all authority, before the first byte of a guest's is looked at:
 * vane-bootloader and vane-unwrap.
 */
#ifndef TOOLSTACK_BOOTLOADER_SANDBOX_H
#define TOOLSTACK_BOOTLOADER_SANDBOX_H

/*
 * From here on this process can compute, allocate memory, read and write the
 * descriptors that are open, and end. It has so many seconds of a processor
 * and a gigabyte. When it tries anything else it is killed. 0 or -errno.
 */
int sandbox_enter(unsigned int seconds);

#endif
