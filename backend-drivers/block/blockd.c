/*
 * vane-blockd: virtual disks of kind vane-vbd. This file is the negotiation:
 * what the toolstack says about a disk, what we publish, and what the front
 * end's keys must look like. queue.c moves the data.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend-drivers/base/bus.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/serve.h"
#include "backend-drivers/block/image.h"
#include "backend-drivers/block/queue.h"

#define INFO_READ_ONLY 4	/* VDISK_READONLY: the header lacks it */

struct disk {
	struct device dev;
	struct image image;
	struct queue *queue;
	bool read_only;
};

static struct disk *disk_of(struct device *d)
{
	return container_of(d, struct disk, dev);
}

/* --- probe: the disk itself ---------------------------------------------- */

static bool param_is(struct device *d, const char *key, const char *text)
{
	char *value = device_param(d, key);
	bool same = value && !strcmp(value, text);

	free(value);
	return same;
}

static void publish_discard(struct disk *disk)
{
	struct device *d = &disk->dev;

	if (disk->read_only || !device_param_number(d, "discard-enable", 1))
		disk->image.discard_granularity = 0;
	if (!disk->image.discard_granularity)
		return;
	(void)device_publish(d, "discard-granularity", "%u",
			     disk->image.discard_granularity);
	(void)device_publish(d, "discard-alignment", "0");
	(void)device_publish(d, "feature-discard", "1");
}

static int publish(struct disk *disk)
{
	struct device *d = &disk->dev;
	unsigned int info = 0;

	if (param_is(d, "device-type", "cdrom"))
		info |= VDISK_CDROM;
	if (device_param_number(d, "removable", 0))
		info |= VDISK_REMOVABLE;
	if (disk->read_only)
		info |= INFO_READ_ONLY;
	(void)device_publish(d, "info", "%u", info);
	(void)device_publish(d, "sector-size", "%u", disk->image.block_size);
	(void)device_publish(d, "physical-sector-size", "%u",
			     disk->image.physical_size);
	(void)device_publish(d, "feature-flush-cache", "1");
	(void)device_publish(d, "feature-barrier", "1");
	(void)device_publish(d, "feature-max-indirect-segments", "%u",
			     BLK_MAX_SEGMENTS);
	(void)device_publish(d, "max-ring-page-order", "%u",
			     QUEUE_MAX_RING_ORDER);
	publish_discard(disk);
	/* If this one is there, so are the others: one store, one fate. */
	return device_publish(d, "sectors", "%llu",
			      (unsigned long long)disk->image.sectors);
}

static int disk_probe(struct device *d)
{
	struct disk *disk = disk_of(d);
	char *path = device_param(d, "params");
	char *mode = device_param(d, "mode");
	int rc;

	if (!path || path[0] != '/') {
		device_log(d, "params is no absolute path: %s",
			   path ? path : "missing");
		rc = -EINVAL;
		goto out;
	}
	/* "r", "w", or "w!" for a disk that several may write. */
	disk->read_only = !mode || mode[0] != 'w';
	rc = image_open(&disk->image, d->name, path, disk->read_only,
			mode && strchr(mode, '!'),
			d->state == XenbusStateConnected);
	if (rc) {
		(void)device_publish(d, "hotplug-error", "%s: %s", path,
				     strerror(-rc));
		goto out;
	}
	rc = publish(disk);
	if (rc) {
		device_log(d, "cannot publish: %s", strerror(-rc));
		image_close(&disk->image);
		goto out;
	}
	device_log(d, "%s: %llu sectors, %s%s", path,
		   (unsigned long long)disk->image.sectors,
		   disk->read_only ? "read-only, " : "",
		   disk->image.direct ? "direct" : "through the page cache");
out:
	free(path);
	free(mode);
	return rc;
}

static void disk_release(struct device *d)
{
	image_close(&disk_of(d)->image);
}

/* --- connect: the front end's keys --------------------------------------- */

static int read_rings(struct device *d, struct queue_setup *s)
{
	uint64_t order = 0, ref;
	char key[16] = "ring-ref";
	int rc;

	rc = device_front_number(d, "ring-page-order", 0,
				 QUEUE_MAX_RING_ORDER, &order);
	if (rc && rc != -ENOENT) {
		device_log(d, "ring-page-order is no number up to %u",
			   QUEUE_MAX_RING_ORDER);
		return rc;
	}
	s->pages = 1u << order;
	for (unsigned int i = 0; i < s->pages; i++) {
		if (s->pages > 1)
			snprintf(key, sizeof(key), "ring-ref%u", i);
		rc = device_front_number(d, key, 0, UINT32_MAX, &ref);
		if (rc == -ENOENT && s->pages == 1)
			rc = device_front_number(d, "ring-ref0", 0,
						 UINT32_MAX, &ref);
		if (rc) {
			device_log(d, "%s is missing or no number", key);
			return rc;
		}
		s->refs[i] = (uint32_t)ref;
	}
	return 0;
}

static int read_front(struct device *d, struct queue_setup *s)
{
	char *protocol = device_front(d, "protocol");
	uint64_t port, queues;
	int rc;

	s->abi = blk_abi_find(protocol);
	if (!s->abi)
		device_log(d, "unknown protocol %.20s", protocol);
	free(protocol);
	if (!s->abi)
		return -EINVAL;
	rc = device_front_number(d, "multi-queue-num-queues", 1, 1, &queues);
	if (rc && rc != -ENOENT) {
		device_log(d, "more than one queue was not offered");
		return rc;
	}
	rc = device_front_number(d, "event-channel", 1, UINT32_MAX, &port);
	if (rc) {
		device_log(d, "event-channel is missing or no port");
		return rc;
	}
	s->port = (uint32_t)port;
	return read_rings(d, s);
}

static int disk_connect(struct device *d)
{
	struct disk *disk = disk_of(d);
	struct queue_setup s = {
		.dev = d, .fd = disk->image.fd,
		.limits = {
			.sectors = disk->image.sectors,
			.block_sectors = disk->image.block_size / BLK_SECTOR,
			.read_only = disk->read_only,
			.discard = disk->image.discard_granularity != 0,
		},
	};
	int rc = read_front(d, &s);

	if (rc)
		return rc;
	return queue_open(&disk->queue, &s);
}

static bool disk_disconnect(struct device *d)
{
	return queue_close(disk_of(d)->queue);
}

/* --- a new size ---------------------------------------------------------- */

static void disk_changed(struct device *d)
{
	struct disk *disk = disk_of(d);
	char *asked = device_param(d, "resize"), sectors[24];
	int rc;

	if (!asked)
		return;
	free(asked);
	rc = image_measure(&disk->image);
	if (!rc)
		queue_set_sectors(disk->queue, disk->image.sectors);
	snprintf(sectors, sizeof(sectors), "%llu",
		 (unsigned long long)disk->image.sectors);
	device_log(d, "size looked at: %s sectors, error %d", sectors, -rc);
	/* The front end looks at `sectors` when it sees the state again. */
	rc = device_publish_again(d, "sectors", sectors, "resize");
	if (rc && rc != -ENOENT)
		device_log(d, "cannot publish the size: error %d", -rc);
}

static const struct bus_ops disks = {
	.kind = "vane-vbd",
	.size = sizeof(struct disk),
	.probe = disk_probe,
	.connect = disk_connect,
	.disconnect = disk_disconnect,
	.release = disk_release,
	.changed = disk_changed,
};

int main(int argc, char **argv)
{
	return serve("vane-blockd", "blockd", &disks, argc, argv);
}
