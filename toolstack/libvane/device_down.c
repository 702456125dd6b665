/*
 * Devices going down: found through the tools' own record, told to close,
 * waited for, and removed.
 */
#include "toolstack/libvane/device.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "toolstack/libvane/wait.h"

/* A back end lets go within this; tests have less patience. */
#ifndef DEVICE_GONE_MS
#define DEVICE_GONE_MS	10000
#endif

struct device_list {
	struct device *devices;
	unsigned int count;
};

/* Kinds that this toolstack made or knows how to take down. */
static const char *known_kind(const char *kind)
{
	static const char *const kinds[] = { "vbd", "vif" };

	for (unsigned int i = 0; i < 2; i++)
		if (!strcmp(kind, kinds[i]))
			return kinds[i];
	return NULL;
}

static const char *known_back_kind(const char *back)
{
	static const char *const kinds[] = {
		"vbd", "vif", "vane-vbd", "vane-vif",
	};
	size_t skip = strlen(DEVICE_BACKENDS "/");

	for (unsigned int i = 0; i < 4; i++) {
		size_t n = strlen(kinds[i]);

		if (strlen(back) > skip + n && back[skip + n] == '/' &&
		    !memcmp(back + skip, kinds[i], n))
			return kinds[i];
	}
	return NULL;
}

static int add_device(struct store *s, struct device_list *list,
		      uint32_t domid, const char *kind, const char *devid)
{
	char dir[STORE_PATH_MAX], back_path[STORE_PATH_MAX];
	const char *back_kind;
	struct device *more;

	snprintf(dir, sizeof(dir), "/libxl/%u/device/%s/%.16s", domid, kind,
		 devid);
	device_key(s, dir, "backend", back_path, sizeof(back_path));
	back_kind = known_back_kind(back_path);
	if (!back_kind)
		return 0;
	more = realloc(list->devices,
		       (list->count + 1) * sizeof(*list->devices));
	if (!more)
		return -ENOMEM;
	list->devices = more;
	device_init(&more[list->count++], domid, kind, back_kind,
		    strtoul(devid, NULL, 10));
	return 0;
}

static int add_kind(struct store *s, struct device_list *list, uint32_t domid,
		    const char *kind)
{
	char dir[STORE_PATH_MAX], **names;
	unsigned int count;
	int rc;

	snprintf(dir, sizeof(dir), "/libxl/%u/device/%s", domid, kind);
	rc = store_directory(s, STORE_NO_TX, dir, &names, &count);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (unsigned int i = 0; !rc && i < count; i++)
		rc = add_device(s, list, domid, kind, names[i]);
	free(names);
	return rc;
}

static int list_devices(struct store *s, uint32_t domid,
			struct device_list *list)
{
	char dir[STORE_PATH_MAX], **kinds;
	unsigned int count;
	int rc;

	snprintf(dir, sizeof(dir), "/libxl/%u/device", domid);
	rc = store_directory(s, STORE_NO_TX, dir, &kinds, &count);
	if (rc)
		return rc == -ENOENT ? 0 : rc;
	for (unsigned int i = 0; !rc && i < count; i++) {
		const char *kind = known_kind(kinds[i]);

		if (kind)
			rc = add_kind(s, list, domid, kind);
	}
	free(kinds);
	return rc;
}

static int ask_to_close(struct store *s, store_tx tx, void *arg)
{
	struct device *d = arg;
	char path[STORE_PATH_MAX + 32];
	int rc, state;

	snprintf(path, sizeof(path), "%s/state", d->back);
	rc = store_exists(s, tx, path);
	if (rc <= 0)
		return rc;
	state = device_state(s, d->back);
	d->taken = state > XenbusStateInitialising;
	if (state != XenbusStateClosed)
		rc = store_write_str(s, tx, path, "5");
	snprintf(path, sizeof(path), "%s/online", d->back);
	if (rc >= 0)
		rc = store_write_str(s, tx, path, "0");
	/* A front end that is gone makes the back end let go. */
	if (!rc && !d->ask)
		rc = store_rm(s, tx, d->front);
	return rc == -ENOENT ? 0 : rc;
}

