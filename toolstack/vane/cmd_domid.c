/*
 * vane domid.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return print_identity(&cmd_domid, argc, argv, false);
}

const struct command cmd_domid = {
	.name = "domid", .arguments = "[--json] NAME",
	.summary = "Print the id of a domain.", .run = run,
};
