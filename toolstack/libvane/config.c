/*
 * Domain configurations: from settings to a struct vane_config.
 *
 * One table of keys says what each one takes and where it goes. All of them
 * are looked at, whatever is wrong with others; then come the checks that
 * need more than one of them.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_VCPUS	512u		/* a record's worth of the store */
#define MAX_MIB		(16ull << 20)	/* 16 TiB */

static const struct key keys[] = {
	{ "name", config_name, AT(name), 0, 0 },
	{ "uuid", config_uuid, AT(uuid), 0, 0 },
	{ "type", config_type, 0, 0, 0 },
	{ "builder", config_type, 0, 0, 0 },
	{ "kernel", config_path, AT(kernel), 0, 0 },
	{ "ramdisk", config_path, AT(ramdisk), 0, 0 },
	{ "cmdline", config_text, AT(cmdline), 0, 1023 },
	{ "root", config_part, 0, 0, 0 },
	{ "extra", config_part, 0, 0, 0 },
	{ "memory", config_mib, AT(memory_kib), 1, MAX_MIB },
	{ "maxmem", config_mib, AT(maxmem_kib), 1, MAX_MIB },
	{ "vcpus", config_number, AT(vcpus), 1, MAX_VCPUS },
	{ "maxvcpus", config_number, AT(maxvcpus), 1, MAX_VCPUS },
	{ "cpus", config_cpus, AT(cpus), 0, 0 },
	{ "cpus_soft", config_cpus, AT(cpus_soft), 0, 0 },
	{ "cpu_weight", config_number, AT(weight), 1, 65535 },
	{ "cap", config_number, AT(cap), 0, 100 * MAX_VCPUS },
	{ "tsc_mode", config_tsc_mode, AT(tsc_mode), 0, 0 },
	{ "max_grant_frames", config_frames, AT(max_grant_frames), 0, 65536 },
	{ "max_maptrack_frames", config_frames, AT(max_maptrack_frames), 0,
	  65536 },
	{ "event_channels", config_number, AT(max_event_channels), 16, 131071 },
	{ "on_poweroff", config_action, AT(on_poweroff), 0, 0 },
	{ "on_reboot", config_action, AT(on_reboot), 0, 0 },
	{ "on_crash", config_action, AT(on_crash), 0, 0 },
	{ "on_watchdog", config_action, AT(on_watchdog), 0, 0 },
	{ "nomigrate", config_bool, AT(nomigrate), 0, 0 },
	{ "disk", config_disks, 0, 0, 0 },
	{ "vif", config_nics, 0, 0, 0 },
	/* Without them the domain is another one. */
	{ "bootloader", config_unsupported, 0, 0, 0 },
	{ "bootloader_args", config_ignored, 0, 0, 0 },
	{ "pci", config_unsupported, 0, 0, 0 },
	{ "p9", config_unsupported, 0, 0, 0 },
	{ "channel", config_unsupported, 0, 0, 0 },
	{ "vfb", config_unsupported, 0, 0, 0 },
	{ "pool", config_unsupported, 0, 0, 0 },
	{ "iomem", config_unsupported, 0, 0, 0 },
	{ "ioports", config_unsupported, 0, 0, 0 },
	{ "irqs", config_unsupported, 0, 0, 0 },
	{ "vnuma", config_unsupported, 0, 0, 0 },
	{ "driver_domain", config_unsupported, 0, 0, 0 },
	/* Without them it is the same. */
	{ "boot", config_ignored, 0, 0, 0 },
	{ "on_soft_reset", config_ignored, 0, 0, 0 },
	{ "localtime", config_ignored, 0, 0, 0 },
	{ "rtc_timeoffset", config_ignored, 0, 0, 0 },
	{ "e820_host", config_ignored, 0, 0, 0 },
	{ "claim_mode", config_ignored, 0, 0, 0 },
	{ "vnc", config_ignored, 0, 0, 0 },
	{ "sdl", config_ignored, 0, 0, 0 },
	{ "serial", config_ignored, 0, 0, 0 },
	{ "acpi", config_ignored, 0, 0, 0 },
	{ "apic", config_ignored, 0, 0, 0 },
	{ "pae", config_ignored, 0, 0, 0 },
	{ "hap", config_ignored, 0, 0, 0 },
	{ "usb", config_ignored, 0, 0, 0 },
	{ "xen_platform_pci", config_ignored, 0, 0, 0 },
	{ "device_model_version", config_ignored, 0, 0, 0 },
	{ "firmware", config_ignored, 0, 0, 0 },
	{ "seclabel", config_ignored, 0, 0, 0 },
	{ "shadow_memory", config_ignored, 0, 0, 0 },
	{ "description", config_ignored, 0, 0, 0 },
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static void take_unknown(struct maker *m, const struct cfg_setting *s)
{
	const char *names[NR_KEYS], *near;

	for (size_t i = 0; i < NR_KEYS; i++)
		names[i] = keys[i].name;
	near = nearest_name(s->name, names, NR_KEYS);
	report_add(m->report, VANE_WARNING, config_place(s, NULL), s->name,
		   "is no known setting%s%s%s", near ? "; did you mean \"" : "",
		   near ? near : "", near ? "\"?" : "");
}

static void take_setting(struct maker *m, struct cfg_setting *s)
{
	for (size_t i = 0; i < NR_KEYS; i++)
		if (!strcmp(s->name, keys[i].name)) {
			if (s->value.kind != CFG_BROKEN)
				keys[i].take(m, s, &keys[i]);
			return;
		}
	take_unknown(m, s);
}

/* --- what needs several of them ------------------------------------------ */

static const char *text_of(struct cfg *cfg, const char *name)
{
	struct cfg_setting *s = cfg_find(cfg, name);

	return s && s->value.kind == CFG_STRING && s->value.text[0] ?
		s->value.text : NULL;
}

/* `root` and `extra` make the kernel's command line unless it is given. */
static void command_line(struct maker *m)
{
	const char *root = text_of(m->cfg, "root");
	const char *extra = text_of(m->cfg, "extra");
	struct cfg_setting *s = cfg_find(m->cfg, root ? "root" : "extra");
	char *line;

	if (!root && !extra)
		return;
	if (m->config->cmdline) {
		report_add(m->report, VANE_WARNING, config_place(s, NULL),
			   s->name, "has no effect beside cmdline");
		return;
	}
	if (asprintf(&line, "%s%s%s%s", root ? "root=" : "", root ? root : "",
		     root && extra ? " " : "", extra ? extra : "") < 0)
		return;
	if (strlen(line) > 1023)
		report_add(m->report, VANE_ERROR, config_place(s, NULL),
			   s->name, "makes a command line of %zu characters; "
			   "allowed: 1023", strlen(line));
	m->config->cmdline = line;
}

static void missing(struct maker *m, const char *file, const char *key,
		    const char *allowed)
{
	struct place place = { .file = file };

	if (!cfg_find(m->cfg, key))
		report_add(m->report, VANE_ERROR, place, key,
			   "is missing; allowed: %s", allowed);
}

static void compare(struct maker *m, const char *key, bool ok,
		    const char *allowed)
{
	struct cfg_setting *s = cfg_find(m->cfg, key);

	if (s && s->value.kind != CFG_BROKEN && !ok)
		config_wrong(m, s, "%s", allowed);
}

static void check_together(struct maker *m, const char *file)
{
	struct vane_config *c = m->config;

	missing(m, file, "name", "the domain's name in quotes");
	missing(m, file, "kernel", "path of an ELF kernel or a bzImage");
	missing(m, file, "memory", "MiB for the domain");
	if (cfg_find(m->cfg, "kernel") && !c->kernel)
		compare(m, "kernel", false,
			"path of an ELF kernel or a bzImage");
	if (!c->vcpus)
		c->vcpus = 1;
	if (!c->maxvcpus)
		c->maxvcpus = c->vcpus;
	compare(m, "maxvcpus", c->maxvcpus >= c->vcpus,
		"at least as many as vcpus");
	if (!c->maxmem_kib)
		c->maxmem_kib = c->memory_kib;
	compare(m, "maxmem", c->maxmem_kib >= c->memory_kib,
		"at least as much as memory");
	compare(m, "cap", c->cap <= 100 * c->maxvcpus,
		"at most 100 for each vCPU");
}

int vane_config_parse(struct vane_config *config, const char *file,
		      const char *text, size_t len, const char *const *extra,
		      struct vane_report *report)
{
	struct vane_config c = {
		.max_grant_frames = -1, .max_maptrack_frames = -1,
		.max_event_channels = 1023, .on_reboot = VANE_ACT_RESTART,
	};
	struct cfg cfg = { 0 };
	struct maker m = { .config = &c, .cfg = &cfg, .report = report };
	unsigned int before = report->errors;

	cfg_read(&cfg, file, text, len, report);
	for (unsigned int i = 0; extra && extra[i]; i++)
		cfg_read(&cfg, "command line", extra[i], strlen(extra[i]),
			 report);
	for (unsigned int i = 0; i < cfg.count; i++)
		take_setting(&m, &cfg.settings[i]);
	command_line(&m);
	check_together(&m, file);
	cfg_free(&cfg);
	if (report->errors != before) {
		vane_config_free(&c);
		return -EINVAL;
	}
	*config = c;
	return 0;
}

static void free_list(char **list, unsigned int count)
{
	for (unsigned int i = 0; list && i < count; i++)
		free(list[i]);
	free(list);
}

void vane_config_free(struct vane_config *c)
{
	free(c->name);
	free(c->kernel);
	free(c->ramdisk);
	free(c->cmdline);
	free_list(c->cpus, c->nr_cpus);
	free_list(c->cpus_soft, c->nr_cpus_soft);
	for (unsigned int i = 0; i < c->nr_disks; i++)
		vane_disk_free(&c->disks[i]);
	for (unsigned int i = 0; i < c->nr_nics; i++)
		vane_nic_free(&c->nics[i]);
	free(c->disks);
	free(c->nics);
	memset(c, 0, sizeof(*c));
}
