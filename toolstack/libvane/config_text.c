/*
 * A configuration in the syntax of xl.cfg: one setting a line, those that say
 * nothing left out. Reading it gives the same configuration. Pure.
 */
#include "toolstack/libvane/config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct writer {
	vane_print_fn *print;
	void *arg;
};

static void put(struct writer *w, const char *text)
{
	w->print(w->arg, text, strlen(text));
}

static void __attribute__((format(printf, 2, 3)))
putf(struct writer *w, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	put(w, text);
}

/* The letter that stands for @c behind a backslash, or 0. */
static char escape(char c)
{
	static const char from[] = "\\\"\a\b\f\n\r\t\v", to[] = "\\\"abfnrtv";
	const char *p = c ? strchr(from, c) : NULL;

	return p ? to[p - from] : 0;
}

/* A text, or a part of one, that stands in quotes. */
static void escaped(struct writer *w, const char *text)
{
	for (; *text; text++) {
		char out[3] = { '\\', escape(*text) };

		if (!out[1])
			out[0] = *text;
		put(w, out);
	}
}

static void quoted(struct writer *w, const char *text)
{
	put(w, "\"");
	escaped(w, text);
	put(w, "\"");
}

static void text(void *to, const char *name, const char *value)
{
	struct writer *w = to;

	if (!value)
		return;
	putf(w, "%s = ", name);
	quoted(w, value);
	put(w, "\n");
}

static void number(void *to, const char *name, long long value)
{
	putf(to, "%s = %lld\n", name, value);
}

static void texts(void *to, const char *name, char *const *list,
		  unsigned int count)
{
	struct writer *w = to;

	putf(w, "%s = [", name);
	for (unsigned int i = 0; i < count; i++) {
		put(w, i ? ", " : " ");
		quoted(w, list[i]);
	}
	put(w, " ]\n");
}

static void cpus(struct writer *w, const char *name, char *const *list,
		 unsigned int count, bool each)
{
	if (count && each)
		texts(w, name, list, count);
	else if (count)
		text(w, name, list[0]);
}

static void others(struct writer *w, const struct vane_config *c)
{
	for (unsigned int i = 0; i < c->nr_others; i++) {
		const struct vane_other *o = &c->others[i];

		if (o->key->kind == OTHER_LIST ||
		    o->key->kind == OTHER_NUMBERS)
			texts(w, o->key->name, o->items, o->nr_items);
		else
			text(w, o->key->name, o->items[0]);
	}
}

/* --- devices: a text that is made of options ----------------------------- */

/* One option, which is a part of a text in quotes. */
static void option(struct writer *w, const char *name, const char *value)
{
	if (!value)
		return;
	putf(w, "%s=", name);
	escaped(w, value);
	put(w, ",");
}

static void disk(struct writer *w, const struct vane_disk *d)
{
	put(w, "  \"");
	option(w, "vdev", d->vdev);
	option(w, "format", config_disk_formats[d->format]);
	option(w, "access", d->readonly ? "ro" : "rw");
	option(w, "devtype", d->cdrom ? "cdrom" : NULL);
	option(w, "backend", d->backend_domain);
	option(w, "backendtype", d->backend_type);
	option(w, "specification", d->specification);
	option(w, "script", d->script);
	if (d->rate)
		putf(w, "rate=%lluB/s@%lluB,", (unsigned long long)d->rate,
		     (unsigned long long)d->rate_burst);
	if (d->iops)
		putf(w, "iops=%llu@%llu,", (unsigned long long)d->iops,
		     (unsigned long long)d->iops_burst);
	if (d->direct_io_safe)
		put(w, "direct-io-safe,");
	if (d->discard)
		put(w, d->discard == VANE_YES ? "discard," : "no-discard,");
	if (d->trusted)
		put(w, d->trusted == VANE_YES ? "trusted," : "untrusted,");
	/* Takes all that follows, commas too. */
	put(w, "target=");
	escaped(w, d->target ? d->target : "");
	put(w, "\",\n");
}

