/*
 * vane network-attach.
 */
#include "toolstack/vane/vane.h"

#include "toolstack/vane/devices.h"

static int attach(struct vane *v, uint32_t domid, const char *text,
		  struct vane_report *report)
{
	struct vane_nic nic;
	int rc = vane_nic_parse(&nic, text, report);

	if (rc)
		return rc;
	rc = vane_nic_attach(v, domid, &nic);
	vane_nic_free(&nic);
	return rc;
}

static int run(int argc, char **argv)
{
	if (argc < 2)
		return usage(&cmd_network_attach);
	return device_attach(argc, argv, attach);
}

const struct command cmd_network_attach = {
	.name = "network-attach", .arguments = "DOMAIN [KEY=VALUE...]",
	.summary = "Give a running domain one more network interface.",
	.options = "    KEY=VALUE  as in the vif list of a configuration\n",
	.run = run,
};
