/*
 * A configuration as xl's JSON, as `xl create -n` prints it: what was said, in
 * xl's names and order. Pure.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_gen.h>

#define NR_CPUS 1024u

static void key(yajl_gen g, const char *name)
{
	yajl_gen_string(g, (const unsigned char *)name, strlen(name));
}

static void number(void *g, const char *name, long long value)
{
	key(g, name);
	yajl_gen_integer(g, value);
}

static void text(void *g, const char *name, const char *value)
{
	if (!value)
		return;
	key(g, name);
	key(g, value);
}

static void defbool(yajl_gen g, const char *name, bool value)
{
	text(g, name, value ? "True" : "False");
}

static void choice(yajl_gen g, const char *name, enum vane_choice value)
{
	if (value != VANE_OPEN)
		defbool(g, name, value == VANE_YES);
}

/* A word of a configuration; JSON has _ where that has -. */
static void word(yajl_gen g, const char *name, const char *value)
{
	char copy[64];

	snprintf(copy, sizeof(copy), "%s", value);
	for (char *p = copy; *p; p++)
		if (*p == '-')
			*p = '_';
	text(g, name, copy);
}

static void texts(void *g, const char *name, char *const *list,
		  unsigned int count)
{
	key(g, name);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < count; i++)
		key(g, list[i]);
	yajl_gen_array_close(g);
}

/* --- settings that are only described ------------------------------------ */

static void other(yajl_gen g, const struct vane_other *o)
{
	const char *value = o->nr_items ? o->items[0] : "";

	switch (o->key->kind) {
	case OTHER_BOOL:
		defbool(g, o->key->json, strtoll(value, NULL, 0));
		break;
	case OTHER_NUMBER:
		number(g, o->key->json, strtoll(value, NULL, 0));
		break;
	case OTHER_MIB:
		number(g, o->key->json, strtoll(value, NULL, 0) << 10);
		break;
	case OTHER_TEXT:
		text(g, o->key->json, value);
		break;
	case OTHER_WORD:
		word(g, o->key->json, value);
		break;
	case OTHER_LIST:
		texts(g, o->key->json, o->items, o->nr_items);
		break;
	case OTHER_NUMBERS:
		key(g, o->key->json);
		yajl_gen_array_open(g);
		for (unsigned int i = 0; i < o->nr_items; i++)
			yajl_gen_integer(g, strtoll(o->items[i], NULL, 0));
		yajl_gen_array_close(g);
		break;
	default:
		break;
	}
}

static void others(yajl_gen g, const struct vane_config *c,
		   const char *section)
{
	for (unsigned int i = 0; i < c->nr_others; i++)
		if (!strcmp(c->others[i].key->section, section))
			other(g, &c->others[i]);
}

/* --- vCPUs --------------------------------------------------------------- */

static void map(yajl_gen g, const char *list, unsigned int cpus)
{
	uint8_t bits[NR_CPUS / 8];
	/* Bitmaps are whole bytes: "all" of 4 CPUs means 8. */
	unsigned int n = (cpus + 7) / 8 * 8;

	yajl_gen_array_open(g);
	if (cpulist_parse(list, bits, NR_CPUS, NULL))
		memset(bits, 0, sizeof(bits));
	for (unsigned int i = 0; i < n && i < NR_CPUS; i++)
		if (bits[i / 8] >> i % 8 & 1)
			yajl_gen_integer(g, i);
	yajl_gen_array_close(g);
}

static void affinity(yajl_gen g, const char *name, char *const *list,
		     unsigned int count, bool each, unsigned int vcpus,
		     unsigned int cpus)
{
	unsigned int n = each && count < vcpus ? count : vcpus;

	if (!count)
		return;
	key(g, name);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < n; i++)
		map(g, list[each ? i : 0], cpus);
	yajl_gen_array_close(g);
}

