/*
 * vane pause.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return each_domain(&cmd_pause, argc, argv, vane_pause);
}

const struct command cmd_pause = {
	.name = "pause", .arguments = "DOMAIN...",
	.summary = "Stop a domain from running until it is unpaused.",
	.run = run,
};
