/*
 * vane mem-max: how much memory a domain may have.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return memory_change(&cmd_mem_max, argc, argv, vane_memory_max);
}

const struct command cmd_mem_max = {
	.name = "mem-max", .arguments = "DOMAIN SIZE",
	.summary = "Set how much memory a domain may have.",
	.options = MEMORY_OPTIONS, .run = run,
};
