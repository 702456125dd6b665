/*
 * See ext.h. libext2fs does the work; it reads through the functions below,
 * which know one partition of an open disk, and nothing can be written.
 */
#include "toolstack/bootloader/ext.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <ext2fs/ext2fs.h>

#include "toolstack/sys/io.h"

struct ext {
	ext2_filsys fs;
};

/* --- a partition as libext2fs wants it ----------------------------------- */

struct window {
	struct disk disk;
	struct part part;
};

static errcode_t part_close(io_channel io)
{
	if (--io->refcount > 0)
		return 0;
	free(io->private_data);
	free(io->name);
	free(io);
	return 0;
}

static errcode_t part_set_blksize(io_channel io, int size)
{
	io->block_size = size;
	return 0;
}

/* A negative count is in bytes. */
static errcode_t part_read_blk64(io_channel io, unsigned long long block,
				 int count, void *data)
{
	const struct window *w = io->private_data;
	uint64_t len = count < 0 ? (uint64_t)-(int64_t)count :
		(uint64_t)count * (unsigned int)io->block_size;
	uint64_t at;

	if (__builtin_mul_overflow(block, (uint64_t)io->block_size, &at) ||
	    at > w->part.size || len > w->part.size - at ||
	    disk_read(&w->disk, w->part.start + at, data, len))
		return EXT2_ET_SHORT_READ;
	return 0;
}

static errcode_t part_read_blk(io_channel io, unsigned long block, int count,
			       void *data)
{
	return part_read_blk64(io, block, count, data);
}

static errcode_t part_write_blk64(io_channel io, unsigned long long block,
				  int count, const void *data)
{
	(void)io, (void)block, (void)count, (void)data;
	return EXT2_ET_RO_FILSYS;
}

static errcode_t part_write_blk(io_channel io, unsigned long block, int count,
				const void *data)
{
	return part_write_blk64(io, block, count, data);
}

static errcode_t part_flush(io_channel io)
{
	(void)io;
	return 0;
}

static errcode_t part_open(const char *name, int flags, io_channel *channel);

static struct struct_io_manager part_io = {
	.magic = EXT2_ET_MAGIC_IO_MANAGER, .name = "partition",
	.open = part_open, .close = part_close,
	.set_blksize = part_set_blksize, .read_blk = part_read_blk,
	.write_blk = part_write_blk, .flush = part_flush,
	.read_blk64 = part_read_blk64, .write_blk64 = part_write_blk64,
};

/* The name says where: "descriptor start size". */
static errcode_t part_open(const char *name, int flags, io_channel *channel)
{
	struct window *w = calloc(1, sizeof(*w));
	io_channel io = calloc(1, sizeof(*io));
	char *copy = strdup(name);

	(void)flags;
	if (!w || !io || !copy ||
	    sscanf(name, "%d %lu %lu", &w->disk.fd, &w->part.start,
		   &w->part.size) != 3) {
		free(w);
		free(io);
		free(copy);
		return EXT2_ET_NO_MEMORY;
	}
	w->disk.size = w->part.start + w->part.size;
	io->magic = EXT2_ET_MAGIC_IO_CHANNEL;
	io->manager = &part_io;
	io->name = copy;
	io->block_size = 1024;
	io->refcount = 1;
	io->private_data = w;
	*channel = io;
	return 0;
}

/* --- files --------------------------------------------------------------- */

struct ext *ext_open(const struct disk *d, const struct part *p)
{
	struct ext *e = calloc(1, sizeof(*e));
	char name[64];

	if (!e)
		return NULL;
	snprintf(name, sizeof(name), "%d %lu %lu", d->fd, p->start, p->size);
	if (!ext2fs_open(name, EXT2_FLAG_64BITS, 0, 0, &part_io, &e->fs))
		return e;
	free(e);
	return NULL;
}

void ext_close(struct ext *e)
{
	if (!e)
		return;
	ext2fs_free(e->fs);
	free(e);
}

static int open_file(struct ext *e, const char *path, ext2_file_t *file,
		     uint64_t *size)
{
	struct ext2_inode inode;
	ext2_ino_t ino;

	if (ext2fs_namei_follow(e->fs, EXT2_ROOT_INO, EXT2_ROOT_INO, path,
				&ino))
		return -ENOENT;
	if (ext2fs_read_inode(e->fs, ino, &inode) ||
	    !LINUX_S_ISREG(inode.i_mode))
		return -ENOENT;
	*size = EXT2_I_SIZE(&inode);
	return ext2fs_file_open(e->fs, ino, 0, file) ? -EIO : 0;
}

int ext_read(struct ext *e, const char *path, size_t max, char **data,
	     size_t *len)
{
	ext2_file_t file;
	unsigned int got = 0;
	uint64_t size;
	char *text;
	int rc = open_file(e, path, &file, &size);

	if (rc)
		return rc;
	text = size <= max ? malloc(size + 1) : NULL;
	if (!text)
		rc = size <= max ? -ENOMEM : -EFBIG;
	else if (ext2fs_file_read(file, text, (unsigned int)size, &got))
		rc = -EIO;
	ext2fs_file_close(file);
	if (rc) {
		free(text);
		return rc;
	}
	text[got] = '\0';
	*data = text;
	*len = got;
	return 0;
}

int ext_copy(struct ext *e, const char *path, int fd, uint64_t max,
	     uint64_t *copied)
{
	static char buf[1 << 16];
	unsigned int got;
	ext2_file_t file;
	uint64_t size;
	int rc = open_file(e, path, &file, &size);

	if (rc)
		return rc;
	*copied = 0;
	if (size > max)
		rc = -EFBIG;
	while (!rc && *copied < size) {
		if (ext2fs_file_read(file, buf, sizeof(buf), &got) || !got)
			rc = -EIO;
		else
			rc = io_write_all(fd, buf, got);
		*copied += rc ? 0 : got;
	}
	ext2fs_file_close(file);
	return rc;
}
