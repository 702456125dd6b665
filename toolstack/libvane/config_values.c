/*
 * What the settings of a domain take: one function for each kind of value.
 * Each puts what it read into its place in the configuration, or says what
 * it found and what is allowed.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"

#define MAX_CPUS	1024u

struct place config_place(const struct cfg_setting *s,
			  const struct cfg_value *value)
{
	return (struct place) {
		.file = s->file,
		.line = value ? value->line : s->line,
		.column = value ? value->column : s->column,
	};
}

void config_wrong(struct maker *m, const struct cfg_setting *s,
		  const char *fmt, ...)
{
	char allowed[200];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(allowed, sizeof(allowed), fmt, ap);
	va_end(ap);
	report_add(m->report, VANE_ERROR, config_place(s, &s->value), s->name,
		   "found %s%.80s%s; allowed: %s",
		   s->value.kind == CFG_LIST ? "a list" : "\"",
		   s->value.kind == CFG_LIST ? "" : s->value.text,
		   s->value.kind == CFG_LIST ? "" : "\"", allowed);
}

static void *member(struct maker *m, const struct key *key)
{
	return (uint8_t *)m->config + key->offset;
}

/* --- simple values ------------------------------------------------------- */

/* Numbers may stand in quotes, as they may for xl. */
static int to_number(const struct cfg_value *value, uint64_t *number)
{
	unsigned long long n;
	char *end;

	if (value->kind == CFG_LIST || value->text[0] < '0' ||
	    value->text[0] > '9')
		return -EINVAL;
	errno = 0;
	n = strtoull(value->text, &end, 0);
	if (*end || errno)
		return -EINVAL;
	*number = n;
	return 0;
}

void config_number(struct maker *m, struct cfg_setting *s,
		   const struct key *key)
{
	uint64_t n;

	if (to_number(&s->value, &n) || n < key->min || n > key->max)
		config_wrong(m, s, "a number from %llu to %llu",
			     (unsigned long long)key->min,
			     (unsigned long long)key->max);
	else
		*(unsigned int *)member(m, key) = n;
}

void config_bool(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	uint64_t n;

	if (to_number(&s->value, &n))
		config_wrong(m, s, "0 or 1");
	else
		*(bool *)member(m, key) = n;
}

void config_mib(struct maker *m, struct cfg_setting *s,
		const struct key *key)
{
	uint64_t n;

	if (to_number(&s->value, &n) || n < key->min || n > key->max)
		config_wrong(m, s, "MiB, a number from %llu to %llu",
			     (unsigned long long)key->min,
			     (unsigned long long)key->max);
	else
		*(uint64_t *)member(m, key) = n << 10;
}

void config_text(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	char **to = member(m, key);

	/* A number is a text, too. */
	if (s->value.kind == CFG_LIST ||
	    (key->max && strlen(s->value.text) > key->max)) {
		config_wrong(m, s, "a text in quotes, up to %llu characters",
			     (unsigned long long)key->max);
		return;
	}
	free(*to);
	*to = strdup(s->value.text);
}

void config_path(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	char **to = member(m, key);

	if (s->value.kind != CFG_STRING) {
		config_wrong(m, s, "a path in quotes");
		return;
	}
	free(*to);
	*to = s->value.text[0] ? strdup(s->value.text) : NULL;
}

void config_name(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	const char *text = s->value.text;
	char **to = member(m, key);

	if (s->value.kind != CFG_STRING || !name_is_good(text)) {
		config_wrong(m, s, NAME_ALLOWED);
		return;
	}
	free(*to);
	*to = strdup(text);
}

void config_uuid(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	if (s->value.kind != CFG_STRING ||
	    uuid_parse(s->value.text, member(m, key)))
		config_wrong(m, s, "a UUID as "
			     "\"01234567-89ab-cdef-0123-456789abcdef\"");
}

const char *const config_actions[] = {
	[VANE_ACT_DESTROY] = "destroy", [VANE_ACT_RESTART] = "restart",
	[VANE_ACT_RENAME_RESTART] = "rename-restart",
	[VANE_ACT_PRESERVE] = "preserve",
	[VANE_ACT_COREDUMP_DESTROY] = "coredump-destroy",
	[VANE_ACT_COREDUMP_RESTART] = "coredump-restart",
	[VANE_ACT_SOFT_RESET] = "soft-reset", NULL,
};

