/*
 * vane mem-set: a domain's memory target.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return memory_change(&cmd_mem_set, argc, argv, vane_memory_set);
}

const struct command cmd_mem_set = {
	.name = "mem-set", .arguments = "DOMAIN SIZE",
	.summary = "Ask a domain to have this much memory.",
	.options = MEMORY_OPTIONS, .run = run,
};
