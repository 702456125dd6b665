/*
 * vane reboot.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return ask_to_end(&cmd_reboot, argc, argv, true);
}

const struct command cmd_reboot = {
	.name = "reboot", .arguments = "[-w] -a|DOMAIN...",
	.summary = "Ask a domain to reboot.",
	.options = ASK_OPTIONS, .run = run,
};