/* The place of a text among others; -1: it is none of them. */
static int place_of(const struct cfg_value *value, const char *const *texts)
{
	for (int i = 0; value->kind == CFG_STRING && texts[i]; i++)
		if (!strcmp(value->text, texts[i]))
			return i;
	return -1;
}

void config_action(struct maker *m, struct cfg_setting *s,
		   const struct key *key)
{
	int i = place_of(&s->value, config_actions);

	if (i >= 0)
		*(enum vane_action *)member(m, key) = i;
	if (i == VANE_ACT_SOFT_RESET)
		report_add(m->report, refusal(m->report),
			   config_place(s, &s->value), s->name,
			   "found \"soft-reset\", which no domain of type "
			   "\"pv\" can do");
	if (i < 0)
		config_wrong(m, s, "\"destroy\", \"restart\", "
			     "\"rename-restart\", \"preserve\", "
			     "\"coredump-destroy\", \"coredump-restart\"");
}

/* One of a few words; the value itself says nothing more. */
void config_type(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	const char *text = s->value.text;

	(void)key;
	if (s->value.kind != CFG_STRING ||
	    (strcmp(text, "pv") && strcmp(text, "generic") &&
	     strcmp(text, "linux")))
		config_wrong(m, s, "\"pv\"");
}

const char *const config_tsc_modes[] = {
	"default", "always_emulate", "native", NULL,
};

void config_tsc_mode(struct maker *m, struct cfg_setting *s,
		     const struct key *key)
{
	int i = place_of(&s->value, config_tsc_modes);
	uint64_t n = i;

	if (i < 0 && (to_number(&s->value, &n) || n > 2))
		config_wrong(m, s, "\"default\", \"always_emulate\", "
			     "\"native\"");
	else
		*(unsigned int *)member(m, key) = n;
}

void config_frames(struct maker *m, struct cfg_setting *s,
		   const struct key *key)
{
	uint64_t n;

	if (to_number(&s->value, &n) || n > key->max)
		config_wrong(m, s, "a number up to %llu",
			     (unsigned long long)key->max);
	else
		*(int *)member(m, key) = n;
}

/* --- lists --------------------------------------------------------------- */

static bool check_cpus(struct maker *m, struct cfg_setting *s,
		       const char *text)
{
	static const uint8_t none[MAX_CPUS / 8];
	uint8_t map[MAX_CPUS / 8];

	if (cpulist_parse(text, map, MAX_CPUS, NULL))
		config_wrong(m, s, "CPUs as \"0,2-3,^2\" or \"all\", numbers "
			     "below %u", MAX_CPUS);
	/* Which CPUs a node has is not known here. */
	else if (!strstr(text, "node") && !memcmp(map, none, sizeof(map)))
		config_wrong(m, s, "CPUs of which one at least is left; "
			     "\"all,^2\" are all but one");
	else
		return true;
	return false;
}

void config_cpus(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	bool soft = key->offset == AT(cpus_soft);
	const struct cfg_value *items = &s->value;
	unsigned int n = 1;
	char **list;

	if (s->value.kind == CFG_LIST) {
		items = s->value.items;
		n = s->value.nr_items;
	}
	list = calloc(n + 1, sizeof(*list));
	for (unsigned int i = 0; list && i < n; i++) {
		if (items[i].kind == CFG_LIST) {
			config_wrong(m, s, "a list of texts");
			break;
		}
		if (!check_cpus(m, s, items[i].text))
			break;
		list[i] = strdup(items[i].text);
	}
	/* "cpu" may stand beside "cpus". */
	for (unsigned int i = 0; !soft && i < m->config->nr_cpus; i++)
		free(m->config->cpus[i]);
	if (!soft)
		free(m->config->cpus);
	if (soft) {
		m->config->cpus_soft = list;
		m->config->nr_cpus_soft = list ? n : 0;
		m->config->cpus_soft_per_vcpu = s->value.kind == CFG_LIST;
	} else {
		m->config->cpus = list;
		m->config->nr_cpus = list ? n : 0;
		m->config->cpus_per_vcpu = s->value.kind == CFG_LIST;
	}
}

