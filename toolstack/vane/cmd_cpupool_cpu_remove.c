/*
 * vane cpupool-cpu-remove.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return pool_cpus(&cmd_cpupool_cpu_remove, argc, argv, false);
}

const struct command cmd_cpupool_cpu_remove = {
	.name = "cpupool-cpu-remove", .arguments = "POOL CPUS",
	.summary = "Take CPUs out of a CPU pool.", .run = run,
};
