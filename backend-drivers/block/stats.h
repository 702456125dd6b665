/*
 * What a disk has done since it was attached. The numbers lie at the beginning
 * of the file /run/vane/disks/DOMID.DEVID (memory.h), in which every worker of
 * the disk counts; who reads them finds each number whole, and all of them as
 * they are a moment later.
 */
#ifndef BACKEND_BLOCK_STATS_H
#define BACKEND_BLOCK_STATS_H

#include <stdint.h>

#define DISK_STATS_DIR "/run/vane/disks"

struct disk_stats {
	uint64_t reads, writes, flushes, discards;	/* requests, good ones */
	uint64_t failed;				/* answered with errors */
	uint64_t read_bytes, write_bytes;
};

#endif