/* Calls @one for each text of a list. */
static void each_text(struct maker *m, struct cfg_setting *s,
		      void (*one)(struct maker *m, const struct spec *spec,
				  const char *text))
{
	if (s->value.kind != CFG_LIST) {
		config_wrong(m, s, "a list of texts in brackets");
		return;
	}
	for (unsigned int i = 0; i < s->value.nr_items; i++) {
		const struct cfg_value *item = &s->value.items[i];
		struct spec spec = {
			.report = m->report, .place = config_place(s, item),
			.key = s->name,
		};

		if (item->kind == CFG_STRING)
			one(m, &spec, item->text);
		else
			report_add(m->report, VANE_ERROR, spec.place, s->name,
				   "found a %s; allowed: texts in quotes",
				   item->kind == CFG_LIST ? "list" : "number");
	}
}

static void add_disk(struct maker *m, const struct spec *spec,
		     const char *text)
{
	struct vane_config *c = m->config;
	struct vane_disk disk, *more;

	if (disk_parse(spec, text, &disk))
		return;
	for (unsigned int i = 0; i < c->nr_disks; i++)
		if (c->disks[i].devid == disk.devid)
			report_add(m->report, VANE_ERROR, spec->place,
				   spec->key, "\"%s\" is taken already, by "
				   "line %u", disk.vdev, c->disks[i].line);
	more = realloc(c->disks, (c->nr_disks + 1) * sizeof(*more));
	if (!more) {
		vane_disk_free(&disk);
		return;
	}
	c->disks = more;
	c->disks[c->nr_disks++] = disk;
}

void config_disks(struct maker *m, struct cfg_setting *s,
		  const struct key *key)
{
	(void)key;
	each_text(m, s, add_disk);
}

static void add_nic(struct maker *m, const struct spec *spec, const char *text)
{
	struct vane_config *c = m->config;
	struct vane_nic nic, *more;

	if (nic_parse(spec, text, &nic))
		return;
	if (nic.devid == ~0u)
		nic.devid = c->nr_nics;
	for (unsigned int i = 0; i < c->nr_nics; i++)
		if (c->nics[i].devid == nic.devid)
			report_add(m->report, VANE_ERROR, spec->place,
				   spec->key, "device number %u is taken "
				   "already, by line %u", nic.devid,
				   c->nics[i].line);
	more = realloc(c->nics, (c->nr_nics + 1) * sizeof(*more));
	if (!more) {
		vane_nic_free(&nic);
		return;
	}
	c->nics = more;
	c->nics[c->nr_nics++] = nic;
}

void config_nics(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	(void)key;
	each_text(m, s, add_nic);
}

/* --- the boot loader's arguments ----------------------------------------- */

static int add_arg(struct vane_config *c, const char *text, size_t len)
{
	char **more = realloc(c->bootloader_args, (c->nr_bootloader_args + 1) *
			      sizeof(*more));

	if (!more)
		return -ENOMEM;
	c->bootloader_args = more;
	more[c->nr_bootloader_args] = strndup(text, len);
	if (!more[c->nr_bootloader_args])
		return -ENOMEM;
	c->nr_bootloader_args++;
	return 0;
}

/* A list of texts, or one text that is cut at its blanks. */
void config_args(struct maker *m, struct cfg_setting *s, const struct key *key)
{
	const char *at = s->value.text;

	(void)key;
	for (unsigned int i = 0; i < s->value.nr_items; i++)
		if (s->value.items[i].kind == CFG_STRING)
			(void)add_arg(m->config, s->value.items[i].text,
				      strlen(s->value.items[i].text));
		else
			config_wrong(m, s, "a list of texts");
	while (s->value.kind != CFG_LIST && *(at += strspn(at, " \t\n"))) {
		size_t len = strcspn(at, " \t\n");

		(void)add_arg(m->config, at, len);
		at += len;
	}
}

/* Read by command_line() of config.c. */
void config_part(struct maker *m, struct cfg_setting *s,
		 const struct key *key)
{
	(void)key;
	if (s->value.kind == CFG_LIST)
		config_wrong(m, s, "a text in quotes");
}

enum vane_level refusal(const struct vane_report *report)
{
	return report->describe ? VANE_WARNING : VANE_ERROR;
}
