/*
 * Devices coming up: waiting for their back ends, with a limit and a reason,
 * and the Dom0 part of the kernel's ones.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "toolstack/libvane/script.h"
#include "toolstack/libvane/wait.h"

#define BACK_END_MS	10000	/* a back end answers within this */
#define INTERFACE_MS	5	/* between looks for a network interface */
#define LOOK_MS		1000	/* between looks without an event */

/* Our own back ends do the Dom0 part themselves and say how it went. */
static int check_ours(struct vane *v, struct store *s, const struct device *d)
{
	char status[32], why[256];

	device_key(s, d->back, "hotplug-status", status, sizeof(status));
	if (!strcmp(status, "connected"))
		return 0;
	if (strcmp(status, "error"))
		return -EAGAIN;
	device_key(s, d->back, "hotplug-error", why, sizeof(why));
	return vane_fail(v, -EIO, "device %s %u of domain %u: its back end %s "
			 "refuses: %s", d->kind, d->devid, d->domid,
			 d->back_kind, why[0] ? why : "see its log");
}

/* One look at a device: 0 is up, -EAGAIN not yet, or an error. */
static int check_up(struct vane *v, struct store *s, const struct device *d,
		    const struct vane_disk *disk, const struct vane_nic *nic)
{
	char script[SCRIPT_PATH];
	int state;

	if (!strncmp(d->back_kind, "vane-", 5)) {
		int rc = check_ours(v, s, d);

		/* Where its interface belongs is a script's to say. */
		return !rc && nic && script_path(nic->script, script) ?
			hotplug_nic(v, d, nic) : rc;
	}
	state = device_state(s, d->back);
	if (state == XenbusStateClosing || state == XenbusStateClosed)
		return vane_fail(v, -EIO, "device %s %u of domain %u: its "
				 "back end has closed", d->kind, d->devid,
				 d->domid);
	if (state < XenbusStateInitWait)
		return -EAGAIN;
	return disk ? hotplug_disk(v, d, disk) : hotplug_nic(v, d, nic);
}

/* Waits for one device; the others come up meanwhile. */
static int wait_up(struct vane *v, struct store *s, const struct device *d,
		   const struct vane_disk *disk, const struct vane_nic *nic)
{
	int64_t until = wait_now_ms() + BACK_END_MS;
	struct store_event ev;
	int rc = store_watch(s, d->back, "up"), looked;

	if (rc)
		return vane_fail(v, rc, "device %s %u of domain %u: waiting "
				 "for its back end: %s", d->kind, d->devid,
				 d->domid, strerror(-rc));
	for (;;) {
		int64_t left = until - wait_now_ms();

		looked = check_up(v, s, d, disk, nic);
		if (looked != -EAGAIN || left <= 0)
			break;
		/* Interfaces of the kernel appear without a store event. */
		if (nic && device_state(s, d->back) >= XenbusStateInitWait)
			left = INTERFACE_MS;
		rc = store_next_event(s, left < LOOK_MS ? left : LOOK_MS, &ev);
		if (rc < 0)
			break;
	}
	(void)store_unwatch(s, d->back, "up");
	if (rc < 0)
		return vane_fail(v, rc, "device %s %u of domain %u: the store "
				 "is lost: %s", d->kind, d->devid, d->domid,
				 strerror(-rc));
	if (looked != -EAGAIN)
		return looked;
	return vane_fail(v, -ETIMEDOUT, "device %s %u of domain %u: no back "
			 "end of kind %s took it within %d s (%s)", d->kind,
			 d->devid, d->domid, d->back_kind, BACK_END_MS / 1000,
			 device_server(d));
}

int devices_connect(struct vane *v, uint32_t domid,
		    const struct vane_config *config)
{
	struct store *s;
	struct device d;
	int rc = vane_store(v, &s);

	for (unsigned int i = 0; !rc && i < config->nr_disks; i++) {
		device_of_disk(&d, domid, &config->disks[i]);
		rc = wait_up(v, s, &d, &config->disks[i], NULL);
	}
	for (unsigned int i = 0; !rc && i < config->nr_nics; i++) {
		device_of_nic(&d, domid, &config->nics[i]);
		rc = wait_up(v, s, &d, NULL, &config->nics[i]);
	}
	return rc;
}
