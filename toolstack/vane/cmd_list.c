/*
 * vane list: what domains there are. The text has exactly xl's columns.
 */
#include "toolstack/vane/vane.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "xenstore/client/store.h"

static char reason_letter(const struct vane_domain *d)
{
	static const char letters[] = "-rscwS";

	if (!d->shutdown)
		return '-';
	return d->shutdown_reason < sizeof(letters) - 1 ?
		letters[d->shutdown_reason] : '?';
}

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

static void print_row(const struct vane_domain *d, bool more)
{
	char uuid[UUID_TEXT];

	printf("%-40s %5u %5llu %5u     %c%c%c%c%c%c  %8.1f",
	       d->name ? d->name : "(null)", d->domid,
	       (unsigned long long)d->memory_kib >> 10, d->online_vcpus,
	       d->running ? 'r' : '-', d->blocked ? 'b' : '-',
	       d->paused ? 'p' : '-', d->shutdown ? 's' : '-',
	       reason_letter(d), d->dying ? 'd' : '-', d->cpu_ns / 1e9);
	if (more) {
		uuid_format(d->uuid, uuid);
		printf(" %s ", uuid);
		if (d->shutdown)
			printf("%8x", d->shutdown_reason);
		else
			printf("%8s", "-");
		printf(" %16s", "-");
	}
	putchar('\n');
}

static void print_table(const struct vane_domain *list, unsigned int n,
			bool more)
{
	printf("Name                                        ID   Mem VCPUs"
	       "\tState\tTime(s)%s\n", more ? "   UUID                     "
	       "           Reason-Code\tSecurity Label" : "");
	for (unsigned int i = 0; i < n; i++)
		print_row(&list[i], more);
}

/* The project's own form: one object per domain. */
static void print_json(const struct vane_domain *list, unsigned int n)
{
	yajl_gen g = json_begin();

	yajl_gen_map_open(g);
	json_number(g, "version", JSON_VERSION);
	json_key(g, "domains");
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < n; i++) {
		const struct vane_domain *d = &list[i];
		char uuid[UUID_TEXT];

		uuid_format(d->uuid, uuid);
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_text(g, "uuid", uuid);
		json_number(g, "memory_kib", d->memory_kib);
		json_number(g, "max_memory_kib", d->max_kib);
		json_number(g, "online_vcpus", d->online_vcpus);
		json_number(g, "max_vcpus", d->max_vcpus);
		json_number(g, "cpu_ns", d->cpu_ns);
		json_bool(g, "running", d->running);
		json_bool(g, "blocked", d->blocked);
		json_bool(g, "paused", d->paused);
		json_bool(g, "shutdown", d->shutdown);
		json_bool(g, "dying", d->dying);
		json_text(g, "shutdown_reason", reason_word(d));
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
	json_end(g);
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

/* xl's form, for programs that parse `list -l`. */
static void print_long(struct vane *v, const struct vane_domain *list,
		       unsigned int n)
{
	yajl_gen g = json_begin();
	struct store *s = NULL;

	(void)vane_store(v, &s);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < n; i++) {
		const struct vane_domain *d = &list[i];
		char uuid[UUID_TEXT];

		uuid_format(d->uuid, uuid);
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_key(g, "config");
		yajl_gen_map_open(g);
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
		json_node(g, s, uuid, "kernel", "kernel");
		json_node(g, s, uuid, "cmdline", "cmdline");
		json_node(g, s, uuid, "ramdisk", "ramdisk");
		json_empty(g, "type.pv");
		json_empty(g, "arch_arm");
		json_empty(g, "arch_x86");
		yajl_gen_map_close(g);
		yajl_gen_map_close(g);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	json_end(g);
}

/* The domains that are asked for: all, or those named. */
static int fetch(struct vane *v, int argc, char **argv,
		 struct vane_domain **list, unsigned int *n)
{
	if (!argc)
		return vane_domains(v, list, n);
	*n = 0;
	*list = calloc(argc, sizeof(**list));
	for (int i = 0; *list && i < argc; i++) {
		struct vane_domain *one;
		uint32_t domid;
		int rc = vane_domain_find(v, argv[i], &domid);

		if (!rc)
			rc = vane_domain_get(v, domid, &one);
		if (rc) {
			vane_domains_free(*list, *n);
			return rc;
		}
		(*list)[(*n)++] = *one;
		free(one);
	}
	return *list ? 0 : -1;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "long", no_argument, NULL, 'l' },
		{ "verbose", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	bool json = take_json(&argc, argv), as_xl = false, more = false;
	struct vane_domain *list;
	struct vane *v;
	unsigned int n;
	int opt;

	while ((opt = getopt_long(argc, argv, "lv", longs, NULL)) >= 0)
		if (opt == 'l')
			as_xl = true;
		else if (opt == 'v')
			more = true;
		else
			return usage(&cmd_list);
	v = connect_or_exit();
	if (fetch(v, argc - optind, argv + optind, &list, &n)) {
		vane_close(v);
		return EXIT_FAILED;
	}
	if (json)
		print_json(list, n);
	else if (as_xl)
		print_long(v, list, n);
	else
		print_table(list, n, more);
	vane_domains_free(list, n);
	vane_close(v);
	return EXIT_OK;
}

const struct command cmd_list = {
	.name = "list", .arguments = "[-l | -v | --json] [DOMAIN...]",
	.summary = "List the domains.",
	.options = "    -l, --long     configurations, as the JSON of xl\n"
		"    -v, --verbose  UUID and shutdown reason, too\n"
		"    --json         everything, as the JSON of vane\n",
	.run = run,
};
