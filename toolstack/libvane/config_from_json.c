/*
 * A configuration out of xl's JSON: the text is turned into statements of
 * xl.cfg, which the reader of those takes. So both forms are checked by the
 * same code, and mean the same. What is not understood is said. Pure.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yajl/yajl_tree.h>

/* The statements that have been made so far. */
struct statements {
	char *text;
	size_t len, room;
	bool failed;			/* no memory */
	bool one_map;			/* all vCPUs have the same CPUs */
	const char *file;
	struct vane_report *report;
};

static void append(struct statements *s, const char *text, size_t len)
{
	if (s->len + len + 1 > s->room) {
		size_t room = (s->len + len + 1) * 2;
		char *more = realloc(s->text, room);

		if (!more) {
			s->failed = true;
			return;
		}
		s->text = more;
		s->room = room;
	}
	memcpy(s->text + s->len, text, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static void put(struct statements *s, const char *text)
{
	append(s, text, strlen(text));
}

/* A text inside quotes. */
static void escaped(struct statements *s, const char *text)
{
	static const char from[] = "\\\"\a\b\f\n\r\t\v", to[] = "\\\"abfnrtv";

	for (; *text; text++) {
		const char *p = strchr(from, *text);
		char out[2] = { '\\', p ? to[p - from] : 0 };

		if (p)
			append(s, out, 2);
		else
			append(s, text, 1);
	}
}

static void unknown(struct statements *s, const char *where, const char *what)
{
	struct place place = { .file = s->file };

	report_add(s->report, VANE_WARNING, place, what,
		   "of %s is not understood", where);
}

static void wrong(struct statements *s, const char *what, const char *allowed)
{
	struct place place = { .file = s->file };

	report_add(s->report, VANE_ERROR, place, what, "found something "
		   "else; allowed: %s", allowed);
}

/* --- values -------------------------------------------------------------- */

static const char *text_of(yajl_val v)
{
	return YAJL_IS_STRING(v) ? YAJL_GET_STRING(v) :
		YAJL_IS_NUMBER(v) ? YAJL_GET_NUMBER(v) :
		YAJL_IS_TRUE(v) ? "1" : YAJL_IS_FALSE(v) ? "0" : NULL;
}

static bool is_true(yajl_val v)
{
	const char *text = text_of(v);

	return text && strcmp(text, "0") && strcmp(text, "False");
}

static void statement(struct statements *s, const char *name, const char *value)
{
	put(s, name);
	put(s, " = \"");
	escaped(s, value);
	put(s, "\"\n");
}

static void take_text(struct statements *s, const char *name, yajl_val v)
{
	const char *text = text_of(v);

	if (text)
		statement(s, name, text);
	else
		wrong(s, name, "a text or a number");
}

/* "True" and "False" are 1 and 0 in xl.cfg. */
static void take_bool(struct statements *s, const char *name, yajl_val v)
{
	statement(s, name, is_true(v) ? "1" : "0");
}

static void take_mib(struct statements *s, const char *name, yajl_val v)
{
	char text[24];

	if (!YAJL_IS_INTEGER(v)) {
		wrong(s, name, "KiB");
		return;
	}
	snprintf(text, sizeof(text), "%lld", YAJL_GET_INTEGER(v) >> 10);
	statement(s, name, text);
}

/* JSON has _ where xl.cfg has -. */
static void take_word(struct statements *s, const char *name, yajl_val v)
{
	char word[64];

	if (!YAJL_IS_STRING(v)) {
		wrong(s, name, "a word");
		return;
	}
	snprintf(word, sizeof(word), "%s", YAJL_GET_STRING(v));
	for (char *p = word; *p; p++)
		if (*p == '_')
			*p = '-';
	statement(s, name, strcmp(word, "restart-rename") ? word :
		  "rename-restart");
}

static void take_list(struct statements *s, const char *name, yajl_val v)
{
	if (!YAJL_IS_ARRAY(v)) {
		wrong(s, name, "a list");
		return;
	}
	put(s, name);
	put(s, " = [");
	for (size_t i = 0; i < YAJL_GET_ARRAY(v)->len; i++) {
		const char *text = text_of(YAJL_GET_ARRAY(v)->values[i]);

		put(s, " \"");
		escaped(s, text ? text : "");
		put(s, "\",");
	}
	put(s, " ]\n");
}

/* vCPUs that are there at first: as many as there are items. */
static void take_count(struct statements *s, const char *name, yajl_val v)
{
	char text[24];

	if (!YAJL_IS_ARRAY(v)) {
		wrong(s, name, "a list");
		return;
	}
	snprintf(text, sizeof(text), "%zu", YAJL_GET_ARRAY(v)->len);
	statement(s, name, text);
}

/* The CPUs of one vCPU as a text. */
static void put_map(struct statements *s, yajl_val one)
{
	put(s, " \"");
	for (size_t i = 0; YAJL_IS_ARRAY(one) &&
	     i < YAJL_GET_ARRAY(one)->len; i++) {
		const char *cpu = text_of(YAJL_GET_ARRAY(one)->values[i]);

		put(s, i ? "," : "");
		put(s, cpu ? cpu : "");
	}
	put(s, "\"");
}

/* A list of lists of CPUs becomes a list of texts. */
static void take_maps(struct statements *s, const char *name, yajl_val v)
{
	if (!YAJL_IS_ARRAY(v)) {
		wrong(s, name, "a list of lists");
		return;
	}
	put(s, name);
	/* One text for all of them leaves the placement on nodes to xl. */
	if (s->one_map && YAJL_GET_ARRAY(v)->len) {
		put(s, " =");
		put_map(s, YAJL_GET_ARRAY(v)->values[0]);
		put(s, "\n");
		return;
	}
	put(s, " = [");
	for (size_t i = 0; i < YAJL_GET_ARRAY(v)->len; i++) {
		put_map(s, YAJL_GET_ARRAY(v)->values[i]);
		put(s, ",");
	}
	put(s, " ]\n");
}

static void take_nothing(struct statements *s, const char *name, yajl_val v)
{
	(void)s, (void)name, (void)v;
}

/* --- tables of members --------------------------------------------------- */

struct member {
	const char *json;
	const char *name;		/* in xl.cfg */
	void (*take)(struct statements *s, const char *name, yajl_val v);
};

static const struct member of_c_info[] = {
	{ "type", "type", take_text }, { "name", "name", take_text },
	{ "uuid", "uuid", take_text }, { "pool_name", "pool", take_text },
	{ "run_hotplug_scripts", NULL, take_nothing },
	{ "domid", NULL, take_nothing }, { NULL, NULL, NULL },
};

static const struct member of_b_info[] = {
	{ "max_vcpus", "maxvcpus", take_text },
	{ "avail_vcpus", "vcpus", take_count },
	{ "vcpu_hard_affinity", "cpus", take_maps },
	{ "vcpu_soft_affinity", "cpus_soft", take_maps },
	{ "numa_placement", NULL, take_nothing },
	{ "tsc_mode", "tsc_mode", take_text },
	{ "max_memkb", "maxmem", take_mib },
	{ "target_memkb", "memory", take_mib },
	{ "disable_migrate", "nomigrate", take_bool },
	{ "max_grant_frames", "max_grant_frames", take_text },
	{ "max_maptrack_frames", "max_maptrack_frames", take_text },
	{ "claim_mode", NULL, take_nothing },
	{ "event_channels", "max_event_channels", take_text },
	{ "kernel", "kernel", take_text }, { "ramdisk", "ramdisk", take_text },
	{ "cmdline", "cmdline", take_text },
	{ "bootloader", "bootloader", take_text },
	{ "bootloader_args", "bootloader_args", take_list },
	{ "arch_arm", NULL, take_nothing }, { NULL, NULL, NULL },
};

static const struct member of_sched[] = {
	{ "weight", "cpu_weight", take_text }, { "cap", "cap", take_text },
	{ "sched", NULL, take_nothing }, { NULL, NULL, NULL },
};

static const struct member nothing[] = { { NULL, NULL, NULL } };

static const struct member of_domain[] = {
	{ "on_poweroff", "on_poweroff", take_word },
	{ "on_reboot", "on_reboot", take_word },
	{ "on_crash", "on_crash", take_word },
	{ "on_watchdog", "on_watchdog", take_word },
	{ "on_soft_reset", "on_soft_reset", take_word }, { NULL, NULL, NULL },
};

static const struct member *member_of(const struct member *table,
				      const char *json)
{
	while (table->json && strcmp(table->json, json))
		table++;
	return table->json ? table : NULL;
}

static void take_other(struct statements *s, const struct other_key *key,
		       yajl_val v)
{
	switch (key->kind) {
	case OTHER_BOOL:
		take_bool(s, key->name, v);
		break;
	case OTHER_MIB:
		take_mib(s, key->name, v);
		break;
	case OTHER_WORD:
		take_word(s, key->name, v);
		break;
	case OTHER_LIST:
	case OTHER_NUMBERS:
		take_list(s, key->name, v);
		break;
	default:
		take_text(s, key->name, v);
		break;
	}
}

static void take_members(struct statements *s, const char *section,
			 const struct member *table, yajl_val v)
{
	if (!YAJL_IS_OBJECT(v)) {
		if (v)
			wrong(s, section, "an object");
		return;
	}
	for (size_t i = 0; i < YAJL_GET_OBJECT(v)->len; i++) {
		const char *json = YAJL_GET_OBJECT(v)->keys[i];
		yajl_val value = YAJL_GET_OBJECT(v)->values[i];
		const struct member *m = member_of(table, json);
		const struct other_key *other =
			other_find_json(section, json);

		if (m)
			m->take(s, m->name, value);
		else if (other)
			take_other(s, other, value);
		else if (!YAJL_IS_OBJECT(value) && !YAJL_IS_ARRAY(value))
			unknown(s, section, json);
		else if (strcmp(json, "sched_params") &&
			 strcmp(json, "type.pv") && strcmp(json, "arch_x86"))
			unknown(s, section, json);
	}
}

static yajl_val get(yajl_val v, const char *name)
{
	const char *path[2] = { name, NULL };

	return v ? yajl_tree_get(v, path, yajl_t_any) : NULL;
}

/* --- devices ------------------------------------------------------------- */

static void option(struct statements *s, const char *name, const char *value)
{
	if (!value)
		return;
	if (strchr(value, ',')) {
		wrong(s, name, "a text without a comma");
		return;
	}
	put(s, name);
	put(s, "=");
	escaped(s, value);
	put(s, ",");
}

static void choice(struct statements *s, yajl_val v, const char *yes,
		   const char *no)
{
	if (v)
		put(s, is_true(v) ? yes : no);
}

static void take_limit(struct statements *s, yajl_val d, const char *name,
		       const char *unit, const char *burst_unit)
{
	char text[64];
	yajl_val rate = get(d, name), burst;

	if (!YAJL_IS_INTEGER(rate) || YAJL_GET_INTEGER(rate) < 1)
		return;
	snprintf(text, sizeof(text), "%s_burst", name);
	burst = get(d, text);
	snprintf(text, sizeof(text), "%lld%s@%lld%s", YAJL_GET_INTEGER(rate),
		 unit, YAJL_IS_INTEGER(burst) ? YAJL_GET_INTEGER(burst) : 0,
		 burst_unit);
	option(s, name, text);
}

static void take_disk(struct statements *s, yajl_val d)
{
	option(s, "vdev", text_of(get(d, "vdev")));
	option(s, "format", text_of(get(d, "format")));
	option(s, "access", is_true(get(d, "readwrite")) ? "rw" : "ro");
	option(s, "devtype", is_true(get(d, "is_cdrom")) ? "cdrom" : NULL);
	option(s, "backend", text_of(get(d, "backend_domname")));
	option(s, "backendtype", text_of(get(d, "backend")));
	option(s, "specification", text_of(get(d, "specification")));
	option(s, "script", text_of(get(d, "script")));
	if (is_true(get(d, "direct_io_safe")))
		put(s, "direct-io-safe,");
	choice(s, get(d, "discard_enable"), "discard,", "no-discard,");
	choice(s, get(d, "trusted"), "trusted,", "untrusted,");
	take_limit(s, d, "rate", "B/s", "B");
	take_limit(s, d, "iops", "", "");
	put(s, "target=");
	if (text_of(get(d, "pdev_path")))
		escaped(s, text_of(get(d, "pdev_path")));
}

static void take_rate(struct statements *s, yajl_val n)
{
	yajl_val bytes = get(n, "rate_bytes_per_interval");
	yajl_val usec = get(n, "rate_interval_usecs");
	char text[64];

	if (!YAJL_IS_INTEGER(usec) || YAJL_GET_INTEGER(usec) < 1)
		return;
	/* Rounded up: the reader rounds down. */
	snprintf(text, sizeof(text), "%lluB/s@%lldus",
		 YAJL_IS_INTEGER(bytes) ? (unsigned long long)
		 (((__int128)YAJL_GET_INTEGER(bytes) * 1000000 +
		   YAJL_GET_INTEGER(usec) - 1) / YAJL_GET_INTEGER(usec)) : 0,
		 YAJL_GET_INTEGER(usec));
	option(s, "rate", text);
}

static void take_nic(struct statements *s, yajl_val n)
{
	static const char *const same[] = {
		"mac", "bridge", "ip", "script", "gatewaydev", "model", "mtu",
		"devid", "antispoof",
	};
	const char *type = text_of(get(n, "nictype"));

	for (size_t i = 0; i < sizeof(same) / sizeof(same[0]); i++)
		option(s, same[i], text_of(get(n, same[i])));
	option(s, "vifname", text_of(get(n, "ifname")));
	option(s, "backend", text_of(get(n, "backend_domname")));
	option(s, "type", type && !strcmp(type, "vif_ioemu") ? "ioemu" : type);
	take_rate(s, n);
	choice(s, get(n, "trusted"), "trusted,", "untrusted,");
}

static void take_devices(struct statements *s, const char *name, yajl_val list,
			 void (*one)(struct statements *s, yajl_val d))
{
	if (!list)
		return;
	if (!YAJL_IS_ARRAY(list)) {
		wrong(s, name, "a list");
		return;
	}
	put(s, name);
	put(s, " = [");
	for (size_t i = 0; i < YAJL_GET_ARRAY(list)->len; i++) {
		put(s, "\n\"");
		one(s, YAJL_GET_ARRAY(list)->values[i]);
		put(s, "\",");
	}
	put(s, " ]\n");
}

/* --- all of it ----------------------------------------------------------- */

static void take_domain(struct statements *s, yajl_val root)
{
	yajl_val b = get(root, "b_info");

	s->one_map = !get(b, "numa_placement");
	take_members(s, "c_info", of_c_info, get(root, "c_info"));
	take_members(s, "b_info", of_b_info, b);
	take_members(s, "sched_params", of_sched, get(b, "sched_params"));
	take_members(s, "type.pv", nothing, get(b, "type.pv"));
	take_members(s, "arch_x86", nothing, get(b, "arch_x86"));
	take_devices(s, "disk", get(root, "disks"), take_disk);
	take_devices(s, "vif", get(root, "nics"), take_nic);
	for (const struct member *m = of_domain; m->json; m++)
		if (get(root, m->json))
			m->take(s, m->name, get(root, m->json));
	/* xl leaves a plain "destroy" out, and that is no default here. */
	if (!get(root, "on_reboot"))
		statement(s, "on_reboot", "destroy");
	if (!get(root, "on_soft_reset"))
		statement(s, "on_soft_reset", "destroy");
}

static void tell_other_devices(struct statements *s, yajl_val root)
{
	static const char *const known[] = {
		"c_info", "b_info", "disks", "nics", "on_poweroff",
		"on_reboot", "on_crash", "on_watchdog", "on_soft_reset",
	};

	for (size_t i = 0; i < YAJL_GET_OBJECT(root)->len; i++) {
		size_t j = 0;

		while (j < 9 && strcmp(known[j],
				       YAJL_GET_OBJECT(root)->keys[i]))
			j++;
		if (j == 9)
			unknown(s, "the domain",
				YAJL_GET_OBJECT(root)->keys[i]);
	}
}

/* `xl list -l` has a list of domains; the first one's config counts. */
static yajl_val find_config(yajl_val root)
{
	if (YAJL_IS_ARRAY(root) && YAJL_GET_ARRAY(root)->len == 1)
		root = YAJL_GET_ARRAY(root)->values[0];
	return YAJL_IS_OBJECT(root) && get(root, "config") ?
		get(root, "config") : root;
}

int vane_config_from_json(struct vane_config *config, const char *file,
			  const char *text, size_t len,
			  struct vane_report *report)
{
	struct statements s = { .file = file, .report = report };
	char *copy = strndup(text, len), why[256] = "";
	unsigned int before = report->errors;
	struct place place = { .file = file };
	yajl_val tree, root;
	int rc = -EINVAL;

	if (!copy)
		return -ENOMEM;
	tree = yajl_tree_parse(copy, why, sizeof(why));
	root = tree ? find_config(tree) : NULL;
	if (!YAJL_IS_OBJECT(root)) {
		report_add(report, VANE_ERROR, place, NULL, "this is no JSON "
			   "of one domain%s%s", why[0] ? ": " : "", why);
	} else {
		tell_other_devices(&s, root);
		take_domain(&s, root);
		if (s.failed)
			rc = -ENOMEM;
		else if (report->errors == before)
			rc = vane_config_parse(config, file, s.text, s.len,
					       NULL, report);
	}
	yajl_tree_free(tree);
	free(s.text);
	free(copy);
	return rc;
}
