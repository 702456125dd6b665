/*
 * vane cpupool-list.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>

static void print_cpus(const struct vane_pool *p)
{
	const char *comma = "";

	printf("%-19s", p->name);
	for (unsigned int i = 0; i < 1024; i++)
		if (cpu_in(p->cpus, i)) {
			printf("%s%u", comma, i);
			comma = ",";
		}
	putchar('\n');
}

static void json_pool(yajl_gen g, const struct vane_pool *p)
{
	yajl_gen_map_open(g);
	json_number(g, "id", p->id);
	json_text(g, "name", p->name);
	json_text(g, "scheduler", p->scheduler);
	json_number(g, "domains", p->nr_domains);
	json_key(g, "cpus");
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < 1024; i++)
		if (cpu_in(p->cpus, i))
			yajl_gen_integer(g, i);
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
}

static void row(const struct vane_pool *p, bool cpus, yajl_gen g)
{
	if (g)
		json_pool(g, p);
	else if (cpus)
		print_cpus(p);
	else
		printf("%-19s%3u %9s       y       %4u\n", p->name, p->nr_cpus,
		       p->scheduler, p->nr_domains);
}

static int list(struct vane *v, const char *name, bool cpus, yajl_gen g)
{
	struct vane_pool *all, one;
	unsigned int count = 1;
	int rc = name ? vane_pool_find(v, name, &one) :
		vane_pools(v, &all, &count);

	if (rc)
		return EXIT_FAILED;
	if (g)
		json_open(g, "pools");
	else
		printf("%-19s%s\n", "Name", cpus ? "CPU list" :
		       "CPUs   Sched     Active   Domain count");
	for (unsigned int i = 0; i < count; i++)
		row(name ? &one : &all[i], cpus, g);
	if (g)
		json_close(g);
	if (!name)
		free(all);
	return EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "cpus", no_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	yajl_gen g = json_asked ? json_begin() : NULL;
	bool cpus = false;
	struct vane *v;
	int opt, status;

	while ((opt = next_option(argc, argv, "c", longs)) >= 0) {
		if (opt != 'c')
			return usage(&cmd_cpupool_list);
		cpus = true;
	}
	if (argc - optind > 1)
		return usage(&cmd_cpupool_list);
	v = connect_or_exit();
	status = list(v, argv[optind], cpus, g);
	vane_close(v);
	return status;
}

const struct command cmd_cpupool_list = {
	.name = "cpupool-list", .arguments = "[-c | --json] [POOL]",
	.summary = "List the CPU pools.",
	.options = "    -c, --cpus  which CPUs they have\n",
	.run = run,
};
