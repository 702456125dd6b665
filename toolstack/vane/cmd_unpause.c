/*
 * vane unpause.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return each_domain(&cmd_unpause, argc, argv, vane_unpause);
}

const struct command cmd_unpause = {
	.name = "unpause", .arguments = "DOMAIN...",
	.summary = "Let a paused domain run.",
	.run = run,
};
