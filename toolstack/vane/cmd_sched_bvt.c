/*
 * vane sched-bvt.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	return sched_run(&cmd_sched_bvt, argc, argv, "d:w:c:p:st:r:W:L:U:");
}

const struct command cmd_sched_bvt = {
	.name = "sched-bvt",
	.arguments = "[--json] [-d DOMAIN [-w N] [-c N] [-W N] [-L N] [-U N]] "
		"[-p POOL] [-s [-t N] [-r N]]",
	.summary = "Print or set the parameters of the scheduler bvt.",
	.options = SCHED_OPTIONS "    -t, --tslice_ms N    the context-switch "
		"allowance\n"
		"    -W, --warp_us N      how far the domain is put forward; 0: "
		"not\n"
		"    -L, --warp_limit_us N  how long it may run so; 0: for ever\n"
		"    -U, --unwarp_us N    how long not, after that\n",
	.run = run,
};
