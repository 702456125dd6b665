/*
 * The Dom0 part of the kernel's own back ends: the block device for
 * xen-blkback, the bridge for xen-netback. The nodes are those that the
 * published hot-plug scripts write. Where the configuration names a script,
 * it does all of this instead.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/loop.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "toolstack/libvane/script.h"

#define LOOP_TRIES 64		/* others take free loop devices too */

/* --- disks --------------------------------------------------------------- */

/*
 * Takes a free loop device for @file; its descriptor, or -errno. The device
 * goes with the descriptor until loop_keep(): whoever dies before the device
 * stands in the store leaves none.
 */
static int loop_attach(int control, int file, bool readonly, const char *name,
		       char *path, size_t size)
{
	struct loop_config config = {
		.fd = file, .info.lo_flags = LO_FLAGS_AUTOCLEAR,
	};
	int n = ioctl(control, LOOP_CTL_GET_FREE), fd, rc;

	if (n < 0)
		return -errno;
	snprintf(path, size, "/dev/loop%d", n);
	fd = open(path, (readonly ? O_RDONLY : O_RDWR) | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (readonly)
		config.info.lo_flags |= LO_FLAGS_READ_ONLY;
	snprintf((char *)config.info.lo_file_name,
		 sizeof(config.info.lo_file_name), "%s", name);
	rc = ioctl(fd, LOOP_CONFIGURE, &config) ? -errno : 0;
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int loop_keep(int loop)
{
	struct loop_info64 info;

	if (ioctl(loop, LOOP_GET_STATUS64, &info))
		return -errno;
	info.lo_flags &= ~(uint32_t)LO_FLAGS_AUTOCLEAR;
	return ioctl(loop, LOOP_SET_STATUS64, &info) ? -errno : 0;
}

/* The descriptor of a loop device for the disk's file, or -errno. */
static int loop_make(struct vane *v, const struct vane_disk *disk, char *path,
		     size_t size)
{
	int control, file, rc = -EBUSY;

	control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	if (control < 0)
		return vane_fail(v, -errno, "disk %s: /dev/loop-control: %s "
				 "(is the module loop loaded?)", disk->vdev,
				 strerror(errno));
	file = open(disk->target, (disk->readonly ? O_RDONLY : O_RDWR) |
		    O_CLOEXEC);
	if (file < 0) {
		rc = vane_fail(v, -errno, "disk %s: %s: %s", disk->vdev,
			       disk->target, strerror(errno));
		goto out;
	}
	for (int i = 0; rc == -EBUSY && i < LOOP_TRIES; i++)
		rc = loop_attach(control, file, disk->readonly, disk->target,
				 path, size);
	if (rc < 0)
		(void)vane_fail(v, rc, "disk %s: no loop device for %s: %s",
				disk->vdev, disk->target, strerror(-rc));
	close(file);
out:
	close(control);
	return rc;
}

/* By then the device may be another file's: then it is left alone. */
static void loop_clear(const char *path, const char *target)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct loop_info64 info;

	if (fd < 0)
		return;
	/* In use still: the kernel clears it when its last user closes. */
	if (!ioctl(fd, LOOP_GET_STATUS64, &info) &&
	    !strncmp((char *)info.lo_file_name, target, LO_NAME_SIZE - 1))
		(void)ioctl(fd, LOOP_CLR_FD);
	close(fd);
}

struct attached {
	const struct device *d;
	const char *path;
	bool is_loop;			/* made by us, to be given back */
	dev_t number;
};

static int write_attached(struct store *s, store_tx tx, void *arg)
{
	const struct attached *a = arg;
	struct entry_writer w = {
		.store = s, .tx = tx, .domid = a->d->domid,
	};
	char path[STORE_PATH_MAX + 32];

	/* The tools' record is what unplug() goes by. */
	if (a->is_loop) {
		snprintf(path, sizeof(path), "%s/loop", a->d->record);
		entry(&w, INHERIT, path, "%s", a->path);
	}
	snprintf(path, sizeof(path), "%s/physical-device-path", a->d->back);
	entry(&w, INHERIT, path, "%s", a->path);
	snprintf(path, sizeof(path), "%s/physical-device", a->d->back);
	entry(&w, INHERIT, path, "%x:%x", major(a->number), minor(a->number));
	snprintf(path, sizeof(path), "%s/hotplug-status", a->d->back);
	entry(&w, INHERIT, path, "connected");
	return w.rc;
}

static int disk_by_script(struct vane *v, struct store *s,
			  const struct device *d, const char *script)
{
	char number[24];
	int rc = script_run(v, d, script, "add");

	if (rc)
		return rc;
	device_key(s, d->back, "physical-device", number, sizeof(number));
	if (number[0])
		return 0;
	return vane_fail(v, -EIO, "device vbd %u of domain %u: script %s did "
			 "not write physical-device", d->devid, d->domid,
			 script);
}

int hotplug_disk(struct vane *v, const struct device *d,
		 const struct vane_disk *disk)
{
	struct attached a = { .d = d, .path = disk->target };
	char path[32], script[SCRIPT_PATH];
	int loop = -1, rc;
	struct store *s;
	struct stat st;

	rc = vane_store(v, &s);
	if (rc)
		return rc;
	if (script_path(disk->script, script))
		return disk_by_script(v, s, d, script);
	if (stat(disk->target, &st))
		return vane_fail(v, -errno, "disk %s: %s: %s", disk->vdev,
				 disk->target, strerror(errno));
	if (S_ISREG(st.st_mode)) {
		loop = loop_make(v, disk, path, sizeof(path));
		if (loop < 0)
			return loop;
		a.path = path;
		a.is_loop = true;
		if (fstat(loop, &st))
			rc = -errno;
	}
	a.number = st.st_rdev;
	if (!rc)
		rc = store_transaction(s, write_attached, &a);
	if (!rc && a.is_loop)
		rc = loop_keep(loop);
	if (loop >= 0)
		close(loop);
	return rc ? vane_fail(v, rc, "disk %s of domain %u: %s: %s",
			      disk->vdev, d->domid, a.path, strerror(-rc)) : 0;
}

void unplug(struct vane *v, const struct device *d)
{
	char loop[64], target[256], script[256];
	struct store *s;

	if (vane_store(v, &s))
		return;
	device_key(s, d->record, "loop", loop, sizeof(loop));
	device_key(s, d->record, "params", target, sizeof(target));
	if (loop[0])
		loop_clear(loop, target);
	device_key(s, d->record, "run-script", script, sizeof(script));
	if (script[0])		/* what goes wrong is told, and goes on */
		(void)script_run(v, d, script, strcmp(d->kind, "vif") ?
				 "remove" : "offline");
}

/* --- network ------------------------------------------------------------- */

static void named(struct ifreq *req, const char *name)
{
	memset(req, 0, sizeof(*req));
	snprintf(req->ifr_name, sizeof(req->ifr_name), "%s", name);
}

/* Name, MTU, address, bridge, up: 0 or -errno with *@step set. */
static int interface_up(int sock, const char *name, const struct vane_nic *nic,
			const char **step)
{
	struct ifreq req;

	*step = "bridge";
	named(&req, nic->bridge);
	req.ifr_ifindex = if_nametoindex(name);
	if (!req.ifr_ifindex)
		return -ENODEV;
	if (ioctl(sock, SIOCBRADDIF, &req) && errno != EBUSY)
		return -errno;
	*step = "mtu";
	if (nic->mtu) {
		named(&req, name);
		req.ifr_mtu = nic->mtu;
		if (ioctl(sock, SIOCSIFMTU, &req))
			return -errno;
	}
	*step = "switching it on";
	named(&req, name);
	if (ioctl(sock, SIOCGIFFLAGS, &req))
		return -errno;
	req.ifr_flags |= IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &req) ? -errno : 0;
}

