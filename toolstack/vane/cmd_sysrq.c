/*
 * vane sysrq.
 */
#include "toolstack/vane/vane.h"

#include <string.h>

static int run(int argc, char **argv)
{
	uint32_t domid;
	struct vane *v;
	int rc;

	if (argc != 3 || strlen(argv[2]) != 1)
		return usage(&cmd_sysrq);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_sysrq(v, domid, argv[2][0]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_sysrq = {
	.name = "sysrq", .arguments = "DOMAIN KEY",
	.summary = "Send a magic SysRq key to a domain's kernel.",
	.run = run,
};
