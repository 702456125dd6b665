/*
 * vane debug-keys.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	struct vane *v;
	int rc;

	if (argc != 2 || !argv[1][0])
		return usage(&cmd_debug_keys);
	v = connect_or_exit();
	rc = vane_debug_keys(v, argv[1]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_debug_keys = {
	.name = "debug-keys", .arguments = "KEYS",
	.summary = "Send debug keys to the hypervisor; h lists them in its "
		"log.", .run = run,
};
