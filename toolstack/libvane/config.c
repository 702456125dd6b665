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

#define PLAIN(name, take) { name, take, 0, 0, 0, 0 }
#define MEMBER(name, take, member) { name, take, AT(member), 0, 0, 0 }
#define RANGE(name, take, member, min, max, said) \
	{ name, take, AT(member), min, max, said }

static const struct key keys[] = {
	MEMBER("name", config_name, name),
	MEMBER("uuid", config_uuid, uuid),
	PLAIN("type", config_type),
	PLAIN("builder", config_type),
	MEMBER("kernel", config_path, kernel),
	MEMBER("ramdisk", config_path, ramdisk),
	RANGE("cmdline", config_text, cmdline, 0, 1023, 0),
	PLAIN("root", config_part),
	PLAIN("extra", config_part),
	MEMBER("bootloader", config_path, bootloader),
	PLAIN("bootloader_args", config_args),
	RANGE("memory", config_mib, memory_kib, 1, MAX_MIB, 0),
	RANGE("maxmem", config_mib, maxmem_kib, 1, MAX_MIB, 0),
	RANGE("vcpus", config_number, vcpus, 1, MAX_VCPUS, VANE_SAID_VCPUS),
	RANGE("maxvcpus", config_number, maxvcpus, 1, MAX_VCPUS,
	      VANE_SAID_MAXVCPUS),
	MEMBER("cpus", config_cpus, cpus),
	MEMBER("cpus_soft", config_cpus, cpus_soft),
	RANGE("cpu_weight", config_number, weight, 1, 65535,
	      VANE_SAID_WEIGHT),
	RANGE("cap", config_number, cap, 0, 100 * MAX_VCPUS, VANE_SAID_CAP),
	RANGE("pool", config_text, pool, 0, 63, 0),
	/* As Ganeti writes them. */
	MEMBER("cpu", config_cpus, cpus),
	RANGE("cpu_cap", config_number, cap, 0, 100 * MAX_VCPUS,
	      VANE_SAID_CAP),
	PLAIN("bootargs", config_args),
	MEMBER("tsc_mode", config_tsc_mode, tsc_mode),
	RANGE("max_grant_frames", config_frames, max_grant_frames, 0, 65536,
	      0),
	RANGE("max_maptrack_frames", config_frames, max_maptrack_frames, 0,
	      65536, 0),
	RANGE("max_event_channels", config_number, max_event_channels, 16,
	      131071, VANE_SAID_EVENT_CHANNELS),
	MEMBER("on_poweroff", config_action, on_poweroff),
	MEMBER("on_reboot", config_action, on_reboot),
	MEMBER("on_crash", config_action, on_crash),
	MEMBER("on_watchdog", config_action, on_watchdog),
	MEMBER("nomigrate", config_bool, nomigrate),
	PLAIN("disk", config_disks),
	PLAIN("vif", config_nics),
};

#define NR_KEYS (sizeof(keys) / sizeof(keys[0]))

static void take_unknown(struct maker *m, const struct cfg_setting *s)
{
	const unsigned int all = NR_KEYS + config_nr_others;
	const char **names = calloc(all, sizeof(*names)), *near = NULL;

	for (unsigned int i = 0; names && i < all; i++)
		names[i] = i < NR_KEYS ? keys[i].name :
			config_others[i - NR_KEYS].name;
	if (names)
		near = nearest_name(s->name, names, all);
	free(names);
	report_add(m->report, VANE_WARNING, config_place(s, NULL), s->name,
		   "is no known setting%s%s%s", near ? "; did you mean \"" : "",
		   near ? near : "", near ? "\"?" : "");
}

static void take_setting(struct maker *m, struct cfg_setting *s)
{
	const struct other_key *other;

	for (size_t i = 0; i < NR_KEYS; i++)
		if (!strcmp(s->name, keys[i].name)) {
			if (s->value.kind != CFG_BROKEN)
				keys[i].take(m, s, &keys[i]);
			m->config->said |= keys[i].said;
			return;
		}
	other = other_find(s->name);
	if (!other)
		take_unknown(m, s);
	else if (s->value.kind != CFG_BROKEN)
		other_take(m, s, other);
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
		report_add(m->report, strcmp(key, "name") ?
			   refusal(m->report) : VANE_ERROR, place, key,
			   "is missing; allowed: %s", allowed);
}

/* A kernel, or a boot loader that finds one. */
static void check_kernel(struct maker *m, const char *file)
{
	static const char allowed[] =
		"path of an ELF kernel or a bzImage";
	struct cfg_setting *s = cfg_find(m->cfg, "bootloader");

	if (m->config->bootloader && s && !m->config->nr_disks)
		report_add(m->report, refusal(m->report),
			   config_place(s, &s->value), s->name,
			   "has no disk to look at; allowed: beside a disk");
	if (m->config->bootloader && s && *m->config->bootloader != '/' &&
	    strcmp(m->config->bootloader, "pygrub"))
		report_add(m->report, refusal(m->report),
			   config_place(s, &s->value), s->name,
			   "found \"%s\"; allowed: \"pygrub\", or the absolute "
			   "path of a program like it", m->config->bootloader);
	s = cfg_find(m->cfg, "kernel");
	if (m->config->kernel || m->config->bootloader)
		return;
	if (!s)
		missing(m, file, "kernel", allowed);
	else if (s->value.kind != CFG_BROKEN)
		config_wrong(m, s, "%s", allowed);
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
	check_kernel(m, file);
	missing(m, file, "memory", "MiB for the domain");
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

void config_same(const struct vane_config *c, const struct config_sink *sink,
		 void *to)
{
	sink->text(to, "kernel", c->kernel);
	sink->text(to, "ramdisk", c->ramdisk);
	sink->text(to, "cmdline", c->cmdline);
	sink->text(to, "bootloader", c->bootloader);
	if (c->nr_bootloader_args)
		sink->texts(to, "bootloader_args", c->bootloader_args,
			    c->nr_bootloader_args);
	if (c->max_grant_frames >= 0)
		sink->number(to, "max_grant_frames", c->max_grant_frames);
	if (c->max_maptrack_frames >= 0)
		sink->number(to, "max_maptrack_frames",
			     c->max_maptrack_frames);
}

const char *config_mac(const struct vane_nic *n, char text[MAC_TEXT])
{
	static const uint8_t none[6];

	mac_format(n->mac, text);
	return memcmp(n->mac, none, 6) ? text : NULL;
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
	free(c->pool);
	free(c->bootloader);
	free_list(c->bootloader_args, c->nr_bootloader_args);
	others_free(c);
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
