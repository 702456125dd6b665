/*
 * vane-blockd: virtual disks of kind vane-vbd. This file is the negotiation:
 * what the toolstack says about a disk, what we publish, and what the front
 * end's keys must look like; and which part of it is done by the disk's
 * worker (served.h). queue.c moves the data.
 */
#include <errno.h>
#include <linux/fs.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/serve.h"
#include "backend-drivers/base/uring.h"
#include "backend-drivers/block/image.h"
#include "backend-drivers/block/queue.h"

#define INFO_READ_ONLY 4	/* VDISK_READONLY: the header lacks it */

struct disk {
	struct served served;
	/* What our directory says. */
	char path[1024];
	bool read_only, shared, discard;

	/* The worker's. */
	struct image image;
	struct io_uring uring;
	struct queue *queue;
};

/* What the worker tells of the disk that it opened. */
struct facts {
	uint64_t sectors;
	uint32_t block_size, physical_size;
	uint32_t discard_granularity;	/* 0: none */
	bool direct;
};

/* What the front end's keys say. */
struct front {
	char protocol[16];
	uint32_t pages, port;
	uint32_t refs[1u << QUEUE_MAX_RING_ORDER];
};

_Static_assert(sizeof(struct facts) <= SERVED_BODY, "facts");
_Static_assert(sizeof(struct front) <= SERVED_BODY, "front");

static struct disk *disk_of(struct served *s)
{
	return container_of(s, struct disk, served);
}

/* --- the supervisor: our directory ----------------------------------------- */

static bool param_is(struct device *d, const char *key, const char *text)
{
	char *value = device_param(d, key);
	bool same = value && !strcmp(value, text);

	free(value);
	return same;
}

static int disk_prepare(struct served *s)
{
	struct disk *disk = disk_of(s);
	struct device *d = &s->dev;
	char *path = device_param(d, "params");
	char *mode = device_param(d, "mode");
	int rc = 0;

	if (!path || path[0] != '/' || strlen(path) >= sizeof(disk->path)) {
		device_log(d, "params is no absolute path: %s",
			   path ? path : "missing");
		rc = -EINVAL;
	} else {
		strcpy(disk->path, path);
	}
	/* "r", "w", or "w!" for a disk that several may write. */
	disk->read_only = !mode || mode[0] != 'w';
	disk->shared = mode && strchr(mode, '!');
	disk->discard = !disk->read_only &&
		device_param_number(d, "discard-enable", 1);
	free(path);
	free(mode);
	return rc;
}

static void publish_discard(struct device *d, uint32_t granularity)
{
	if (!granularity)
		return;
	(void)device_publish(d, "discard-granularity", "%u", granularity);
	(void)device_publish(d, "discard-alignment", "0");
	(void)device_publish(d, "feature-discard", "1");
}

static int publish(struct disk *disk, const struct facts *f)
{
	struct device *d = &disk->served.dev;
	unsigned int info = 0;

	if (param_is(d, "device-type", "cdrom"))
		info |= VDISK_CDROM;
	if (device_param_number(d, "removable", 0))
		info |= VDISK_REMOVABLE;
	if (disk->read_only)
		info |= INFO_READ_ONLY;
	(void)device_publish(d, "info", "%u", info);
	(void)device_publish(d, "sector-size", "%u", f->block_size);
	(void)device_publish(d, "physical-sector-size", "%u",
			     f->physical_size);
	(void)device_publish(d, "feature-flush-cache", "1");
	(void)device_publish(d, "feature-barrier", "1");
	(void)device_publish(d, "feature-max-indirect-segments", "%u",
			     BLK_MAX_SEGMENTS);
	(void)device_publish(d, "max-ring-page-order", "%u",
			     QUEUE_MAX_RING_ORDER);
	publish_discard(d, f->discard_granularity);
	/* If this one is there, so are the others: one store, one fate. */
	return device_publish(d, "sectors", "%llu",
			      (unsigned long long)f->sectors);
}

static int disk_opened(struct served *s, int rc, const void *told)
{
	const struct facts *f = told;
	struct disk *disk = disk_of(s);
	struct device *d = &s->dev;

	if (rc) {
		(void)device_publish(d, "hotplug-error", "%s: %s", disk->path,
				     strerror(-rc));
		return rc;
	}
	rc = publish(disk, f);
	if (rc)
		device_log(d, "cannot publish: %s", strerror(-rc));
	else
		device_log(d, "%s: %llu sectors, %s%s", disk->path,
			   (unsigned long long)f->sectors,
			   disk->read_only ? "read-only, " : "",
			   f->direct ? "direct" : "through the page cache");
	return rc;
}

/* --- the supervisor: the front end's keys ----------------------------------- */

static int read_rings(struct device *d, struct front *f)
{
	uint64_t order = 0, ref;
	char key[24] = "ring-ref";
	int rc;

	rc = device_front_number(d, "ring-page-order", 0,
				 QUEUE_MAX_RING_ORDER, &order);
	if (rc && rc != -ENOENT) {
		device_log(d, "ring-page-order is no number up to %u",
			   QUEUE_MAX_RING_ORDER);
		return rc;
	}
	f->pages = 1u << order;
	for (unsigned int i = 0; i < f->pages; i++) {
		if (f->pages > 1)
			snprintf(key, sizeof(key), "ring-ref%u", i);
		rc = device_front_number(d, key, 0, UINT32_MAX, &ref);
		if (rc == -ENOENT && f->pages == 1)
			rc = device_front_number(d, "ring-ref0", 0,
						 UINT32_MAX, &ref);
		if (rc) {
			device_log(d, "%s is missing or no number", key);
			return rc;
		}
		f->refs[i] = (uint32_t)ref;
	}
	return 0;
}

