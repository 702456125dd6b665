/*
 * vane network-list.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

#include "toolstack/vane/devices.h"

static void header(void)
{
	printf("%-3s %-2s %-17s %-6s %-5s %-6s %5s/%-11s %-30s\n", "Idx",
	       "BE", "Mac Addr.", "handle", "state", "evt-ch", "tx-",
	       "rx-ring-ref", "BE-path");
}

static void row(const struct vane_device *d, uint32_t domid)
{
	(void)domid;
	printf("%-3u %-2u %s%6u %5d %6d %5d/%-11d %-30s\n", d->devid,
	       d->back_domid, d->mac, d->devid, d->state, d->port,
	       d->ring_ref, d->ring_ref_2, d->backend);
}

static void json(yajl_gen g, const struct vane_device *d, uint32_t domid)
{
	(void)domid;
	json_text(g, "mac", d->mac);
	json_number(g, "tx_ring_ref", d->ring_ref);
	json_number(g, "rx_ring_ref", d->ring_ref_2);
}

static int run(int argc, char **argv)
{
	static const struct device_table interfaces = {
		.kind = "vif", .header = header, .row = row, .json = json,
	};

	return device_list(&cmd_network_list, argc, argv, &interfaces);
}

const struct command cmd_network_list = {
	.name = "network-list", .arguments = "[--json] DOMAIN...",
	.summary = "List the network interfaces of domains.",
	.run = run,
};