static void vcpus(yajl_gen g, const struct vane_config *c, unsigned int cpus)
{
	if (c->said & (VANE_SAID_VCPUS | VANE_SAID_MAXVCPUS))
		number(g, "max_vcpus", c->maxvcpus);
	if (c->said & VANE_SAID_VCPUS) {
		key(g, "avail_vcpus");
		yajl_gen_array_open(g);
		for (unsigned int i = 0; i < c->vcpus; i++)
			yajl_gen_integer(g, i);
		yajl_gen_array_close(g);
	}
	affinity(g, "vcpu_hard_affinity", c->cpus, c->nr_cpus,
		 c->cpus_per_vcpu, c->maxvcpus, cpus);
	affinity(g, "vcpu_soft_affinity", c->cpus_soft, c->nr_cpus_soft,
		 c->cpus_soft_per_vcpu, c->maxvcpus, cpus);
	if ((c->nr_cpus && c->cpus_per_vcpu) || c->nr_cpus_soft)
		defbool(g, "numa_placement", false);
}

/* --- the sections -------------------------------------------------------- */

static void c_info(yajl_gen g, const struct vane_config *c)
{
	char uuid[UUID_TEXT];

	key(g, "c_info");
	yajl_gen_map_open(g);
	text(g, "type", "pv");
	text(g, "name", c->name);
	uuid_format(c->uuid, uuid);
	if (!uuid_is_nil(c->uuid))
		text(g, "uuid", uuid);
	text(g, "pool_name", c->pool);
	defbool(g, "run_hotplug_scripts", true);
	others(g, c, "c_info");
	yajl_gen_map_close(g);
}

static void sched_params(yajl_gen g, const struct vane_config *c)
{
	key(g, "sched_params");
	yajl_gen_map_open(g);
	if (c->said & VANE_SAID_WEIGHT)
		number(g, "weight", c->weight);
	if (c->said & VANE_SAID_CAP)
		number(g, "cap", c->cap);
	yajl_gen_map_close(g);
}

static void section(yajl_gen g, const struct vane_config *c, const char *name)
{
	key(g, name);
	yajl_gen_map_open(g);
	others(g, c, name);
	yajl_gen_map_close(g);
}

static void b_info(yajl_gen g, const struct vane_config *c, unsigned int cpus)
{
	static const struct config_sink sink = { text, number, texts };

	key(g, "b_info");
	yajl_gen_map_open(g);
	vcpus(g, c, cpus);
	if (c->tsc_mode)
		text(g, "tsc_mode", config_tsc_modes[c->tsc_mode]);
	if (c->memory_kib) {
		number(g, "max_memkb", c->maxmem_kib);
		number(g, "target_memkb", c->memory_kib);
	}
	if (c->nomigrate)
		defbool(g, "disable_migrate", true);
	sched_params(g, c);
	defbool(g, "claim_mode", true);
	if (c->said & VANE_SAID_EVENT_CHANNELS)
		number(g, "event_channels", c->max_event_channels);
	config_same(c, &sink, g);
	others(g, c, "b_info");
	section(g, c, "type.pv");
	section(g, c, "arch_arm");
	section(g, c, "arch_x86");
	yajl_gen_map_close(g);
}

/* Ours: xl knows no limits of disks. */
static void limit(yajl_gen g, const char *name, uint64_t rate, uint64_t burst)
{
	char word[24];

	if (!rate)
		return;
	number(g, name, (long long)rate);
	snprintf(word, sizeof(word), "%s_burst", name);
	number(g, word, (long long)burst);
}

