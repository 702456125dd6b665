/*
 * vane trigger.
 */
#include "toolstack/vane/vane.h"

static int run(int argc, char **argv)
{
	unsigned int vcpu = 0;
	uint32_t domid;
	struct vane *v;
	int rc;

	if (argc != 3 && argc != 4)
		return usage(&cmd_trigger);
	if (argc == 4 && read_number("vCPU", argv[3], 0, 8191, &vcpu))
		return EXIT_FAILED;
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_trigger(v, domid, argv[2], vcpu);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_trigger = {
	.name = "trigger",
	.arguments = "DOMAIN nmi|reset|init|power|sleep|s3resume [VCPU]",
	.summary = "Send a trigger to a domain.", .run = run,
};
