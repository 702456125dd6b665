/*
 * vane destroy.
 */
#include "toolstack/vane/vane.h"

#include <string.h>

/* xl's -f is for a Domain-0 that somebody else controls. */
static int run(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "-f")) {
		argc--;
		argv++;
	}
	return each_domain(&cmd_destroy, argc, argv, vane_destroy);
}

const struct command cmd_destroy = {
	.name = "destroy", .arguments = "[-f] DOMAIN...",
	.summary = "End a domain at once, as by pulling its plug.",
	.options = "    -f  changes nothing: Domain-0 stays\n",
	.run = run,
};
