/*
 * Virtual devices: what they are called, and their nodes in the store; see
 * device.h.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/config.h"
#include "toolstack/libvane/script.h"
#include "toolstack/libvane/text.h"

void device_init(struct device *d, uint32_t domid, const char *kind,
		 const char *back_kind, unsigned int devid)
{
	d->domid = domid;
	d->kind = kind;
	d->back_kind = back_kind;
	d->devid = devid;
	d->taken = d->ask = false;
	snprintf(d->front, sizeof(d->front), "/local/domain/%u/device/%s/%u",
		 domid, kind, devid);
	snprintf(d->back, sizeof(d->back), DEVICE_BACKENDS "/%s/%u/%u",
		 back_kind, domid, devid);
	snprintf(d->record, sizeof(d->record), "/libxl/%u/device/%s/%u",
		 domid, kind, devid);
}

void device_of_disk(struct device *d, uint32_t domid,
		    const struct vane_disk *disk)
{
	device_init(d, domid, "vbd", disk->backend == VANE_BACKEND_KERNEL ?
		    "vbd" : "vane-vbd", disk->devid);
}

void device_of_nic(struct device *d, uint32_t domid,
		   const struct vane_nic *nic)
{
	device_init(d, domid, "vif", nic->backend == VANE_BACKEND_KERNEL ?
		    "vif" : "vane-vif", nic->devid);
}

/* --- nodes --------------------------------------------------------------- */

