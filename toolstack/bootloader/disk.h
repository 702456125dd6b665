/*
 * A disk as bytes, and its partitions: GPT, MBR with its extended ones, or
 * none. Everything that is read is the guest's: numbers are checked against
 * the size of the disk, chains and tables have an end.
 */
#ifndef TOOLSTACK_BOOTLOADER_DISK_H
#define TOOLSTACK_BOOTLOADER_DISK_H

#include <stddef.h>
#include <stdint.h>

#define DISK_PARTS 64

struct disk {
	int fd;
	uint64_t size;
};

struct part {
	uint64_t start, size;		/* bytes, within the disk */
};

/* Reads all of @len bytes at @offset; 0 or -errno, -EIO beyond the end. */
int disk_read(const struct disk *d, uint64_t offset, void *to, size_t len);

/* The partitions; a disk without any is one. Returns how many, or -errno. */
int disk_parts(const struct disk *d, struct part parts[DISK_PARTS]);

#endif
