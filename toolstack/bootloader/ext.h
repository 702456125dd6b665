/*
 * Files of an ext2, ext3 or ext4 file system on a partition, read only and
 * without replaying its journal. The file system is a guest's.
 */
#ifndef TOOLSTACK_BOOTLOADER_EXT_H
#define TOOLSTACK_BOOTLOADER_EXT_H

#include "toolstack/bootloader/disk.h"

struct ext;

/* NULL: the partition holds no such file system, or a broken one. */
struct ext *ext_open(const struct disk *d, const struct part *p);
void ext_close(struct ext *e);

/*
 * A file whole, of at most @max bytes, with a NUL behind it; *@data is freed
 * by free(). -ENOENT, -EFBIG, -EIO. Links are followed inside of the file
 * system.
 */
int ext_read(struct ext *e, const char *path, size_t max, char **data,
	     size_t *len);

/* Appends a file to @fd; *@copied bytes of at most @max. */
int ext_copy(struct ext *e, const char *path, int fd, uint64_t max,
	     uint64_t *copied);

#endif
