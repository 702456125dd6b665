/*
 * What a virtual disk is made of: a regular file or a block device of Dom0.
 */
#ifndef BACKEND_BLOCK_IMAGE_H
#define BACKEND_BLOCK_IMAGE_H

#include <stdbool.h>
#include <stdint.h>

struct image {
	int fd;				/* -1: not open */
	uint64_t sectors;		/* of 512 bytes */
	uint32_t block_size;		/* logical, bytes */
	uint32_t physical_size;		/* physical block, bytes */
	uint32_t discard_granularity;	/* bytes; 0: cannot discard */
	bool direct;			/* past the page cache */
	bool can_flush;
};

/**
 * Opens @path. A disk that may be written is locked against a second
 * writer and against readers, one that is read against writers, unless it is
 * @shared. The lock belongs to the open file, which I/O in flight keeps open
 * beyond the end of a process: with @wait we wait until nothing of a
 * predecessor that was killed can reach the disk. A @shared disk that may be
 * written is locked against our predecessor alone, by @key, a number that no
 * other device has. Returns 0, or -errno with one line logged under @who that
 * says what failed.
 */
int image_open(struct image *im, const char *who, const char *path,
	       bool read_only, bool shared, uint64_t key, bool wait);

/**
 * Looks again how large it is, with no call but on the open file. Returns 0 or
 * -errno, nothing changed.
 */
int image_measure(struct image *im);

void image_close(struct image *im);

#endif
