/*
 * vane image: a program of its own.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	if (argc < 2)
		return usage(&cmd_image);
	return become_helper(HELPER_DIR "vane-image", argc, argv);
}

const struct command cmd_image = {
	.name = "image", .arguments = "create [OPTION...] NAME",
	.summary = "Make a bootable Debian disk and its configuration.",
	.options = "    -o, --output DIR      where to, default\n"
		"                          /var/lib/vane/images\n"
		"    -s, --size SIZE       of the disk, default 2G\n"
		"    --suite SUITE         of Debian, default bookworm\n"
		"    --mirror URL          where packages come from\n"
		"    --include PKG,PKG     more packages\n"
		"    --memory MIB, --vcpus N, --bridge BRIDGE\n"
		"    --ssh-key FILE        who may log in as root by ssh\n"
		"    --password PASSWORD   root's; default: one is made, and\n"
		"                          printed\n",
	.run = run,
};
