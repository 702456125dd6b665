/*
 * What disks have done: our back end counts in a file that it maps, the
 * kernel's in files of sysfs, a number in each.
 */
#include "toolstack/libvane.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "backend-drivers/block/stats.h"

static int ours(uint32_t domid, unsigned int devid,
		struct vane_disk_counts *counts)
{
	struct disk_stats s;
	char path[64];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), DISK_STATS_DIR "/%u.%u", domid, devid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	n = read(fd, &s, sizeof(s));
	close(fd);
	if (n != sizeof(s))
		return -EIO;
	*counts = (struct vane_disk_counts){
		.reads = s.reads, .writes = s.writes, .flushes = s.flushes,
		.discards = s.discards, .failed = s.failed,
		.read_bytes = s.read_bytes, .write_bytes = s.write_bytes,
	};
	return 0;
}

static int kernel_number(uint32_t domid, unsigned int devid, const char *name,
			 unsigned int unit, uint64_t *number)
{
	unsigned long long value;
	char path[96];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/sys/bus/xen-backend/devices/vbd-%u-%u/"
		 "statistics/%s", domid, devid, name);
	f = fopen(path, "re");
	if (!f)
		return -errno;
	n = fscanf(f, "%llu", &value);
	fclose(f);
	if (n != 1)
		return -EIO;
	*number = value * unit;
	return 0;
}

static int kernels(uint32_t domid, unsigned int devid,
		   struct vane_disk_counts *counts)
{
	const struct {
		const char *name;
		unsigned int unit;
		uint64_t *number;
	} files[] = {
		{ "rd_req", 1, &counts->reads },
		{ "wr_req", 1, &counts->writes },
		{ "f_req", 1, &counts->flushes },
		{ "ds_req", 1, &counts->discards },
		{ "rd_sect", 512, &counts->read_bytes },
		{ "wr_sect", 512, &counts->write_bytes },
	};
	int rc = 0;

	counts->failed = 0;
	for (size_t i = 0; !rc && i < sizeof(files) / sizeof(files[0]); i++)
		rc = kernel_number(domid, devid, files[i].name, files[i].unit,
				   files[i].number);
	return rc;
}

int vane_disk_counts(uint32_t domid, const struct vane_device *disk,
		     struct vane_disk_counts *counts)
{
	return strstr(disk->backend, "/vane-vbd/") ?
		ours(domid, disk->devid, counts) :
		kernels(domid, disk->devid, counts);
}
