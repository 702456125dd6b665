/*
 * vane cpupool-rename.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
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
	.summary = "Give a CPU pool another name.", .run = run,
};