static int wait_gone(struct vane *v, struct store *s, const struct device *d,
		     int64_t until)
{
	struct store_event ev;
	int rc = 0;

	for (;;) {
		int state = device_state(s, d->back);
		int64_t left = until - wait_now_ms();

		if (state == XenbusStateClosed || state < 0)
			return 0;
		if (left <= 0)
			break;
		rc = store_next_event(s, left, &ev);
		if (rc < 0)
			return vane_store_lost(v, rc);
	}
	if (d->ask)
		return vane_fail(v, -EBUSY, "device %s %u of domain %u: the "
				 "guest did not let go within %d s (is it in "
				 "use there? --force takes it all the same)",
				 d->kind, d->devid, d->domid,
				 DEVICE_GONE_MS / 1000);
	return vane_fail(v, -ETIMEDOUT, "device %s %u of domain %u: its back "
			 "end %s did not let go within %d s (%s)", d->kind,
			 d->devid, d->domid, d->back_kind, DEVICE_GONE_MS / 1000,
			 device_server(d));
}

/* Removes a node, then its parent directories while they are empty. */
static int remove_nodes(struct store *s, store_tx tx, void *arg)
{
	const struct device *d = arg;
	const char *const dir[] = { d->front, d->back, d->record };

	for (unsigned int i = 0; i < 3; i++) {
		char path[STORE_PATH_MAX];
		unsigned int count = 0;
		char **names;
		int rc = store_rm(s, tx, dir[i]);

		snprintf(path, sizeof(path), "%s", dir[i]);
		/* ".../KIND/N/D": the two above it may have become empty. */
		for (int up = 0; !rc && !count && up < 2; up++) {
			*strrchr(path, '/') = '\0';
			rc = store_directory(s, tx, path, &names, &count);
			if (rc)
				break;
			free(names);
			if (!count)
				rc = store_rm(s, tx, path);
		}
		if (rc && rc != -ENOENT)
			return rc;
	}
	return 0;
}

int devices_remove(struct vane *v, uint32_t domid)
{
	int64_t until = wait_now_ms() + DEVICE_GONE_MS;
	struct device_list list = { 0 };
	struct store *s;
	int first = vane_store(v, &s), rc;

	if (!first)
		first = list_devices(s, domid, &list);
	for (unsigned int i = 0; i < list.count; i++) {
		struct device *d = &list.devices[i];

		rc = store_watch(s, d->back, "gone");
		if (!rc)
			rc = store_transaction(s, ask_to_close, d);
		first = first ? first : rc;
	}
	for (unsigned int i = 0; i < list.count; i++) {
		struct device *d = &list.devices[i];

		rc = d->taken ? wait_gone(v, s, d, until) : 0;
		first = first ? first : rc;
		(void)store_unwatch(s, d->back, "gone");
		unplug(v, d);
		rc = store_transaction(s, remove_nodes, d);
		first = first ? first : rc;
	}
	free(list.devices);
	return first;
}

int vane_device_detach(struct vane *v, uint32_t domid, const char *kind,
		       unsigned int devid, bool force)
{
	int64_t until = wait_now_ms() + DEVICE_GONE_MS;
	struct device_list list = { 0 };
	char name[12];
	struct device *d;
	struct store *s;
	int rc = vane_store(v, &s);

	snprintf(name, sizeof(name), "%u", devid);
	if (!rc)
		rc = add_device(s, &list, domid, known_kind(kind), name);
	if (rc)
		return rc;
	if (!list.count)
		return vane_fail(v, -ENOENT, "domain %u has no device %s %u "
				 "(`vane %s-list` shows what it has)", domid,
				 kind, devid, strcmp(kind, "vbd") ? "network" :
				 "block");
	d = list.devices;
	d->ask = !force;
	rc = store_watch(s, d->back, "gone");
	if (!rc)
		rc = store_transaction(s, ask_to_close, d);
	if (!rc && d->taken)
		rc = wait_gone(v, s, d, until);
	(void)store_unwatch(s, d->back, "gone");
	if (!rc || force) {
		int removed;

		unplug(v, d);
		removed = store_transaction(s, remove_nodes, d);
		rc = rc ? rc : removed;
	}
	free(list.devices);
	return rc;
}
