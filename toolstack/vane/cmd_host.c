/*
 * vane dmesg, debug-keys: the hypervisor's log and its debug keys.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_dmesg(int argc, char **argv)
{
	bool clear = argc == 2 && (!strcmp(argv[1], "-c") ||
				   !strcmp(argv[1], "--clear"));
	struct vane *v;
	char *text;
	int rc;

	if (argc > 2 || (argc == 2 && !clear))
		return usage(&cmd_dmesg);
	v = connect_or_exit();
	rc = vane_host_log(v, clear, &text);
	if (!rc) {
		fputs(text, stdout);
		free(text);
	}
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_dmesg = {
	.name = "dmesg", .arguments = "[-c]",
	.summary = "Print the hypervisor's log.",
	.options = "    -c, --clear  then empty it\n", .run = run_dmesg,
};

static int run_debug_keys(int argc, char **argv)
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
		"log.", .run = run_debug_keys,
};
