/*
 * vane info: the host. One table of rows serves the text (xl's keys in xl's
 * order), single keys and JSON.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

struct row {
	const char *key;
	bool number;			/* for JSON */
	char value[1100];
};

#define MAX_ROWS 48

struct rows {
	struct row row[MAX_ROWS];
	unsigned int count;
};

static void __attribute__((format(printf, 4, 5)))
add(struct rows *rows, const char *key, bool number, const char *fmt, ...)
{
	struct row *row = &rows->row[rows->count++];
	va_list ap;

	row->key = key;
	row->number = number;
	va_start(ap, fmt);
	vsnprintf(row->value, sizeof(row->value), fmt, ap);
	va_end(ap);
}

static void add_uint(struct rows *rows, const char *key,
		     unsigned long long value)
{
	add(rows, key, true, "%llu", value);
}

static void add_text(struct rows *rows, const char *key, const char *value)
{
	add(rows, key, false, "%s", value);
}

/* Words for XEN_SYSCTL_PHYSCAP_* bits that xl prints. */
static void add_capabilities(struct rows *rows, uint32_t bits)
{
	static const struct {
		unsigned int bit;
		const char *word;
	} words[] = {
		{ 1, "pv" }, { 0, "hvm" }, { 0 | 2 << 8, "hvm_directio" },
		{ 1 | 2 << 8, "pv_directio" }, { 3, "hap" }, { 4, "shadow" },
		{ 5, "iommu_hap_pt_share" }, { 6, "vmtrace" }, { 7, "vpmu" },
		{ 8, "gnttab-v1" }, { 9, "gnttab-v2" },
	};
	char text[160] = "";

	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		unsigned int a = words[i].bit & 0xff, b = words[i].bit >> 8;

		if (!(bits >> a & 1) || (b && !(bits >> b & 1)))
			continue;
		if (text[0])
			strcat(text, " ");
		strcat(text, words[i].word);
	}
	add_text(rows, "virt_caps", text);
}

static void add_machine(struct rows *rows, const struct vane_host *h)
{
	struct utsname u;

	uname(&u);
	add_text(rows, "host", u.nodename);
	add_text(rows, "release", u.release);
	add_text(rows, "version", u.version);
	add_text(rows, "machine", u.machine);
	add_uint(rows, "nr_cpus", h->nr_cpus);
	add_uint(rows, "max_cpu_id", h->max_cpu_id);
	add_uint(rows, "nr_nodes", h->nr_nodes);
	add_uint(rows, "cores_per_socket", h->cores_per_socket);
	add_uint(rows, "threads_per_core", h->threads_per_core);
	add(rows, "cpu_mhz", true, "%u.%03u", h->cpu_khz / 1000,
	    h->cpu_khz % 1000);
	add(rows, "hw_caps", false, "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x",
	    h->hw_cap[0], h->hw_cap[1], h->hw_cap[2], h->hw_cap[3],
	    h->hw_cap[4], h->hw_cap[5], h->hw_cap[6], h->hw_cap[7]);
	add_capabilities(rows, h->capability_bits);
	add_uint(rows, "total_memory", h->total_kib >> 10);
	add_uint(rows, "free_memory", h->free_kib >> 10);
	if (h->sharing_freed_pages >= 0)
		add_uint(rows, "sharing_freed_memory",
			 h->sharing_freed_pages >> 8);
	if (h->sharing_used_pages >= 0)
		add_uint(rows, "sharing_used_memory",
			 h->sharing_used_pages >> 8);
	add_uint(rows, "outstanding_claims", h->outstanding_kib >> 10);
	add_uint(rows, "free_cpus", h->free_cpus);
}

static void add_hypervisor(struct rows *rows, const struct vane_host *h)
{
	add_uint(rows, "xen_major", h->major);
	add_uint(rows, "xen_minor", h->minor);
	add_text(rows, "xen_extra", h->extra);
	add(rows, "xen_version", false, "%u.%u%s", h->major, h->minor,
	    h->extra);
	add_text(rows, "xen_caps", h->capabilities);
	add_text(rows, "xen_scheduler", h->scheduler);
	add_uint(rows, "xen_pagesize", h->page_size);
	add(rows, "platform_params", false, "virt_start=0x%llx",
	    (unsigned long long)h->virt_start);
	add_text(rows, "xen_changeset", h->changeset);
	add_text(rows, "xen_commandline", h->command_line);
	add_text(rows, "cc_compiler", h->compiler);
	add_text(rows, "cc_compile_by", h->compiled_by);
	add_text(rows, "cc_compile_domain", h->compile_domain);
	add_text(rows, "cc_compile_date", h->compile_date);
	add_text(rows, "build_id", h->build_id);
	add_uint(rows, "xend_config_format", 4);
}

/* --- -n: where CPUs and memory are --------------------------------------- */

