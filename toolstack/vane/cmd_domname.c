/*
 * vane domname.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return print_identity(&cmd_domname, argc, argv, true);
}

const struct command cmd_domname = {
	.name = "domname", .arguments = "[--json] DOMID",
	.summary = "Print the name of a domain.", .run = run,
};