static void nic(struct writer *w, const struct vane_nic *n)
{
	char mac[MAC_TEXT];

	put(w, "  \"");
	option(w, "mac", config_mac(n, mac));
	option(w, "bridge", n->bridge);
	option(w, "vifname", n->vifname);
	option(w, "ip", n->ip);
	option(w, "script", n->script);
	option(w, "gatewaydev", n->gatewaydev);
	option(w, "backend", n->backend_domain);
	option(w, "model", n->model);
	option(w, "type", n->type);
	if (n->backend)
		option(w, "backendtype", n->backend == VANE_BACKEND_OURS ?
		       "vane" : "linux");
	if (n->rate_usec)
		putf(w, "rate=%lluB/s@%uus,", (unsigned long long)
		     (n->rate_bytes * 1000000ull + n->rate_usec - 1) /
		     n->rate_usec, n->rate_usec);
	if (n->mtu)
		putf(w, "mtu=%u,", n->mtu);
	if (n->antispoof)
		put(w, "antispoof=yes,");
	if (n->trusted)
		put(w, n->trusted == VANE_YES ? "trusted," : "untrusted,");
	putf(w, "devid=%u\",\n", n->devid);
}

/* --- all of it ----------------------------------------------------------- */

static void machine(struct writer *w, const struct vane_config *c)
{
	static const struct config_sink sink = { text, number, texts };
	char uuid[UUID_TEXT];

	text(w, "name", c->name);
	uuid_format(c->uuid, uuid);
	text(w, "uuid", uuid_is_nil(c->uuid) ? NULL : uuid);
	text(w, "pool", c->pool);
	config_same(c, &sink, w);
	if (c->memory_kib)
		number(w, "memory", c->memory_kib >> 10);
	if (c->maxmem_kib != c->memory_kib)
		number(w, "maxmem", c->maxmem_kib >> 10);
	if (c->said & VANE_SAID_VCPUS)
		number(w, "vcpus", c->vcpus);
	if (c->said & VANE_SAID_MAXVCPUS)
		number(w, "maxvcpus", c->maxvcpus);
	cpus(w, "cpus", c->cpus, c->nr_cpus, c->cpus_per_vcpu);
	cpus(w, "cpus_soft", c->cpus_soft, c->nr_cpus_soft,
	     c->cpus_soft_per_vcpu);
	if (c->said & VANE_SAID_WEIGHT)
		number(w, "cpu_weight", c->weight);
	if (c->said & VANE_SAID_CAP)
		number(w, "cap", c->cap);
}

static void behaviour(struct writer *w, const struct vane_config *c)
{
	text(w, "on_poweroff", config_actions[c->on_poweroff]);
	text(w, "on_reboot", config_actions[c->on_reboot]);
	text(w, "on_crash", config_actions[c->on_crash]);
	text(w, "on_watchdog", config_actions[c->on_watchdog]);
	if (c->tsc_mode)
		text(w, "tsc_mode", config_tsc_modes[c->tsc_mode]);
	if (c->said & VANE_SAID_EVENT_CHANNELS)
		number(w, "max_event_channels", c->max_event_channels);
	if (c->nomigrate)
		number(w, "nomigrate", 1);
}

int vane_config_text(const struct vane_config *c, vane_print_fn *print,
		     void *arg)
{
	struct writer w = { .print = print, .arg = arg };

	machine(&w, c);
	behaviour(&w, c);
	others(&w, c);
	if (c->nr_disks) {
		put(&w, "disk = [\n");
		for (unsigned int i = 0; i < c->nr_disks; i++)
			disk(&w, &c->disks[i]);
		put(&w, "]\n");
	}
	if (c->nr_nics) {
		put(&w, "vif = [\n");
		for (unsigned int i = 0; i < c->nr_nics; i++)
			nic(&w, &c->nics[i]);
		put(&w, "]\n");
	}
	return 0;
}
