/*
 * Descriptions of CPU pools in the syntax of xlcpupool.cfg: name, sched, and
 * cpus or nodes. Reading one is pure; choosing its CPUs asks the host.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/internal.h"

/* A list of texts or numbers, or one, as a text: "PREFIXa,PREFIXb". */
static char *join(const struct cfg_value *value, const char *prefix)
{
	bool list = value->kind == CFG_LIST;
	const struct cfg_value *items = list ? value->items : value;
	unsigned int n = list ? value->nr_items : 1;
	size_t len = 1;
	char *text;

	for (unsigned int i = 0; i < n; i++)
		len += items[i].kind == CFG_LIST ? 0 :
			strlen(prefix) + strlen(items[i].text) + 1;
	text = calloc(1, len);
	for (unsigned int i = 0; text && i < n; i++)
		if (items[i].kind != CFG_LIST)
			sprintf(text + strlen(text), "%s%s%s", i ? "," : "",
				prefix, items[i].text);
	return text;
}

static void take(struct vane_pool_config *c, const struct cfg_setting *s,
		 struct vane_report *report)
{
	char **to = NULL;

	if (s->value.kind == CFG_BROKEN)
		return;
	if (!strcmp(s->name, "name"))
		to = &c->name;
	else if (!strcmp(s->name, "sched"))
		to = &c->scheduler;
	else if (!strcmp(s->name, "cpus"))
		to = &c->cpus;
	else if (!strcmp(s->name, "nodes"))
		to = &c->nodes;
	else
		report_add(report, VANE_WARNING, config_place(s, NULL), s->name,
			   "is no known setting; allowed: name, sched, cpus, "
			   "nodes");
	if (!to)
		return;
	if (s->value.kind == CFG_LIST && to != &c->cpus && to != &c->nodes) {
		report_add(report, VANE_ERROR, config_place(s, &s->value),
			   s->name, "found a list; allowed: a text in quotes");
		return;
	}
	free(*to);
	*to = join(&s->value, to == &c->nodes ? "node:" : "");
}

int vane_pool_config_parse(struct vane_pool_config *config, const char *file,
			   const char *text, size_t len,
			   const char *const *extra,
			   struct vane_report *report)
{
	struct vane_pool_config c = { 0 };
	struct cfg cfg = { 0 };
	unsigned int before = report->errors;
	struct place place = { .file = file ? file : "command line" };

	cfg_read(&cfg, place.file, text, len, report);
	for (unsigned int i = 0; extra && extra[i]; i++)
		cfg_read(&cfg, "command line", extra[i], strlen(extra[i]),
			 report);
	for (unsigned int i = 0; i < cfg.count; i++)
		take(&c, &cfg.settings[i], report);
	cfg_free(&cfg);
	if (!c.name || !c.name[0])
		report_add(report, VANE_ERROR, place, "name",
			   "is missing; allowed: the pool's name in quotes");
	if (report->errors != before) {
		vane_pool_config_free(&c);
		return -EINVAL;
	}
	*config = c;
	return 0;
}

void vane_pool_config_free(struct vane_pool_config *c)
{
	free(c->name);
	free(c->scheduler);
	free(c->cpus);
	free(c->nodes);
	memset(c, 0, sizeof(*c));
}

/* CPUs that are in no pool. */
static int free_cpus(struct vane *v, uint8_t map[128])
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cpupool_op };
	int rc;

	memset(v->hc_data, 0, 128);
	op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_FREEINFO;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, v->hc_data);
	op.u.cpupool_op.cpumap.nr_bits = 1024;
	rc = hv_sysctl(v, &op);
	if (rc >= 0)
		memcpy(map, v->hc_data, 128);
	return rc < 0 ? vane_fail(v, rc, "CPUs in no pool: %s",
				  strerror(-rc)) : 0;
}

/* Leaves the first free one. */
static int take_first(struct vane *v, const struct vane_pool_config *c,
		      uint8_t map[128])
{
	for (unsigned int i = 0; i < 1024; i++)
		if (map[i / 8] >> i % 8 & 1) {
			memset(map, 0, 128);
			map[i / 8] |= 1 << i % 8;
			return 0;
		}
	return vane_fail(v, -EBUSY, "pool %s: no CPU is free; take one out of "
			 "another pool by cpupool-cpu-remove", c->name);
}

int vane_pool_choose(struct vane *v, const struct vane_pool_config *c,
		     uint8_t map[128])
{
	uint8_t free_map[128];
	int rc = free_cpus(v, free_map);

	if (rc)
		return rc;
	if (!c->cpus && !c->nodes) {
		memcpy(map, free_map, 128);
		return take_first(v, c, map);
	}
	rc = vane_cpulist(v, c->nodes ? c->nodes : c->cpus, map);
	/* A node gives what is free of it; a CPU that is named must be. */
	for (unsigned int i = 0; !rc && c->nodes && i < 128; i++)
		map[i] &= free_map[i];
	for (unsigned int i = 0; !rc && i < 1024; i++)
		if (map[i / 8] & ~free_map[i / 8] & 1 << i % 8)
			rc = vane_fail(v, -EBUSY, "pool %s: CPU %u is not free "
				       "(cpupool-cpu-remove takes it out of "
				       "its pool)", c->name, i);
	return rc;
}
