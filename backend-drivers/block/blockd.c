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
#include <unistd.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/serve.h"
#include "backend-drivers/block/format.h"
#include "backend-drivers/block/image.h"
#include "backend-drivers/block/memory.h"
#include "backend-drivers/block/nbd.h"
#include "backend-drivers/block/queue.h"
#include "backend-drivers/block/raw.h"

#define INFO_READ_ONLY 4	/* VDISK_READONLY: the header lacks it */
#define QUEUES MEMORY_QUEUES	/* at most, and no more than Dom0 has CPUs */

struct disk {
	struct served served;
	/* What our directory says. */
	char path[1024];		/* or URI */
	char format[8];			/* "": raw */
	bool read_only, shared, discard;
	struct disk_limits bounds;

	struct memory *memory;

	/* The worker's. */
	struct image image;
	struct raw raw;
	struct nbd nbd;
	struct target *target;		/* of one of the two */
	struct queue *queue[QUEUES];
	unsigned int queues, closing;
};

/* What the worker tells of the disk that it opened. */
struct facts {
	uint64_t sectors;
	uint32_t block_size, physical_size;
	uint32_t discard_granularity;	/* 0: none */
	bool direct, can_flush;
};

/* What the front end's keys say. */
struct front {
	char protocol[16];
	uint32_t queues, pages;		/* pages of each queue's ring */
	bool persistent;
	struct front_queue {
		uint32_t port;
		uint32_t refs[1u << QUEUE_MAX_RING_ORDER];
	} queue[QUEUES];
};

_Static_assert(sizeof(struct facts) <= SERVED_BODY, "facts");
_Static_assert(sizeof(struct front) <= SERVED_BODY, "front");

static struct disk *self;		/* in a worker: the one it serves */

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

/* "RATE,BURST"; what makes no sense is no limit, and told. */
static void read_limit(struct device *d, const char *key, uint64_t *rate,
		       uint64_t *burst)
{
	unsigned long long r = 0, b = 0;
	char *text = device_param(d, key), end;

	if (text && sscanf(text, "%llu,%llu%c", &r, &b, &end) != 2) {
		device_log(d, "%s \"%s\": RATE,BURST is expected; there is "
			   "no limit", key, text);
		r = b = 0;
	}
	free(text);
	*rate = r;
	*burst = b;
}

static struct disk_limits read_limits(struct device *d)
{
	struct disk_limits l;

	read_limit(d, "rate", &l.bytes, &l.bytes_burst);
	read_limit(d, "iops", &l.requests, &l.requests_burst);
	return l;
}

static int read_path(struct disk *disk)
{
	struct device *d = &disk->served.dev;
	char *path = device_param(d, "params");
	int rc = -EINVAL;

	if (!path || strlen(path) >= sizeof(disk->path) ||
	    (path[0] != '/' && !nbd_is_uri(path))) {
		device_log(d, "params is no absolute path and no URI: %s",
			   path ? path : "missing");
	} else {
		strcpy(disk->path, path);
		rc = 0;
	}
	free(path);
	return rc;
}

static int read_format(struct disk *disk)
{
	char *format = device_param(&disk->served.dev, "format");
	int rc = 0;

	disk->format[0] = '\0';
	if (format && format_known(format)) {
		strcpy(disk->format, format);
	} else if (format && strcmp(format, "raw")) {
		device_log(&disk->served.dev, "unknown format %.20s", format);
		rc = -EINVAL;
	}
	free(format);
	return rc;
}

static int disk_prepare(struct served *s)
{
	struct disk *disk = disk_of(s);
	struct device *d = &s->dev;
	char *mode = device_param(d, "mode");
	int rc = read_path(disk);

	if (!rc)
		rc = read_format(disk);
	/* "r", "w", or "w!" for a disk that several may write. */
	disk->read_only = !mode || mode[0] != 'w';
	disk->shared = mode && strchr(mode, '!');
	disk->discard = !disk->read_only &&
		device_param_number(d, "discard-enable", 1);
	disk->bounds = read_limits(d);
	free(mode);
	if (rc)
		return rc;
	disk->memory = memory_open(d->domid, d->devid,
				   d->state == XenbusStateConnected);
	if (!disk->memory) {
		rc = -errno;
		device_log(d, "no memory of its own: %s", strerror(-rc));
	}
	return rc;
}

static void disk_release(struct served *s)
{
	memory_close(disk_of(s)->memory, s->dev.domid, s->dev.devid);
}

static void publish_discard(struct device *d, uint32_t granularity)
{
	if (!granularity)
		return;
	(void)device_publish(d, "discard-granularity", "%u", granularity);
	(void)device_publish(d, "discard-alignment", "0");
	(void)device_publish(d, "feature-discard", "1");
}

