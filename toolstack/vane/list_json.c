/*
 * The JSON of `vane list`: the project's own form, and that of `xl list -l`
 * for programs that parse it.
 */
#include "toolstack/vane/list.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/vane.h"
#include "xenstore/client/store.h"

static const char *reason_word(const struct vane_domain *d)
{
	static const char *const words[] = {
		"poweroff", "reboot", "suspend", "crash", "watchdog",
		"soft-reset",
	};

	if (!d->shutdown)
		return NULL;
	return d->shutdown_reason < 6 ? words[d->shutdown_reason] : "unknown";
}

/* The project's own form: one object per domain. */
void list_json(const struct vane_domain *list, unsigned int n)
{
	yajl_gen g = json_begin();

	json_open(g, "domains");
	for (unsigned int i = 0; i < n; i++) {
		const struct vane_domain *d = &list[i];
		char uuid[UUID_TEXT];

		if (d->error) {
			json_error(g, d->error, d->name);
			continue;
		}
		uuid_format(d->uuid, uuid);
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_text(g, "uuid", uuid);
		json_number(g, "memory_kib", d->memory_kib);
		json_number(g, "claimed_kib", d->claimed_kib);
		json_number(g, "max_memory_kib", d->max_kib);
		json_number(g, "online_vcpus", d->online_vcpus);
		json_number(g, "max_vcpus", d->max_vcpus);
		json_number(g, "pool", d->pool);
		json_number(g, "cpu_ns", d->cpu_ns);
		json_bool(g, "running", d->running);
		json_bool(g, "blocked", d->blocked);
		json_bool(g, "paused", d->paused);
		json_bool(g, "shutdown", d->shutdown);
		json_bool(g, "dying", d->dying);
		json_text(g, "shutdown_reason", reason_word(d));
		yajl_gen_map_close(g);
	}
	json_close(g);
}

/* A node below /vm/UUID as a member, where there is one. */
static void json_node(yajl_gen g, struct store *s, const char *uuid,
		      const char *node, const char *key)
{
	char path[96], *text;

	snprintf(path, sizeof(path), "/vm/%s/image/%s", uuid, node);
	if (!s || store_read(s, STORE_NO_TX, path, &text, NULL))
		return;
	json_text(g, key, text);
	free(text);
}

static void json_empty(yajl_gen g, const char *key)
{
	json_key(g, key);
	yajl_gen_map_open(g);
	yajl_gen_map_close(g);
}

static void long_sched(yajl_gen g, struct vane *v, const char *scheduler,
		       uint32_t domid)
{
	struct vane_sched s;

	json_key(g, "sched_params");
	yajl_gen_map_open(g);
	if (!vane_sched_get(v, domid, &s)) {
		json_text(g, "sched", scheduler);
		json_number(g, "weight", s.weight);
		json_number(g, "cap", s.cap);
	}
	yajl_gen_map_close(g);
}

static void long_info(yajl_gen g, struct vane *v, struct store *s,
		      const char *scheduler, const struct vane_domain *d)
{
	char uuid[UUID_TEXT];

	uuid_format(d->uuid, uuid);
	json_key(g, "c_info");
	yajl_gen_map_open(g);
	json_text(g, "type", "pv");
	if (d->name)
		json_text(g, "name", d->name);
	if (d->domid)
		json_text(g, "uuid", uuid);
	yajl_gen_map_close(g);
	json_key(g, "b_info");
	yajl_gen_map_open(g);
	if (d->domid)
		json_number(g, "max_vcpus", d->max_vcpus);
	json_number(g, "max_memkb", d->max_kib);
	json_number(g, "target_memkb", d->memory_kib);
	long_sched(g, v, scheduler, d->domid);
	json_node(g, s, uuid, "kernel", "kernel");
	json_node(g, s, uuid, "cmdline", "cmdline");
	json_node(g, s, uuid, "ramdisk", "ramdisk");
	json_empty(g, "type.pv");
	json_empty(g, "arch_arm");
	json_empty(g, "arch_x86");
	yajl_gen_map_close(g);
}

static void long_disk(yajl_gen g, const struct vane_device *d)
{
	yajl_gen_map_open(g);
	json_text(g, "pdev_path", d->target);
	json_text(g, "vdev", d->vdev);
	json_text(g, "backend", strstr(d->backend, "/vane-vbd/") ? "qdisk" :
		  "phy");
	json_text(g, "format", d->target[0] ? "raw" : "empty");
	json_number(g, "removable", d->cdrom);
	if (!d->readonly)
		json_number(g, "readwrite", 1);
	if (d->cdrom)
		json_number(g, "is_cdrom", 1);
	yajl_gen_map_close(g);
}

static void long_nic(yajl_gen g, const struct vane_device *d)
{
	yajl_gen_map_open(g);
	json_number(g, "devid", d->devid);
	json_text(g, "mac", d->mac);
	if (d->ip[0])
		json_text(g, "ip", d->ip);
	json_text(g, "bridge", d->bridge);
	json_text(g, "script", d->script);
	json_text(g, "nictype", "vif");
	yajl_gen_map_close(g);
}

static void long_devices(yajl_gen g, struct vane *v, uint32_t domid,
			 const char *kind, const char *name,
			 void (*one)(yajl_gen g, const struct vane_device *d))
{
	struct vane_device *list;
	unsigned int count;

	if (vane_devices(v, domid, kind, &list, &count))
		return;
	if (count) {
		json_key(g, name);
		yajl_gen_array_open(g);
		for (unsigned int i = 0; i < count; i++)
			one(g, &list[i]);
		yajl_gen_array_close(g);
	}
	free(list);
}

/* xl's form, for programs that parse `list -l`. */
void list_long(struct vane *v, const struct vane_domain *list, unsigned int n)
{
	struct vane_host host = { 0 };
	yajl_gen g = json_begin();
	struct store *s = NULL;

	(void)vane_store(v, &s);
	(void)vane_host_info(v, &host);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < n; i++) {
		yajl_gen_map_open(g);
		json_number(g, "domid", list[i].domid);
		json_key(g, "config");
		yajl_gen_map_open(g);
		long_info(g, v, s, host.scheduler, &list[i]);
		long_devices(g, v, list[i].domid, "vbd", "disks", long_disk);
		long_devices(g, v, list[i].domid, "vif", "nics", long_nic);
		yajl_gen_map_close(g);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	json_end(g);
	putchar('\n');
}