static int read_protocol(struct device *d, struct front *f)
{
	char *protocol = device_front(d, "protocol");
	const struct blk_abi *abi = blk_abi_find(protocol);

	if (abi)
		strcpy(f->protocol, abi->name);
	else
		device_log(d, "unknown protocol %.20s", protocol);
	free(protocol);
	return abi ? 0 : -EINVAL;
}

static int disk_read_front(struct served *s, void *setup)
{
	struct device *d = &s->dev;
	struct front *f = setup;
	uint64_t port, queues;
	int rc = read_protocol(d, f);

	if (rc)
		return rc;
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
	f->port = (uint32_t)port;
	return read_rings(d, f);
}

/* --- the supervisor: a new size --------------------------------------------- */

static void disk_changed(struct served *s)
{
	char *asked = device_param(&s->dev, "resize");

	if (asked)
		served_order(s, NULL, 0);
	free(asked);
}

static void disk_news(struct served *s, const void *news, size_t len)
{
	struct device *d = &s->dev;
	const struct facts *f = news;
	char sectors[24];
	int rc;

	if (len < sizeof(*f))
		return;
	snprintf(sectors, sizeof(sectors), "%llu",
		 (unsigned long long)f->sectors);
	device_log(d, "size looked at: %s sectors", sectors);
	/* The front end looks at `sectors` when it sees the state again. */
	rc = device_publish_again(d, "sectors", sectors, "resize");
	if (rc && rc != -ENOENT)
		device_log(d, "cannot publish the size: error %d", -rc);
}

/* --- the worker ------------------------------------------------------------- */

static void tell_facts(const struct disk *disk, struct facts *f)
{
	const struct image *im = &disk->image;

	*f = (struct facts){
		.sectors = im->sectors, .block_size = im->block_size,
		.physical_size = im->physical_size,
		.discard_granularity = im->discard_granularity,
		.direct = im->direct,
	};
}

static int disk_open(struct served *s, void *facts)
{
	struct disk *disk = disk_of(s);
	struct device *d = &s->dev;
	uint64_t key = (uint64_t)d->domid << 32 | d->devid;
	static const uint8_t ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
		IORING_OP_FALLOCATE,
	};
	int rc;

	rc = image_open(&disk->image, d->name, disk->path, disk->read_only,
			disk->shared, key, s->successor);
	if (rc)
		return rc;
	if (!disk->discard)
		disk->image.discard_granularity = 0;
	rc = uring_open(&disk->uring, ops, sizeof(ops));
	if (rc)
		device_log(d, "cannot set up io_uring: %s", strerror(-rc));
	tell_facts(disk, facts);
	return rc;
}

static int disk_connect(struct served *s, const void *setup)
{
	struct disk *disk = disk_of(s);
	const struct front *f = setup;
	struct queue_setup q = {
		.dev = &s->dev, .fd = disk->image.fd, .uring = &disk->uring,
		.abi = blk_abi_find(f->protocol),
		.pages = f->pages, .port = f->port,
		.limits = {
			.sectors = disk->image.sectors,
			.block_sectors = disk->image.block_size / BLK_SECTOR,
			.read_only = disk->read_only,
			.discard = disk->image.discard_granularity != 0,
		},
	};

	memcpy(q.refs, f->refs, sizeof(q.refs));
	return queue_open(&disk->queue, &q);
}

static bool disk_disconnect(struct served *s)
{
	return queue_close(disk_of(s)->queue);
}

/* The one order: look how large the disk is. */
static void disk_order(struct served *s, const void *order)
{
	struct disk *disk = disk_of(s);
	struct facts f;
	int rc = image_measure(&disk->image);

	(void)order;
	if (rc)
		device_log(&s->dev, "cannot look at its size: %s",
			   strerror(-rc));
	else
		queue_set_sectors(disk->queue, disk->image.sectors);
	tell_facts(disk, &f);
	served_news(&f, sizeof(f));
}

static const struct confine_call calls[] = {
	{ SCMP_SYS(io_uring_enter), 0 },
	{ SCMP_SYS(newfstatat), 0 },
	{ SCMP_SYS(ioctl), BLKGETSIZE64 },
	{ -1, 0 },
};

static const struct served_ops disks = {
	.kind = "vane-vbd",
	.size = sizeof(struct disk),
	.number = 0,
	.calls = calls,
	.prepare = disk_prepare,
	.opened = disk_opened,
	.read_front = disk_read_front,
	.changed = disk_changed,
	.news = disk_news,
	.open = disk_open,
	.connect = disk_connect,
	.disconnect = disk_disconnect,
	.order = disk_order,
};

int main(int argc, char **argv)
{
	return serve_by_workers("vane-blockd", "blockd", &disks, argc, argv);
}
