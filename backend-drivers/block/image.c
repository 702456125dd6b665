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
#define LOCK_HALF ((off_t)1 << 62)

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

/*
 * The lower half of the range is the disk's, the upper half has a byte for
 * each device.
 */
static int lock(int fd, bool read_only, bool shared, uint64_t key, bool wait)
{
	struct flock range = {
		.l_type = read_only ? F_RDLCK : F_WRLCK,
		.l_whence = SEEK_SET,
		.l_start = shared ? LOCK_HALF + (off_t)key : 0,
		.l_len = shared ? 1 : LOCK_HALF,
	};

	/* Who may not write leaves nothing behind that can reach the disk. */
	if (shared && read_only)
		return 0;
	if (!fcntl(fd, wait ? F_OFD_SETLKW : F_OFD_SETLK, &range))
		return 0;
	return errno == EAGAIN ? -EBUSY : -errno;
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

/* What may change while it is in use. */
static int size_of(int fd, const struct stat *st, uint64_t *sectors)
{
	uint64_t bytes = (uint64_t)st->st_size;

	if (S_ISBLK(st->st_mode) && ioctl(fd, BLKGETSIZE64, &bytes))
		return -errno;
	*sectors = bytes / BLK_SECTOR;
	return 0;
}

static int describe_device(struct image *im, dev_t dev)
{
	unsigned int physical;
	int logical;

	if (ioctl(im->fd, BLKSSZGET, &logical) ||
	    ioctl(im->fd, BLKPBSZGET, &physical))
		return -errno;
	im->block_size = (uint32_t)logical;
	im->physical_size = physical;
	im->discard_granularity = queue_number(dev, "discard_granularity");
	return 0;
}

static int describe(struct image *im)
{
	struct stat st;

	if (fstat(im->fd, &st))
		return -errno;
	if (!S_ISBLK(st.st_mode) && !S_ISREG(st.st_mode))
		return -ENOTBLK;
	im->block_size = BLK_SECTOR;
	im->physical_size = BLK_SECTOR;
	im->discard_granularity = (uint32_t)st.st_blksize;
	if (S_ISBLK(st.st_mode)) {
		int rc = describe_device(im, st.st_rdev);

		if (rc)
			return rc;
	}
	return size_of(im->fd, &st, &im->sectors);
}

static int open_way(struct image *im, const char *path, int flags)
{
	int rc;

	im->fd = open(path, flags | O_NOATIME | O_CLOEXEC);
	if (im->fd < 0)
		return -errno;
	rc = describe(im);
	if (!rc && im->direct && !direct_works(im->fd, im->block_size))
		rc = -EINVAL;
	if (rc)
		image_close(im);
	return rc;
}

int image_open(struct image *im, const char *who, const char *path,
	       bool read_only, bool shared, uint64_t key, bool wait)
{
	int flags = read_only ? O_RDONLY : O_RDWR;
	const char *what = "cannot open";
	int rc;

	*im = (struct image){ .fd = -1, .direct = true, .can_flush = true };
	rc = open_way(im, path, flags | O_DIRECT);
	if (rc == -EINVAL) {
		im->direct = false;
		rc = open_way(im, path, flags);
	}
	if (!rc) {
		what = "in use by another disk: cannot lock";
		rc = lock(im->fd, read_only, shared, key, wait);
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
	uint64_t sectors = 0;
	struct stat st;
	int rc;

	if (fstat(im->fd, &st))
		return -errno;
	rc = size_of(im->fd, &st, &sectors);
	if (!rc && !sectors)
		rc = -EINVAL;
	if (!rc)
		im->sectors = sectors;
	return rc;
}

void image_close(struct image *im)
{
	if (im->fd >= 0)
		close(im->fd);
	im->fd = -1;
}
