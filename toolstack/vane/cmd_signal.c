/*
 * vane sysrq and trigger: what is sent to a domain's kernel.
 */
#include "toolstack/vane/vane.h"

#include <string.h>

static int run_sysrq(int argc, char **argv)
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
	.run = run_sysrq,
};

static int run_trigger(int argc, char **argv)
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
	.summary = "Send a trigger to a domain.", .run = run_trigger,
};
