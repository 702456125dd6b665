/*
 * vane import: a program of its own.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return become_helper(HELPER_DIR "vane-import", argc, argv);
}

const struct command cmd_import = {
	.name = "import", .arguments = "[OPTION...] [--json] FILE.ova|FILE.ovf",
	.summary = "Make disks and a configuration of an OVF appliance.",
	.options = "    -o, --output DIR          where to, default\n"
		"                              /var/lib/vane/images\n"
		"    -n, --name NAME           of the domain and its folder\n"
		"    --network NETWORK=BRIDGE  bridge of one of its networks\n"
		"    --check                   only say what is wrong, and what\n"
		"                              would be left out\n",
	.run = run,
};