/* The bridge's own address must not follow the guest's interface. */
static int set_dull_mac(int sock, const char *name)
{
	struct ifreq req;

	named(&req, name);
	req.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memset(req.ifr_hwaddr.sa_data, 0xff, 6);
	req.ifr_hwaddr.sa_data[0] = (char)0xfe;
	return ioctl(sock, SIOCSIFHWADDR, &req) ? -errno : 0;
}

static int rename_interface(int sock, const char *from, const char *to)
{
	struct ifreq req;

	named(&req, from);
	snprintf(req.ifr_newname, sizeof(req.ifr_newname), "%.15s", to);
	return ioctl(sock, SIOCSIFNAME, &req) ? -errno : 0;
}

int hotplug_nic(struct vane *v, const struct device *d,
		const struct vane_nic *nic)
{
	char made[IFNAMSIZ], path[STORE_PATH_MAX + 32], script[SCRIPT_PATH];
	const char *name = nic->vifname ? nic->vifname : made;
	const char *step = "renaming it";
	struct store *s;
	int sock, rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(made, sizeof(made), "vif%u.%u", d->domid, d->devid);
	if (!if_nametoindex(made) && !if_nametoindex(name))
		return -EAGAIN;
	if (script_path(nic->script, script))
		return script_run(v, d, script, "online");
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (sock < 0)
		return -errno;
	if (name != made)
		rc = rename_interface(sock, made, name);
	if (!rc) {
		step = "address";
		rc = set_dull_mac(sock, name);
	}
	if (!rc)
		rc = interface_up(sock, name, nic, &step);
	close(sock);
	if (rc)
		return vane_fail(v, rc, "interface %s of domain %u on bridge "
				 "%s: %s: %s", name, d->domid, nic->bridge,
				 step, strerror(-rc));
	snprintf(path, sizeof(path), "%s/hotplug-status", d->back);
	rc = store_write_str(s, STORE_NO_TX, path, "connected");
	return rc ? vane_fail(v, rc, "interface %s of domain %u: %s: %s", name,
			      d->domid, path, strerror(-rc)) : 0;
}