static uint32_t most_queues(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 1 ? 1 : cpus > (long)QUEUES ? QUEUES : (uint32_t)cpus;
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
	(void)device_publish(d, "feature-flush-cache", "%d", f->can_flush);
	(void)device_publish(d, "feature-barrier", "%d", f->can_flush);
	(void)device_publish(d, "feature-max-indirect-segments", "%u",
			     BLK_MAX_SEGMENTS);
	(void)device_publish(d, "max-ring-page-order", "%u",
			     QUEUE_MAX_RING_ORDER);
	(void)device_publish(d, "multi-queue-max-queues", "%u", most_queues());
	(void)device_publish(d, "feature-persistent", "1");
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
		device_log(d, "%s: %s, %llu sectors, %s%s", disk->path,
			   disk->format[0] ? disk->format : "raw",
			   (unsigned long long)f->sectors,
			   disk->read_only ? "read-only, " : "",
			   f->direct ? "direct" : "through the page cache");
	return rc;
}

/* --- the supervisor: the front end's keys ----------------------------------- */

/* A number of queue @i; the keys of one queue alone are in the folder above. */
static int queue_number(struct device *d, const struct front *f,
			unsigned int i, const char *key, uint64_t min,
			uint32_t *number)
{
	char path[40];
	uint64_t value;
	int rc;

	if (f->queues > 1)
		snprintf(path, sizeof(path), "queue-%u/%s", i, key);
	else
		snprintf(path, sizeof(path), "%s", key);
	rc = device_front_number(d, path, min, UINT32_MAX, &value);
	if (rc)
		return rc;
	*number = (uint32_t)value;
	return 0;
}

static int read_ring(struct device *d, struct front *f, unsigned int i)
{
	struct front_queue *q = &f->queue[i];
	char key[24] = "ring-ref";
	int rc;

	for (unsigned int page = 0; page < f->pages; page++) {
		if (f->pages > 1)
			snprintf(key, sizeof(key), "ring-ref%u", page);
		rc = queue_number(d, f, i, key, 0, &q->refs[page]);
		if (rc == -ENOENT && f->pages == 1)
			rc = queue_number(d, f, i, "ring-ref0", 0,
					  &q->refs[page]);
		if (rc) {
			device_log(d, "%s is missing or no number", key);
			return rc;
		}
	}
	rc = queue_number(d, f, i, "event-channel", 1, &q->port);
	if (rc)
		device_log(d, "event-channel is missing or no port");
	return rc;
}

/* A number that the front end may leave out. */
static int read_choice(struct device *d, const char *key, uint64_t min,
		       uint64_t max, uint64_t *number)
{
	int rc = device_front_number(d, key, min, max, number);

	if (!rc || rc == -ENOENT)
		return 0;
	device_log(d, "%s is no number up to %llu", key,
		   (unsigned long long)max);
	return rc;
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
	uint64_t order = 0, queues = 1, persistent = 0;
	struct device *d = &s->dev;
	struct front *f = setup;
	int rc;

	if ((rc = read_protocol(d, f)) ||
	    (rc = read_choice(d, "ring-page-order", 0, QUEUE_MAX_RING_ORDER,
			      &order)) ||
	    (rc = read_choice(d, "multi-queue-num-queues", 1, most_queues(),
			      &queues)) ||
	    (rc = read_choice(d, "feature-persistent", 0, 1, &persistent)))
		return rc;
	f->pages = 1u << order;
	f->queues = (uint32_t)queues;
	f->persistent = persistent;
	for (unsigned int i = 0; !rc && i < f->queues; i++)
		rc = read_ring(d, f, i);
	/* Found connected: it is the one that was there before. */
	if (d->state != XenbusStateConnected)
		memory_forget(disk_of(s)->memory);
	return rc;
}

/* --- the supervisor: wishes of the toolstack's ------------------------------ */

/* What the worker is asked for while it serves. */
struct order {
	bool measure;			/* see how large the disk is */
	struct disk_limits bounds;
};

static void disk_changed(struct served *s)
{
	struct disk *disk = disk_of(s);
	char *asked = device_param(&s->dev, "resize");
	struct order o = {
		.measure = asked, .bounds = read_limits(&s->dev),
	};

	free(asked);
	if (!o.measure && !memcmp(&o.bounds, &disk->bounds, sizeof(o.bounds)))
		return;
	disk->bounds = o.bounds;
	served_order(s, &o, sizeof(o));
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
		.direct = im->direct, .can_flush = im->can_flush,
	};
}

