/*
 * vane sched-credit.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return sched_run(&cmd_sched_credit, argc, argv, "d:w:c:p:st:r:m:");
}

const struct command cmd_sched_credit = {
	.name = "sched-credit",
	.arguments = "[--json] [-d DOMAIN [-w N] [-c N]] [-p POOL] "
		"[-s [-t N] [-r N] [-m N]]",
	.summary = "Print or set the parameters of the scheduler credit.",
	.options = SCHED_OPTIONS "    -t, --tslice_ms N\n"
		"    -m, --migration_delay_us N\n",
	.run = run,
};
