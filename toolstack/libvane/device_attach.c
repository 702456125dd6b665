/*
 * Devices of a domain that lives: giving it one more, and what it has.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "toolstack/libvane/internal.h"
#include "toolstack/libvane/wait.h"

#ifndef TAKEN_MS
#define TAKEN_MS	2000	/* a kernel that runs takes a device within this */
#endif
#define MISSED_US	100000	/* and sees within this that one is gone */
#define TRIES		3	/* with more time for that each time */

/* --- one more ------------------------------------------------------------ */

struct attach {
	uint32_t domid;
	struct vane_config *config;	/* of exactly one device */
};

static int record_exists(struct store *s, store_tx tx, uint32_t domid,
			 const char *kind, unsigned int devid)
{
	char path[STORE_PATH_MAX];

	snprintf(path, sizeof(path), "/libxl/%u/device/%s/%u", domid, kind,
		 devid);
	return store_exists(s, tx, path);
}

static int enter_one(struct store *s, store_tx tx, void *arg)
{
	struct attach *a = arg;
	struct entry_writer w = { .store = s, .tx = tx, .domid = a->domid };
	const char *kind = a->config->nr_disks ? "vbd" : "vif";
	unsigned int devid = a->config->nr_disks ? a->config->disks->devid :
		a->config->nics->devid;
	int rc = -EEXIST;

	if (devid == ~0u) {		/* the first free number */
		do
			rc = record_exists(s, tx, a->domid, kind, ++devid);
		while (rc > 0);
		if (!rc)
			a->config->nics->devid = devid;
	} else {
		rc = record_exists(s, tx, a->domid, kind, devid);
	}
	if (rc)
		return rc > 0 ? -EEXIST : rc;
	devices_enter(&w, a->config);
	return w.rc;
}

/*
 * Whether the guest's kernel, which runs, does not look at the device, or
 * closes it at once: it is still busy with the one before.
 */
static bool is_missed(struct vane *v, struct store *s, uint32_t domid,
		      const char *kind, unsigned int devid)
{
	int64_t until = wait_now_ms() + TAKEN_MS;
	struct xen_domctl_getdomaininfo info;
	struct store_event ev;
	struct device d;
	int state;

	if (hv_domain_info(v, domid, &info) ||
	    info.flags & (XEN_DOMINF_paused | XEN_DOMINF_shutdown |
			  XEN_DOMINF_dying))
		return false;
	device_init(&d, domid, kind, kind, devid);
	if (store_watch(s, d.front, "taken"))
		return false;
	for (;;) {
		int64_t left = until - wait_now_ms();

		state = device_state(s, d.front);
		if (state != XenbusStateInitialising || left <= 0 ||
		    store_next_event(s, left, &ev) < 0)
			break;
	}
	(void)store_unwatch(s, d.front, "taken");
	return state == XenbusStateInitialising ||
	       state == XenbusStateClosing || state == XenbusStateClosed;
}

/* Attaches the one device of @config. */
static int attach_once(struct vane *v, uint32_t domid,
		       struct vane_config *config, const char *kind)
{
	struct attach a = { .domid = domid, .config = config };
	unsigned int devid;
	struct store *s;
	int rc = vane_store(v, &s);

	if (!rc)
		rc = devices_check(v, config);
	if (rc)
		return rc;
	rc = store_transaction(s, enter_one, &a);
	devid = config->nr_disks ? config->disks->devid : config->nics->devid;
	if (rc)
		return vane_fail(v, rc, "domain %u: device %s %u: %s", domid,
				 kind, devid, rc == -EEXIST ?
				 "it has one of that number already" :
				 strerror(-rc));
	rc = devices_connect(v, domid, config);
	if (rc)
		(void)vane_device_detach(v, domid, kind, devid, true);
	return rc;
}

/*
 * A kernel that learns that a device is gone looks whether its node is there,
 * and takes one of the same name that came at once for the old one; or it has
 * seen that, and closes the old one by the new one's node. So a device that is
 * not taken goes and comes again.
 */
