/*
 * vane cpupool-*: CPU pools.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool bit(const uint8_t *map, unsigned int i)
{
	return map[i / 8] >> i % 8 & 1;
}

/* --- list ---------------------------------------------------------------- */

static void print_cpus(const struct vane_pool *p)
{
	const char *comma = "";

	printf("%-19s", p->name);
	for (unsigned int i = 0; i < 1024; i++)
		if (bit(p->cpus, i)) {
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
		if (bit(p->cpus, i))
			yajl_gen_integer(g, i);
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
}

static void list_row(const struct vane_pool *p, bool cpus, yajl_gen g)
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
		list_row(name ? &one : &all[i], cpus, g);
	if (g)
		json_close(g);
	if (!name)
		free(all);
	return EXIT_OK;
}

static int run_list(int argc, char **argv)
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
	.run = run_list,
};

/* --- create -------------------------------------------------------------- */

static int create(struct vane *v, const struct vane_pool_config *c, bool dry)
{
	uint8_t map[128];
	unsigned int id, count = 0;
	int rc = vane_pool_choose(v, c, map);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < 1024; i++)
		count += bit(map, i);
	fprintf(stderr, "cpupool name:   %s\nscheduler:      %s\n"
		"number of cpus: %u\n", c->name,
		c->scheduler ? c->scheduler : "the host's", count);
	return dry ? 0 : vane_pool_create(v, c->name, c->scheduler, map, &id);
}

static int run_create(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "defconfig", required_argument, NULL, 'f' },
		{ "dryrun", no_argument, NULL, 'n' },
		{ NULL, 0, NULL, 0 },
	};
	struct vane_report report = { 0 };
	struct vane_pool_config c;
	const char *file = NULL;
	char *text = NULL;
	size_t len = 0;
	bool dry = false;
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "f:n", longs)) >= 0)
		if (opt == 'f')
			file = optarg;
		else if (opt == 'n')
			dry = true;
		else
			return usage(&cmd_cpupool_create);
	if (!file && optind < argc && !strchr(argv[optind], '='))
		file = argv[optind++];
	if (file && !(text = read_file(file, &len)))
		return EXIT_FAILED;
	if (!file && optind == argc)
		return usage(&cmd_cpupool_create);
	rc = vane_pool_config_parse(&c, file, text ? text : "", len,
				    (const char *const *)argv + optind,
				    &report);
	print_report(&report);
	vane_report_free(&report);
	free(text);
	if (rc)
		return EXIT_FAILED;
	v = connect_or_exit();
	rc = create(v, &c, dry);
	vane_close(v);
	vane_pool_config_free(&c);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_cpupool_create = {
	.name = "cpupool-create", .arguments = "[-n] [FILE] [KEY=VALUE...]",
	.summary = "Create a CPU pool.",
	.options = "    -n, --dryrun  only check\n"
		"    KEY=VALUE     name=\"...\", sched=\"bvt\", "
		"cpus=\"1,2\" or nodes=\"0\"\n",
	.run = run_create,
};

/* --- the others ---------------------------------------------------------- */

static int run_destroy(int argc, char **argv)
{
	struct vane_pool pool;
	struct vane *v;
	int rc;

	if (argc != 2)
		return usage(&cmd_cpupool_destroy);
	v = connect_or_exit();
	rc = vane_pool_find(v, argv[1], &pool);
	if (!rc)
		rc = vane_pool_destroy(v, pool.id);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_cpupool_destroy = {
	.name = "cpupool-destroy", .arguments = "POOL",
	.summary = "Remove a CPU pool without domains.", .run = run_destroy,
};

static int run_rename(int argc, char **argv)
{
	struct vane_pool pool;
	struct vane *v;
	int rc;

	if (argc != 3)
		return usage(&cmd_cpupool_rename);
	v = connect_or_exit();
	rc = vane_pool_find(v, argv[1], &pool);
	if (!rc)
		rc = vane_pool_rename(v, pool.id, argv[2]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_cpupool_rename = {
	.name = "cpupool-rename", .arguments = "POOL NEW-NAME",
	.summary = "Give a CPU pool another name.", .run = run_rename,
};

static int run_migrate(int argc, char **argv)
{
	struct vane_pool pool;
	uint32_t domid;
	struct vane *v;
	int rc;

	if (argc != 3)
		return usage(&cmd_cpupool_migrate);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_pool_find(v, argv[2], &pool);
	if (!rc)
		rc = vane_pool_move(v, pool.id, domid);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_cpupool_migrate = {
	.name = "cpupool-migrate", .arguments = "DOMAIN POOL",
	.summary = "Move a domain into another CPU pool.",
	.run = run_migrate,
};

/* All of the CPUs, whatever becomes of one of them. */
static int change_cpus(const struct command *c, int argc, char **argv,
		       bool add)
{
	struct vane_pool pool;
	uint8_t map[128];
	struct vane *v;
	int rc, first = 0;

	if (argc != 3)
		return usage(c);
	v = connect_or_exit();
	rc = vane_pool_find(v, argv[1], &pool);
	if (!rc)
		rc = vane_cpulist(v, argv[2], map);
	for (unsigned int i = 0; !rc && i < 1024; i++)
		if (bit(map, i) && vane_pool_cpu(v, pool.id, i, add))
			first = -EIO;
	vane_close(v);
	return rc || first ? EXIT_FAILED : EXIT_OK;
}

static int run_add(int argc, char **argv)
{
	return change_cpus(&cmd_cpupool_cpu_add, argc, argv, true);
}

const struct command cmd_cpupool_cpu_add = {
	.name = "cpupool-cpu-add", .arguments = "POOL CPUS",
	.summary = "Give a CPU pool CPUs that are in no pool.",
	.run = run_add,
};

static int run_remove(int argc, char **argv)
{
	return change_cpus(&cmd_cpupool_cpu_remove, argc, argv, false);
}

const struct command cmd_cpupool_cpu_remove = {
	.name = "cpupool-cpu-remove", .arguments = "POOL CPUS",
	.summary = "Take CPUs out of a CPU pool.", .run = run_remove,
};
