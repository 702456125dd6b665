/*
 * vane shutdown.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return ask_to_end(&cmd_shutdown, argc, argv, false);
}

const struct command cmd_shutdown = {
	.name = "shutdown", .arguments = "[-w] -a|DOMAIN...",
	.summary = "Ask a domain to shut down.",
	.options = ASK_OPTIONS, .run = run,
};