static void disk(yajl_gen g, const struct vane_disk *d)
{
	yajl_gen_map_open(g);
	text(g, "backend_domname", d->backend_domain);
	text(g, "pdev_path", d->target);
	text(g, "vdev", d->vdev);
	text(g, "backend", d->backend_type);
	text(g, "format", config_disk_formats[d->format]);
	text(g, "script", d->script);
	if (d->cdrom)
		number(g, "removable", 1);
	if (!d->readonly)
		number(g, "readwrite", 1);
	if (d->cdrom)
		number(g, "is_cdrom", 1);
	if (d->direct_io_safe) {
		key(g, "direct_io_safe");
		yajl_gen_bool(g, true);
	}
	choice(g, "discard_enable", d->discard);
	text(g, "specification", d->specification);
	choice(g, "trusted", d->trusted);
	limit(g, "rate", d->rate, d->rate_burst);
	limit(g, "iops", d->iops, d->iops_burst);
	yajl_gen_map_close(g);
}

static void nic(yajl_gen g, const struct vane_nic *n)
{
	char mac[MAC_TEXT];

	yajl_gen_map_open(g);
	text(g, "backend_domname", n->backend_domain);
	number(g, "devid", n->devid);
	if (n->mtu)
		number(g, "mtu", n->mtu);
	text(g, "model", n->model);
	text(g, "mac", config_mac(n, mac));
	text(g, "ip", n->ip);
	text(g, "bridge", n->bridge);
	text(g, "ifname", n->vifname);
	text(g, "script", n->script);
	if (n->type && strcmp(n->type, "netfront"))
		text(g, "nictype", strcmp(n->type, "ioemu") ? n->type :
		     "vif_ioemu");
	if (n->rate_bytes)
		number(g, "rate_bytes_per_interval", n->rate_bytes);
	if (n->rate_usec)
		number(g, "rate_interval_usecs", n->rate_usec);
	text(g, "gatewaydev", n->gatewaydev);
	if (n->antispoof)
		text(g, "antispoof", "yes");
	choice(g, "trusted", n->trusted);
	yajl_gen_map_close(g);
}

static void devices(yajl_gen g, const struct vane_config *c)
{
	if (c->nr_disks) {
		key(g, "disks");
		yajl_gen_array_open(g);
		for (unsigned int i = 0; i < c->nr_disks; i++)
			disk(g, &c->disks[i]);
		yajl_gen_array_close(g);
	}
	if (c->nr_nics) {
		key(g, "nics");
		yajl_gen_array_open(g);
		for (unsigned int i = 0; i < c->nr_nics; i++)
			nic(g, &c->nics[i]);
		yajl_gen_array_close(g);
	}
}

static void action(yajl_gen g, const char *name, enum vane_action value)
{
	if (value == VANE_ACT_RENAME_RESTART)
		text(g, name, "restart_rename");
	else if (value != VANE_ACT_DESTROY)
		word(g, name, config_actions[value]);
}

/* Another one than its default, where that was said. */
static void soft_reset(yajl_gen g, const struct vane_config *c)
{
	const char *value = "soft-reset";

	for (unsigned int i = 0; i < c->nr_others; i++)
		if (!strcmp(c->others[i].key->name, "on_soft_reset"))
			value = c->others[i].items[0];
	if (!strcmp(value, "rename-restart"))
		value = "restart-rename";
	if (strcmp(value, "destroy"))
		word(g, "on_soft_reset", value);
}

int vane_config_json(const struct vane_config *c, unsigned int cpus,
		     vane_print_fn *print, void *arg)
{
	yajl_gen g = yajl_gen_alloc(NULL);

	if (!g)
		return -ENOMEM;
	yajl_gen_config(g, yajl_gen_beautify, 1);
	yajl_gen_config(g, yajl_gen_indent_string, "    ");
	yajl_gen_config(g, yajl_gen_print_callback, print, arg);
	yajl_gen_map_open(g);
	c_info(g, c);
	b_info(g, c, cpus);
	devices(g, c);
	action(g, "on_poweroff", c->on_poweroff);
	action(g, "on_reboot", c->on_reboot);
	action(g, "on_watchdog", c->on_watchdog);
	action(g, "on_crash", c->on_crash);
	soft_reset(g, c);
	yajl_gen_map_close(g);
	yajl_gen_free(g);
	return 0;
}
