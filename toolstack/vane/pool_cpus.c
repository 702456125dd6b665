/*
 * What vane cpupool-cpu-add and cpupool-cpu-remove have in common.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>

int pool_cpus(const struct command *c, int argc, char **argv,
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
		if (cpu_in(map, i) && vane_pool_cpu(v, pool.id, i, add))
			first = -EIO;
	vane_close(v);
	return rc || first ? EXIT_FAILED : EXIT_OK;
}
