/*
 * Settings of xl that this toolstack does not act on. They are kept, so that a
 * configuration can be converted, and said: as a warning where the domain is
 * the same without them, as an error where it would be another one.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define C "c_info"
#define B "b_info"

static const char *const passthroughs[] = {
	"disabled", "enabled", "sync_pt", "share_pt", NULL,
};
static const char *const device_models[] = {
	"qemu-xen-traditional", "qemu-xen", NULL,
};

#define KEPT(name, section, json, kind) \
	{ name, section, json, OTHER_ ## kind, false, NULL }
#define WORD(name, section, json, words) \
	{ name, section, json, OTHER_WORD, false, words }
#define REFUSED(name, section, json, kind) \
	{ name, section, json, OTHER_ ## kind, true, NULL }
#define NONE(name, refused) \
	{ name, NULL, NULL, OTHER_NONE, refused, NULL }

/* In the order in which xl's JSON has those of each section. */
const struct other_key config_others[] = {
	KEPT("hap", C, "hap", BOOL),
	KEPT("seclabel", C, "ssid_label", TEXT),
	WORD("passthrough", C, "passthrough", passthroughs),
	REFUSED("driver_domain", C, "driver_domain", BOOL),
	KEPT("xend_suspend_evtchn_compat", C, "xend_suspend_evtchn_compat",
	     BOOL),
	KEPT("videoram", B, "video_memkb", MIB),
	KEPT("shadow_memory", B, "shadow_memkb", MIB),
	KEPT("rtc_timeoffset", B, "rtc_timeoffset", NUMBER),
	KEPT("localtime", B, "localtime", BOOL),
	KEPT("max_grant_version", B, "max_grant_version", NUMBER),
	WORD("device_model_version", B, "device_model_version", device_models),
	KEPT("device_model_override", B, "device_model", TEXT),
	KEPT("device_model_user", B, "device_model_user", TEXT),
	KEPT("device_model_args", B, "extra", LIST),
	KEPT("device_model_args_pv", B, "extra_pv", LIST),
	REFUSED("irqs", B, "irqs", NUMBERS),
	KEPT("acpi", B, "acpi", BOOL),
	KEPT("dm_restrict", B, "dm_restrict", BOOL),
	KEPT("e820_host", "type.pv", "e820_host", BOOL),
	KEPT("msr_relaxed", "arch_x86", "msr_relaxed", BOOL),
	KEPT("vmtrace_buf_kb", B, "vmtrace_buf_kb", NUMBER),
	KEPT("vpmu", B, "vpmu", BOOL),
	WORD("on_soft_reset", "", "on_soft_reset", config_actions),
	/* What follows is not in our JSON. */
	NONE("pci", true), NONE("p9", true), NONE("channel", true),
	NONE("vfb", true), NONE("iomem", true), NONE("ioports", true),
	NONE("vnuma", true), NONE("vtpm", true), NONE("usbctrl", true),
	NONE("usbdev", true), NONE("vkb", true), NONE("vdispl", true),
	NONE("vsnd", true), NONE("pvcalls", true), NONE("dtdev", true),
	NONE("cpuid", false), NONE("pci_permissive", false),
	NONE("pci_msitranslate", false), NONE("pci_seize", false),
	NONE("pci_power_mgmt", false), NONE("boot", false),
	NONE("claim_mode", false),
	NONE("vnc", false), NONE("vnclisten", false), NONE("vncdisplay", false),
	NONE("vncpasswd", false), NONE("vncunused", false), NONE("sdl", false),
	NONE("opengl", false), NONE("keymap", false), NONE("serial", false),
	NONE("apic", false), NONE("pae", false), NONE("usb", false),
	NONE("usbdevice", false), NONE("viridian", false),
	NONE("stdvga", false), NONE("nographic", false),
	NONE("xen_platform_pci", false), NONE("nestedhvm", false),
	NONE("device_model_args_hvm", false), NONE("device_tree", false),
	NONE("device_model_stubdomain_override", false),
	NONE("firmware", false), NONE("init_seclabel", false),
	NONE("blkdev_start", false),
	NONE("soundhw", false), NONE("description", false),
	NONE("dhcp", false), NONE("hostname", false), NONE("oos", false),
	NONE("altp2m", false), NONE("timer_mode", false), NONE("hpet", false),
};

const unsigned int config_nr_others =
	sizeof(config_others) / sizeof(config_others[0]);

const struct other_key *other_find(const char *name)
{
	for (unsigned int i = 0; i < config_nr_others; i++)
		if (!strcmp(config_others[i].name, name))
			return &config_others[i];
	return NULL;
}

