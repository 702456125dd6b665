/*
 * vane cpupool-create: from a file, from the command line, or both.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int create(struct vane *v, const struct vane_pool_config *c, bool dry)
{
	uint8_t map[128];
	unsigned int id, count = 0;
	int rc = vane_pool_choose(v, c, map);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < 1024; i++)
		count += cpu_in(map, i);
	fprintf(stderr, "cpupool name:   %s\nscheduler:      %s\n"
		"number of cpus: %u\n", c->name,
		c->scheduler ? c->scheduler : "the host's", count);
	return dry ? 0 : vane_pool_create(v, c->name, c->scheduler, map, &id);
}

static int run(int argc, char **argv)
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
	.run = run,
};
