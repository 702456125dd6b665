/*
 * vane vcpu-list.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

/* CPUs of the host, for "all". */
static unsigned int host_cpus;

/* "all", "none" or "0,2-3", of the CPUs that the host has. */
static void print_map(const uint8_t *map)
{
	unsigned int set = 0, i = 0;
	const char *comma = "";

	for (unsigned int j = 0; j < host_cpus; j++)
		set += cpu_in(map, j);
	if (set == host_cpus || !set) {
		fputs(set ? "all" : "none", stdout);
		return;
	}
	while (i < host_cpus) {
		unsigned int from = i;

		while (i < host_cpus && cpu_in(map, i))
			i++;
		if (i == from) {
			i++;
			continue;
		}
		printf(i - from > 1 ? "%s%u-%u" : "%s%u", comma, from, i - 1);
		comma = ",";
	}
}

static void json_map(yajl_gen g, const char *key, const uint8_t *map)
{
	json_key(g, key);
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < host_cpus; i++)
		if (cpu_in(map, i))
			yajl_gen_integer(g, i);
	yajl_gen_array_close(g);
}

static void json_vcpu(yajl_gen g, unsigned int vcpu, const struct vane_vcpu *c)
{
	yajl_gen_map_open(g);
	json_number(g, "vcpu", vcpu);
	json_bool(g, "online", c->online);
	json_bool(g, "running", c->running);
	json_bool(g, "blocked", c->blocked);
	json_number(g, "cpu", c->cpu);
	json_number(g, "cpu_ns", c->cpu_ns);
	json_map(g, "hard_affinity", c->hard);
	json_map(g, "soft_affinity", c->soft);
	yajl_gen_map_close(g);
}

static void print_vcpu(const struct vane_domain *d, unsigned int vcpu,
		       const struct vane_vcpu *c)
{
	printf("%-32s %5u %5u ", d->name ? d->name : "(null)", d->domid, vcpu);
	if (c->online)
		printf("%4u %3c%c- ", c->cpu, c->running ? 'r' : '-',
		       c->blocked ? 'b' : '-');
	else
		printf("%4c %3c%cp ", '-', '-', '-');
	printf("%9.1f  ", c->cpu_ns / 1e9);
	print_map(c->hard);
	fputs(" / ", stdout);
	print_map(c->soft);
	putchar('\n');
}

static int vcpu_rows(struct vane *v, const struct vane_domain *d, yajl_gen g)
{
	if (g) {
		yajl_gen_map_open(g);
		json_number(g, "domid", d->domid);
		json_text(g, "name", d->name);
		json_key(g, "vcpus");
		yajl_gen_array_open(g);
	}
	for (unsigned int i = 0; i < d->max_vcpus; i++) {
		struct vane_vcpu c;

		if (vane_vcpu_get(v, d->domid, i, &c))
			continue;
		if (g)
			json_vcpu(g, i, &c);
		else
			print_vcpu(d, i, &c);
	}
	if (g) {
		yajl_gen_array_close(g);
		yajl_gen_map_close(g);
	}
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	yajl_gen g = json_asked ? json_begin() : NULL;
	struct vane_host host;
	struct vane *v;
	int status = EXIT_FAILED;

	if (argc > 1 && argv[1][0] == '-')
		return usage(&cmd_vcpu_list);
	v = connect_or_exit();
	if (vane_host_info(v, &host))
		goto out;
	host_cpus = host.max_cpu_id + 1 < 1024 ? host.max_cpu_id + 1 : 1024;
	if (g)
		json_open(g, "domains");
	else
		printf("%-32s %5s %5s %5s %5s %9s %s\n", "Name", "ID", "VCPU",
		       "CPU", "State", "Time(s)", "Affinity (Hard / Soft)");
	status = each_row(v, argc - 1, argv + 1, g, vcpu_rows);
	if (g)
		json_close(g);
out:
	vane_close(v);
	return status;
}

const struct command cmd_vcpu_list = {
	.name = "vcpu-list", .arguments = "[--json] [DOMAIN...]",
	.summary = "List the vCPUs of domains.", .run = run,
};
