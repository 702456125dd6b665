/*
 * vane import and image: programs of their own, which vane becomes. What they
 * are linked with - XML, archives - would cost every other command its start.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HELPER_DIR "/usr/lib/vane/"

/* Returns when that is not possible. */
static int become(const char *path, int argc, char **argv)
{
	char **all = calloc(argc + 2, sizeof(*all));

	if (!all)
		return complain(ENOMEM, "%s: no memory", path);
	memcpy(all, argv, argc * sizeof(*all));
	if (json_asked)
		all[argc] = (char *)"--json";
	execv(path, all);
	return complain(errno, "%s: cannot be run: %s", path, strerror(errno));
}

static int run_import(int argc, char **argv)
{
	return become(HELPER_DIR "vane-import", argc, argv);
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
	.run = run_import,
};

static int run_image(int argc, char **argv)
{
	if (argc < 2)
		return usage(&cmd_image);
	return become(HELPER_DIR "vane-image", argc, argv);
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
	.run = run_image,
};
