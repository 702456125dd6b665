/*
 * vane pause, unpause, destroy: one call on each domain that is named; and
 * dump-core.
 */
#include "toolstack/vane/vane.h"

static int run_pause(int argc, char **argv)
{
	return each_domain(&cmd_pause, argc, argv, vane_pause);
}

const struct command cmd_pause = {
	.name = "pause", .arguments = "DOMAIN...",
	.summary = "Stop a domain from running until it is unpaused.",
	.run = run_pause,
};

static int run_unpause(int argc, char **argv)
{
	return each_domain(&cmd_unpause, argc, argv, vane_unpause);
}

const struct command cmd_unpause = {
	.name = "unpause", .arguments = "DOMAIN...",
	.summary = "Let a paused domain run.",
	.run = run_unpause,
};

static int run_destroy(int argc, char **argv)
{
	return each_domain(&cmd_destroy, argc, argv, vane_destroy);
}

const struct command cmd_destroy = {
	.name = "destroy", .arguments = "DOMAIN...",
	.summary = "End a domain at once, as by pulling its plug.",
	.run = run_destroy,
};

static int run_dump_core(int argc, char **argv)
{
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc != 3 || argv[1][0] == '-')
		return usage(&cmd_dump_core);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_dump_core(v, domid, argv[2]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_dump_core = {
	.name = "dump-core", .arguments = "DOMAIN FILE",
	.summary = "Write a domain's memory and registers to a file.",
	.run = run_dump_core,
};
