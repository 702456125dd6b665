/*
 * vane cpupool-cpu-add.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return pool_cpus(&cmd_cpupool_cpu_add, argc, argv, true);
}

const struct command cmd_cpupool_cpu_add = {
	.name = "cpupool-cpu-add", .arguments = "POOL CPUS",
	.summary = "Give a CPU pool CPUs that are in no pool.",
	.run = run,
};