static void queues_idle(void)
{
	if (!--self->closing)
		served_idle();
}

static void wake_queues(void)
{
	for (unsigned int i = 0; i < self->queues; i++)
		queue_look(self->queue[i]);
}

static void set_target(struct disk *disk)
{
	struct target *t = disk->target;
	const struct image *im = &disk->image;

	t->limits = (struct blk_limits){
		.sectors = im->sectors,
		.block_sectors = im->block_size / BLK_SECTOR,
		.read_only = disk->read_only,
		.discard = im->discard_granularity != 0,
	};
	t->stats = &disk->memory->stats;
	target_limit(t, &disk->bounds);
	t->done = queue_done;
	t->wake = wake_queues;
}

/* A file or a device that is what it looks like. */
static int open_raw(struct disk *disk)
{
	const struct device *d = &disk->served.dev;
	uint64_t key = (uint64_t)d->domid << 32 | d->devid;
	int rc;

	rc = image_open(&disk->image, d->name, disk->path, disk->read_only,
			disk->shared, key, disk->served.successor);
	if (rc)
		return rc;
	disk->raw.fd = disk->image.fd;
	disk->target = &disk->raw.target;
	rc = raw_open(&disk->raw);
	if (rc)
		device_log(d, "cannot set up io_uring: %s", strerror(-rc));
	return rc;
}

static int open_served(struct disk *disk)
{
	char *argv[FORMAT_ARGV] = { NULL };
	const char *uri = nbd_is_uri(disk->path) ? disk->path : NULL;

	if (!uri)
		format_argv(argv, disk->format, disk->path, disk->read_only);
	disk->target = &disk->nbd.target;
	return nbd_open(&disk->nbd, &disk->image, disk->served.dev.name, uri,
			argv, disk->read_only);
}

static int disk_open(struct served *s, void *facts)
{
	struct disk *disk = disk_of(s);
	int rc = disk->format[0] || nbd_is_uri(disk->path) ?
		open_served(disk) : open_raw(disk);

	if (rc)
		return rc;
	if (!disk->discard)
		disk->image.discard_granularity = 0;
	self = disk;
	set_target(disk);
	tell_facts(disk, facts);
	return 0;
}

static bool disk_disconnect(struct served *s)
{
	struct disk *disk = disk_of(s);
	unsigned int n = disk->queues;

	disk->queues = 0;
	for (unsigned int i = 0; i < n; i++)
		if (!queue_close(disk->queue[i]))
			disk->closing++;
	return !disk->closing;
}

static int disk_connect(struct served *s, const void *setup)
{
	struct disk *disk = disk_of(s);
	const struct front *f = setup;
	struct queue_setup q = {
		.dev = &s->dev, .target = disk->target,
		.abi = blk_abi_find(f->protocol), .pages = f->pages,
		.persistent = f->persistent, .idle = queues_idle,
	};
	int rc = 0;

	for (unsigned int i = 0; !rc && i < f->queues; i++) {
		q.port = f->queue[i].port;
		q.journal = &disk->memory->journal[i];
		memcpy(q.refs, f->queue[i].refs, sizeof(q.refs));
		rc = queue_open(&disk->queue[i], &q);
		disk->queues += !rc;
	}
	/* Nothing is in flight yet: this takes no time. */
	if (rc)
		(void)disk_disconnect(s);
	else
		device_log(&s->dev, "%u queues of %u pages%s", f->queues,
			   f->pages, f->persistent ? ", persistent" : "");
	return rc;
}

static void disk_order(struct served *s, const void *order)
{
	struct disk *disk = disk_of(s);
	const struct order *o = order;
	struct facts f;
	int rc;

	target_limit(disk->target, &o->bounds);
	if (!o->measure)
		return;
	rc = image_measure(&disk->image);
	if (rc)
		device_log(&s->dev, "cannot look at its size: %s",
			   strerror(-rc));
	else
		disk->target->limits.sectors = disk->image.sectors;
	tell_facts(disk, &f);
	served_news(&f, sizeof(f));
}

static const struct confine_call calls[] = {
	{ SCMP_SYS(io_uring_enter), 0 },
	/* Of the one that there is, which takes chunks of memory alone. */
	{ SCMP_SYS(io_uring_register), 0 },
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
	.release = disk_release,
	.open = disk_open,
	.connect = disk_connect,
	.disconnect = disk_disconnect,
	.order = disk_order,
};

int main(int argc, char **argv)
{
	format_serve(argc, argv);
	return serve_by_workers("vane-blockd", "blockd", &disks, argc, argv);
}