/* A key in the front end's directory. */
static void front(struct entry_writer *w, const struct device *d,
		  const char *key, const char *value)
{
	char path[STORE_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", d->front, key);
	entry(w, INHERIT, path, "%s", value);
}

/* A key in the back end's, and its copy in the tools' record. */
static void back(struct entry_writer *w, const struct device *d,
		 const char *key, const char *value)
{
	char path[STORE_PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", d->back, key);
	entry(w, INHERIT, path, "%s", value);
	snprintf(path, sizeof(path), "%s/%s", d->record, key);
	entry(w, INHERIT, path, "%s", value);
}

/* "RATE,BURST" */
static void back_limit(struct entry_writer *w, const struct device *d,
		       const char *key, uint64_t rate, uint64_t burst)
{
	char text[48];

	if (!rate)
		return;
	snprintf(text, sizeof(text), "%llu,%llu", (unsigned long long)rate,
		 (unsigned long long)burst);
	back(w, d, key, text);
}

static void enter_common(struct entry_writer *w, const struct device *d)
{
	char path[STORE_PATH_MAX + 32], domid[12];

	snprintf(domid, sizeof(domid), "%u", d->domid);
	entry(w, FRONT, d->front, "%s", "");
	front(w, d, "backend", d->back);
	front(w, d, "backend-id", "0");
	front(w, d, "state", "1");
	entry(w, READABLE, d->back, "%s", "");
	back(w, d, "frontend", d->front);
	back(w, d, "frontend-id", domid);
	back(w, d, "online", "1");
	back(w, d, "state", "1");
	snprintf(path, sizeof(path), "%s/backend", d->record);
	entry(w, INHERIT, path, "%s", d->back);
}

/*
 * The back end's key names a script in any case; that one is to be run at the
 * end stands in the tools' record alone.
 */
static void enter_script(struct entry_writer *w, const struct device *d,
			 const char *written, const char *usual)
{
	char path[STORE_PATH_MAX + 32], name[SCRIPT_PATH];
	const char *script = script_path(written, name);

	back(w, d, "script", script ? script : usual);
	snprintf(path, sizeof(path), "%s/run-script", d->record);
	if (script)
		entry(w, INHERIT, path, "%s", script);
}

static void enter_disk(struct entry_writer *w, const struct vane_disk *disk)
{
	const char *type = disk->cdrom ? "cdrom" : "disk";
	struct device d;
	char devid[12];

	device_of_disk(&d, w->domid, disk);
	snprintf(devid, sizeof(devid), "%u", disk->devid);
	enter_common(w, &d);
	front(w, &d, "virtual-device", devid);
	front(w, &d, "device-type", type);
	front(w, &d, "trusted", disk->trusted != VANE_NO ? "1" : "0");
	front(w, &d, "protocol", "x86_64-abi");
	back(w, &d, "params", disk->target ? disk->target : "");
	enter_script(w, &d, disk->script, "/etc/xen/scripts/block");
	back(w, &d, "removable", disk->cdrom ? "1" : "0");
	back(w, &d, "bootable", "1");
	back(w, &d, "dev", disk->vdev);
	back(w, &d, "type", "phy");
	back(w, &d, "mode", disk->readonly ? "r" : "w");
	back(w, &d, "device-type", type);
	back(w, &d, "discard-enable", disk->discard != VANE_NO ? "1" : "0");
	back(w, &d, "specification", "xen");
	back_limit(w, &d, "rate", disk->rate, disk->rate_burst);
	back_limit(w, &d, "iops", disk->iops, disk->iops_burst);
	if (disk->target && disk->format >= VANE_DISK_QCOW)
		back(w, &d, "format", config_disk_formats[disk->format]);
	if (disk->direct_io_safe)
		back(w, &d, "direct-io-safe", "1");
}

static void enter_nic(struct entry_writer *w, const struct vane_nic *nic)
{
	char handle[12], mac[MAC_TEXT], number[48], path[SCRIPT_PATH];
	struct device d;

	device_of_nic(&d, w->domid, nic);
	snprintf(handle, sizeof(handle), "%u", nic->devid);
	mac_format(nic->mac, mac);
	enter_common(w, &d);
	front(w, &d, "handle", handle);
	front(w, &d, "mac", mac);
	front(w, &d, "trusted", nic->trusted != VANE_NO ? "1" : "0");
	enter_script(w, &d, nic->script, "/etc/xen/scripts/vif-bridge");
	back(w, &d, "mac", mac);
	/* Ours joins a bridge by itself, unless a script decides. */
	back(w, &d, "bridge", nic->backend == VANE_BACKEND_OURS &&
	     script_path(nic->script, path) ? "" : nic->bridge);
	back(w, &d, "handle", handle);
	back(w, &d, "type", "vif");
	back(w, &d, "hotplug-status", "");
	if (nic->vifname)
		back(w, &d, "vifname", nic->vifname);
	if (nic->ip)
		back(w, &d, "ip", nic->ip);
	if (nic->gatewaydev)
		back(w, &d, "gatewaydev", nic->gatewaydev);
	if (nic->antispoof)
		back(w, &d, "antispoof", "1");
	if (nic->rate_bytes) {
		snprintf(number, sizeof(number), "%llu,%u",
			 (unsigned long long)nic->rate_bytes, nic->rate_usec);
		back(w, &d, "rate", number);
	}
	if (nic->mtu) {
		snprintf(number, sizeof(number), "%u", nic->mtu);
		back(w, &d, "mtu", number);
		front(w, &d, "mtu", number);
	}
}

void devices_enter(struct entry_writer *w, const struct vane_config *config)
{
	for (unsigned int i = 0; i < config->nr_disks; i++)
		enter_disk(w, &config->disks[i]);
	for (unsigned int i = 0; i < config->nr_nics; i++)
		enter_nic(w, &config->nics[i]);
}

/* --- looking at them ------------------------------------------------------ */

void device_key(struct store *s, const char *dir, const char *key, char *to,
		size_t size)
{
	char path[STORE_PATH_MAX + 32], *value;

	to[0] = '\0';
	snprintf(path, sizeof(path), "%s/%s", dir, key);
	if (store_read(s, STORE_NO_TX, path, &value, NULL))
		return;
	snprintf(to, size, "%s", value);
	free(value);
}

int device_state(struct store *s, const char *dir)
{
	char text[8];

	device_key(s, dir, "state", text, sizeof(text));
	return text[0] ? atoi(text) : -1;
}

const char *device_server(const struct device *d)
{
	if (!strcmp(d->back_kind, "vane-vbd"))
		return "is vane-blockd running?";
	if (!strcmp(d->back_kind, "vane-vif"))
		return "is vane-netd running?";
	return strcmp(d->kind, "vbd") ?
		"is the module xen-netback loaded?" :
		"is the module xen-blkback loaded?";
}
