/*
 * vane rename.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc != 3)
		return usage(&cmd_rename);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_rename(v, domid, argv[2]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_rename = {
	.name = "rename", .arguments = "DOMAIN NEW-NAME",
	.summary = "Give a domain another name.", .run = run,
};