static int attach(struct vane *v, uint32_t domid, struct vane_config *config,
		  const char *kind)
{
	unsigned int devid;
	struct store *s;
	int rc = vane_store(v, &s);

	if (!rc)
		rc = attach_once(v, domid, config, kind);
	devid = config->nr_disks ? config->disks->devid : config->nics->devid;
	for (unsigned int tries = 1; !rc && tries < TRIES; tries++) {
		if (!is_missed(v, s, domid, kind, devid))
			return 0;
		rc = vane_device_detach(v, domid, kind, devid, true);
		(void)usleep(MISSED_US * tries * tries);
		if (!rc)
			rc = attach_once(v, domid, config, kind);
	}
	return rc;
}

static int attach_planned(struct vane *v, uint32_t domid,
			  const struct vane_config *config, const char *kind)
{
	struct device_plan plan;
	int rc = devices_choose(v, config, &plan);

	if (rc)
		return rc;
	rc = attach(v, domid, &plan.config, kind);
	devices_unchoose(&plan);
	return rc;
}

int vane_disk_attach(struct vane *v, uint32_t domid,
		     const struct vane_disk *disk)
{
	struct vane_config config = {
		.disks = (struct vane_disk *)disk, .nr_disks = 1,
	};

	return attach_planned(v, domid, &config, "vbd");
}

int vane_nic_attach(struct vane *v, uint32_t domid, const struct vane_nic *nic)
{
	struct vane_config config = {
		.nics = (struct vane_nic *)nic, .nr_nics = 1,
	};

	return attach_planned(v, domid, &config, "vif");
}

/* --- what there is ------------------------------------------------------- */

/* A number of the front end's directory, -1 where there is none. */
static int front_number(struct store *s, const char *front, const char *key)
{
	char text[16];

	device_key(s, front, key, text, sizeof(text));
	return text[0] ? atoi(text) : -1;
}

static void take_device(struct store *s, uint32_t domid, const char *kind,
			const char *name, struct vane_device *d)
{
	char record[STORE_PATH_MAX], front[STORE_PATH_MAX], text[16];
	bool vif = !strcmp(kind, "vif");

	memset(d, 0, sizeof(*d));
	snprintf(record, sizeof(record), "/libxl/%u/device/%s/%.16s", domid,
		 kind, name);
	snprintf(front, sizeof(front), "/local/domain/%u/device/%s/%.16s",
		 domid, kind, name);
	d->devid = strtoul(name, NULL, 10);
	device_key(s, record, "backend", d->backend, sizeof(d->backend));
	device_key(s, record, "mac", d->mac, sizeof(d->mac));
	device_key(s, record, "dev", d->vdev, sizeof(d->vdev));
	device_key(s, record, "params", d->target, sizeof(d->target));
	device_key(s, record, "bridge", d->bridge, sizeof(d->bridge));
	device_key(s, record, "ip", d->ip, sizeof(d->ip));
	device_key(s, record, "script", d->script, sizeof(d->script));
	device_key(s, record, "mode", text, sizeof(text));
	d->readonly = text[0] == 'r';
	device_key(s, record, "device-type", text, sizeof(text));
	d->cdrom = !strcmp(text, "cdrom");
	if (sscanf(d->backend, "/local/domain/%u/", &d->back_domid) != 1)
		d->back_domid = 0;
	d->state = front_number(s, front, "state");
	d->port = front_number(s, front, "event-channel");
	d->ring_ref = front_number(s, front, vif ? "tx-ring-ref" : "ring-ref");
	d->ring_ref_2 = vif ? front_number(s, front, "rx-ring-ref") : -1;
}

int vane_devices(struct vane *v, uint32_t domid, const char *kind,
		 struct vane_device **list, unsigned int *count)
{
	char dir[STORE_PATH_MAX], **names = NULL;
	struct vane_device *all;
	unsigned int n = 0;
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(dir, sizeof(dir), "/libxl/%u/device/%s", domid, kind);
	rc = store_directory(s, STORE_NO_TX, dir, &names, &n);
	if (rc && rc != -ENOENT)
		return vane_fail(v, rc, "domain %u: its devices: %s", domid,
				 strerror(-rc));
	all = calloc(n + 1, sizeof(*all));
	for (unsigned int i = 0; all && i < n; i++)
		take_device(s, domid, kind, names[i], &all[i]);
	free(names);
	if (!all)
		return vane_no_memory(v, "its devices");
	*list = all;
	*count = n;
	return 0;
}
