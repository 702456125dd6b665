/*
 * vane cpupool-migrate: a domain moves from one pool to another.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
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
	.run = run,
};
