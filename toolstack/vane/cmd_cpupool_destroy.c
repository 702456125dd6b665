/*
 * vane cpupool-destroy.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
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
	.summary = "Remove a CPU pool without domains.", .run = run,
};