const struct other_key *other_find_json(const char *section, const char *json)
{
	for (unsigned int i = 0; i < config_nr_others; i++)
		if (config_others[i].json &&
		    !strcmp(config_others[i].section, section) &&
		    !strcmp(config_others[i].json, json))
			return &config_others[i];
	return NULL;
}

static struct vane_other *find(struct vane_config *c,
			       const struct other_key *key)
{
	for (unsigned int i = 0; i < c->nr_others; i++)
		if (c->others[i].key == key)
			return &c->others[i];
	return NULL;
}

int other_add(struct vane_config *c, const struct other_key *key,
	      const char *text)
{
	struct vane_other *o = find(c, key), *more;
	char **items;

	if (!o) {
		more = realloc(c->others, (c->nr_others + 1) * sizeof(*more));
		if (!more)
			return -ENOMEM;
		c->others = more;
		o = &more[c->nr_others++];
		*o = (struct vane_other) { .key = key };
	}
	if (!text)
		return 0;		/* an empty list */
	items = realloc(o->items, (o->nr_items + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	o->items = items;
	items[o->nr_items] = strdup(text);
	if (!items[o->nr_items])
		return -ENOMEM;
	o->nr_items++;
	return 0;
}

void others_free(struct vane_config *c)
{
	for (unsigned int i = 0; i < c->nr_others; i++) {
		for (unsigned int j = 0; j < c->others[i].nr_items; j++)
			free(c->others[i].items[j]);
		free(c->others[i].items);
	}
	free(c->others);
	c->others = NULL;
	c->nr_others = 0;
}

static bool is_number(const struct cfg_value *value)
{
	char *end;

	if (value->kind == CFG_LIST || !value->text[0])
		return false;
	(void)strtoll(value->text, &end, 0);
	return !*end;
}

/* What a kind takes, or NULL when the value is of it. */
static const char *wanted(const struct cfg_value *value, enum other_kind kind)
{
	unsigned int i = 0;

	switch (kind) {
	case OTHER_BOOL:
		return is_number(value) ? NULL : "0 or 1";
	case OTHER_NUMBER:
	case OTHER_MIB:
		return is_number(value) ? NULL : "a number";
	case OTHER_TEXT:
		return value->kind == CFG_STRING ? NULL : "a text in quotes";
	case OTHER_LIST:
		while (i < value->nr_items &&
		       value->items[i].kind != CFG_LIST)
			i++;
		return value->kind == CFG_LIST && i == value->nr_items ?
			NULL : "a list of texts in brackets";
	case OTHER_NUMBERS:
		while (i < value->nr_items && is_number(&value->items[i]))
			i++;
		return value->kind == CFG_LIST && i == value->nr_items ?
			NULL : "a list of numbers in brackets";
	default:
		return NULL;
	}
}

/* Whether it is one of the words; else it says which there are. */
static bool is_word(struct maker *m, const struct cfg_setting *s,
		    const char *const *words)
{
	char all[200] = "";
	size_t len = 0;

	for (unsigned int i = 0; words[i]; i++) {
		if (s->value.kind == CFG_STRING &&
		    !strcmp(s->value.text, words[i]))
			return true;
		len += (size_t)snprintf(all + len, sizeof(all) - len,
					"%s\"%s\"", i ? ", " : "", words[i]);
	}
	config_wrong(m, s, "%s", all);
	return false;
}

/* Says nothing at all: an empty list or text, a 0 for a switch. */
static bool is_nothing(const struct cfg_value *value)
{
	return value->kind == CFG_LIST ? !value->nr_items :
		!value->text[0] || !strcmp(value->text, "0");
}

static void keep(struct maker *m, struct cfg_setting *s,
		 const struct other_key *key)
{
	int rc;

	if (key->kind == OTHER_NONE)
		return;
	rc = other_add(m->config, key, s->value.kind == CFG_LIST ? NULL :
		       s->value.text);
	for (unsigned int i = 0; !rc && i < s->value.nr_items; i++)
		rc = other_add(m->config, key, s->value.items[i].text);
	if (rc)
		report_add(m->report, VANE_ERROR, config_place(s, NULL),
			   s->name, "no memory");
}

void other_take(struct maker *m, struct cfg_setting *s,
		const struct other_key *key)
{
	const char *allowed = wanted(&s->value, key->kind);

	if (allowed) {
		config_wrong(m, s, "%s", allowed);
		return;
	}
	if (key->kind == OTHER_WORD && !is_word(m, s, key->words))
		return;
	keep(m, s, key);
	if (is_nothing(&s->value))
		return;
	if (key->refused)
		report_add(m->report, refusal(m->report),
			   config_place(s, &s->value), s->name, "this is not "
			   "supported; allowed: nothing");
	else
		report_add(m->report, VANE_WARNING, config_place(s, NULL),
			   s->name, "has no effect");
}
