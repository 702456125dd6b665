/*
 * A disk that changes its size while a guest uses it: its file is made
 * larger, or somebody else has done that to what is behind it, and the back
 * end is told to look again. The front end hears of it from the back end.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/text.h"
#include "toolstack/libvane/wait.h"

#define TAKEN_MS 10000		/* our back end looks within this */

/* The disk's record, if the domain has such a disk. */
static int find_disk(struct vane *v, struct store *s, uint32_t domid,
		     const char *vdev, struct device *d)
{
	unsigned int devid;

	if (vdev_parse(vdev, &devid))
		return vane_fail(v, -EINVAL, "disk: found \"%s\"; allowed: "
				 "xvda, sdb or a number", vdev);
	device_init(d, domid, "vbd", "vane-vbd", devid);
	if (store_exists(s, STORE_NO_TX, d->back) == 1)
		return 0;
	device_init(d, domid, "vbd", "vbd", devid);
	if (store_exists(s, STORE_NO_TX, d->back) == 1)
		return 0;
	return vane_fail(v, -ENODEV, "domain %u has no disk %s "
			 "(`vane block-list` shows them)", domid, vdev);
}

static int grow_file(struct vane *v, const char *path, uint64_t size)
{
	struct stat st;
	int rc = 0, fd;

	if (stat(path, &st))
		return vane_fail(v, -errno, "%s: %s", path, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return vane_fail(v, -EINVAL, "%s: is no regular file; change "
				 "its size with what made it, then call this "
				 "without a size", path);
	if ((uint64_t)st.st_size > size)
		return vane_fail(v, -EINVAL, "%s: has %lld bytes; a disk in "
				 "use is not made smaller", path,
				 (long long)st.st_size);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ftruncate(fd, (off_t)size))
		rc = vane_fail(v, -errno, "%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* The kernel's back end looks at each request; the loop device does not. */
static int tell_kernel(struct vane *v, struct store *s,
		       const struct device *d)
{
	char loop[64];
	int fd, rc = 0;

	device_key(s, d->record, "loop", loop, sizeof(loop));
	if (!loop[0])
		return 0;
	fd = open(loop, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, LOOP_SET_CAPACITY, 0))
		rc = vane_fail(v, -errno, "%s: %s", loop, strerror(errno));
	if (fd >= 0)
		close(fd);
	return rc;
}

/* Ours takes the key away when it has looked. */
static int tell_ours(struct vane *v, struct store *s, const struct device *d)
{
	int64_t until = wait_now_ms() + TAKEN_MS;
	char path[STORE_PATH_MAX + 16];
	struct store_event ev;
	int rc;

	snprintf(path, sizeof(path), "%s/resize", d->back);
	rc = store_watch(s, path, "resize");
	if (!rc)
		rc = store_write_str(s, STORE_NO_TX, path, "1");
	while (rc >= 0 && store_exists(s, STORE_NO_TX, path) == 1) {
		int64_t left = until - wait_now_ms();

		rc = left <= 0 ? -ETIMEDOUT : store_next_event(s, left, &ev);
	}
	(void)store_unwatch(s, path, "resize");
	if (rc == -ETIMEDOUT)
		(void)store_rm(s, STORE_NO_TX, path);
	return rc < 0 ? vane_fail(v, rc, "device vbd %u of domain %u: its "
				  "back end does not look at its size: %s",
				  d->devid, d->domid, strerror(-rc)) : 0;
}

int vane_disk_resize(struct vane *v, uint32_t domid, const char *vdev,
		     uint64_t size)
{
	char path[4096];
	struct device d;
	struct store *s;
	int rc = vane_store(v, &s);

	if (!rc)
		rc = find_disk(v, s, domid, vdev, &d);
	if (rc)
		return rc;
	device_key(s, d.back, "params", path, sizeof(path));
	if (size)
		rc = grow_file(v, path, size);
	if (rc)
		return rc;
	return strcmp(d.back_kind, "vbd") ? tell_ours(v, s, &d) :
		tell_kernel(v, s, &d);
}
