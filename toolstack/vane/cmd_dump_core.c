/*
 * vane dump-core.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

/* Where a core goes that is to go nowhere else. */
static int core_path(struct vane *v, uint32_t domid, char *path, size_t size)
{
	char *name;

	if (mkdir(CORE_DIR, 0700) && errno != EEXIST)
		return complain(errno, CORE_DIR ": %s", strerror(errno));
	if (vane_domain_name(v, domid, &name))
		return complain(ENOENT, "domain %u has no name for its core's "
				"file; give one", domid);
	snprintf(path, size, CORE_DIR "/%.100s", name);
	free(name);
	return 0;
}

static int run(int argc, char **argv)
{
	char path[160];
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc < 2 || argc > 3 || argv[1][0] == '-')
		return usage(&cmd_dump_core);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc && argc < 3)
		rc = core_path(v, domid, path, sizeof(path));
	if (!rc)
		rc = vane_dump_core(v, domid, argc < 3 ? path : argv[2]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_dump_core = {
	.name = "dump-core", .arguments = "DOMAIN [FILE]",
	.summary = "Write a domain's memory and registers to a file.",
	.options = "    FILE  by default " CORE_DIR "/NAME\n",
	.run = run,
};