static void print_number(uint32_t n)
{
	if (n == ~0u)
		printf("%9s", "-");
	else
		printf("%9u", n);
}

static void print_topology(const struct vane_topology *t)
{
	puts("cpu_topology           :\ncpu:    core    socket     node");
	for (unsigned int i = 0; i < t->nr_cpus; i++) {
		if (t->cpus[i].core == ~0u)
			continue;
		printf("%3u:", i);
		printf("%8u", t->cpus[i].core);
		print_number(t->cpus[i].socket);
		print_number(t->cpus[i].node);
		putchar('\n');
	}
	puts("device topology        :\ndevice           node\n"
	     "No device topology data available\n"
	     "numa_info              :\nnode:    memsize    memfree    "
	     "distances");
	for (unsigned int i = 0; i < t->nr_nodes; i++) {
		printf("%4u:    %6llu     %6llu", i,
		       (unsigned long long)t->nodes[i].size >> 20,
		       (unsigned long long)t->nodes[i].free >> 20);
		for (unsigned int j = 0; j < t->nr_nodes; j++)
			printf("%s%u", j ? "," : "      ",
			       t->distances[i * t->nr_nodes + j]);
		putchar('\n');
	}
}

static void json_topology(yajl_gen g, const struct vane_topology *t)
{
	json_key(g, "cpus");
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < t->nr_cpus; i++) {
		if (t->cpus[i].core == ~0u)
			continue;
		yajl_gen_map_open(g);
		json_number(g, "cpu", i);
		json_number(g, "core", t->cpus[i].core);
		json_number(g, "socket", t->cpus[i].socket);
		json_number(g, "node", t->cpus[i].node);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	json_key(g, "nodes");
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < t->nr_nodes; i++) {
		yajl_gen_map_open(g);
		json_number(g, "node", i);
		json_number(g, "size_bytes", t->nodes[i].size);
		json_number(g, "free_bytes", t->nodes[i].free);
		json_key(g, "distances");
		yajl_gen_array_open(g);
		for (unsigned int j = 0; j < t->nr_nodes; j++)
			yajl_gen_integer(g, t->distances[i * t->nr_nodes + j]);
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
}

/* --- printing ------------------------------------------------------------ */

static void print_json(const struct rows *rows, const struct vane_topology *t)
{
	yajl_gen g = json_begin();

	yajl_gen_map_open(g);
	json_number(g, "version", JSON_VERSION);
	json_key(g, "host");
	yajl_gen_map_open(g);
	for (unsigned int i = 0; i < rows->count; i++) {
		const struct row *row = &rows->row[i];

		json_key(g, row->key);
		if (row->number)
			yajl_gen_number(g, row->value, strlen(row->value));
		else
			json_key(g, row->value);
	}
	yajl_gen_map_close(g);
	if (t)
		json_topology(g, t);
	yajl_gen_map_close(g);
	json_end(g);
}

/* As xl: a key that is not there prints nothing, but here it is an error. */
static int print_one(const struct rows *rows, const char *key)
{
	for (unsigned int i = 0; i < rows->count; i++)
		if (!strcmp(rows->row[i].key, key)) {
			puts(rows->row[i].value);
			return EXIT_OK;
		}
	return complain(ENOENT, "info: there is no key \"%s\"; `%s info` "
			"prints them all", key, program);
}

static void print_text(const struct rows *rows, const struct vane_topology *t)
{
	for (unsigned int i = 0; i < rows->count; i++) {
		if (t && !strcmp(rows->row[i].key, "xen_major"))
			print_topology(t);
		printf("%-23s: %s\n", rows->row[i].key, rows->row[i].value);
	}
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "numa", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	bool numa = false;
	static struct rows rows;	/* too large for a stack frame */
	struct vane_topology t = { 0 };
	struct vane_host host;
	struct vane *v;
	int rc, opt;

	while ((opt = next_option(argc, argv, "n", longs)) >= 0) {
		if (opt != 'n')
			return usage(&cmd_info);
		numa = true;
	}
	if (argc - optind > !json_asked)
		return usage(&cmd_info);
	v = connect_or_exit();
	rc = vane_host_info(v, &host);
	if (!rc && numa)
		rc = vane_topology(v, &t);
	vane_close(v);
	if (rc)
		return EXIT_FAILED;
	rows.count = 0;
	add_machine(&rows, &host);
	add_hypervisor(&rows, &host);
	if (optind < argc)
		return print_one(&rows, argv[optind]);
	if (json_asked)
		print_json(&rows, numa ? &t : NULL);
	else
		print_text(&rows, numa ? &t : NULL);
	vane_topology_free(&t);
	return EXIT_OK;
}

const struct command cmd_info = {
	.name = "info", .arguments = "[-n] [--json | KEY]",
	.summary = "Print what the host is, or one value of it.",
	.options = "    -n, --numa  where its CPUs and its memory are, too\n",
	.run = run,
};
