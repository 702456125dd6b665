/*
 * vane sched-credit2.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return sched_run(&cmd_sched_credit2, argc, argv, "d:w:c:p:sr:");
}

const struct command cmd_sched_credit2 = {
	.name = "sched-credit2",
	.arguments = "[--json] [-d DOMAIN [-w N] [-c N]] [-p POOL] "
		"[-s [-r N]]",
	.summary = "Print or set the parameters of the scheduler credit2.",
	.options = SCHED_OPTIONS, .run = run,
};
