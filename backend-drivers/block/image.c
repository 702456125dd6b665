/*
 * See image.h. O_DIRECT is used where it can be: whether it can is found out
 * by reading the first sector, because file systems differ in what they
 * refuse and when.
 */
#include "backend-drivers/block/image.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/block/proto.h"

#define PROBE_ALIGN 4096
#define LOCK_TRIES 100
#define LOCK_PAUSE_US 20000

static bool direct_works(int fd, uint32_t block_size)
{
	void *buf = aligned_alloc(PROBE_ALIGN, PROBE_ALIGN);
	bool works;

	if (!buf)
		return false;
	works = pread(fd, buf, block_size, 0) >= 0;
	free(buf);
	return works;
}

static int lock(int fd, bool read_only, bool wait)
{
	struct flock whole = {
		.l_type = read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
	};

	for (int tries = wait ? LOCK_TRIES : 1;; tries--) {
		if (!fcntl(fd, F_OFD_SETLK, &whole))
			return 0;
		if (tries == 1)
			return errno == EAGAIN ? -EBUSY : -errno;
		usleep(LOCK_PAUSE_US);
	}
}

/* A number of the device's queue in sysfs; a partition's parent has it. */
static uint32_t queue_number(dev_t dev, const char *name)
{
	static const char *const where[] = { "queue", "../queue" };
	unsigned long number = 0;
	char path[96];

	for (unsigned int i = 0; i < 2; i++) {
		FILE *f;

		snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s",
			 major(dev), minor(dev), where[i], name);
		f = fopen(path, "re");
		if (!f)
			continue;
		if (fscanf(f, "%lu", &number) != 1)
			number = 0;
		fclose(f);
		break;
	}
	return (uint32_t)number;
}

static int measure_device(struct image *im, dev_t dev)
{
	unsigned int physical;
	uint64_t bytes;
	int logical;

	if (ioctl(im->fd, BLKGETSIZE64, &bytes) ||
	    ioctl(im->fd, BLKSSZGET, &logical) ||
	    ioctl(im->fd, BLKPBSZGET, &physical))
		return -errno;
	im->sectors = bytes / BLK_SECTOR;
	im->block_size = (uint32_t)logical;
	im->physical_size = physical;
	im->discard_granularity = queue_number(dev, "discard_granularity");
	return 0;
}

static int measure(struct image *im)
{
	struct stat st;

	if (fstat(im->fd, &st))
		return -errno;
	if (S_ISBLK(st.st_mode))
		return measure_device(im, st.st_rdev);
	if (!S_ISREG(st.st_mode))
		return -ENOTBLK;
	im->sectors = (uint64_t)st.st_size / BLK_SECTOR;
	im->block_size = BLK_SECTOR;
	im->physical_size = BLK_SECTOR;
	im->discard_granularity = (uint32_t)st.st_blksize;
	return 0;
}

static int open_way(struct image *im, const char *path, int flags)
{
	int rc;

	im->fd = open(path, flags | O_CLOEXEC);
	if (im->fd < 0)
		return -errno;
	rc = measure(im);
	if (!rc && im->direct && !direct_works(im->fd, im->block_size))
		rc = -EINVAL;
	if (rc)
		image_close(im);
	return rc;
}

int image_open(struct image *im, const char *who, const char *path,
	       bool read_only, bool shared, bool wait)
{
	int flags = read_only ? O_RDONLY : O_RDWR;
	const char *what = "cannot open";
	int rc;

	*im = (struct image){ .fd = -1, .direct = true };
	rc = open_way(im, path, flags | O_DIRECT);
	if (rc == -EINVAL) {
		im->direct = false;
		rc = open_way(im, path, flags);
	}
	if (!rc && !shared) {
		what = "in use by another disk: cannot lock";
		rc = lock(im->fd, read_only, wait);
	}
	if (!rc && !im->sectors) {
		what = "empty disk";
		rc = -EINVAL;
	}
	if (rc) {
		log_line(who, "%s %s: %s", what, path, strerror(-rc));
		image_close(im);
	}
	return rc;
}

int image_measure(struct image *im)
{
	struct image look = *im;
	int rc = measure(&look);

	if (!rc && (!look.sectors || look.block_size != im->block_size))
		rc = -EINVAL;
	if (!rc)
		im->sectors = look.sectors;
	return rc;
}

void image_close(struct image *im)
{
	if (im->fd >= 0)
		close(im->fd);
	im->fd = -1;
}
