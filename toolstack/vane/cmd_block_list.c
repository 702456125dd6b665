/*
 * vane block-list. The JSON has the counts of a disk, too, if its back end
 * keeps any.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

#include "toolstack/vane/devices.h"

static void header(void)
{
	printf("%-5s %-3s %-6s %-5s %-6s %-8s %-30s\n", "Vdev", "BE",
	       "handle", "state", "evt-ch", "ring-ref", "BE-path");
}

static void row(const struct vane_device *d, uint32_t domid)
{
	printf("%-5u %-3u %-6u %-5d %-6d %-8d %-30s\n", d->devid,
	       d->back_domid, domid, d->state, d->port, d->ring_ref,
	       d->backend);
}

static void json_counts(yajl_gen g, const struct vane_disk_counts *c)
{
	json_number(g, "reads", (long long)c->reads);
	json_number(g, "writes", (long long)c->writes);
	json_number(g, "flushes", (long long)c->flushes);
	json_number(g, "discards", (long long)c->discards);
	json_number(g, "failed", (long long)c->failed);
	json_number(g, "read_bytes", (long long)c->read_bytes);
	json_number(g, "write_bytes", (long long)c->write_bytes);
}

static void json(yajl_gen g, const struct vane_device *d, uint32_t domid)
{
	struct vane_disk_counts counts;

	json_text(g, "vdev", d->vdev);
	json_text(g, "target", d->target);
	json_number(g, "ring_ref", d->ring_ref);
	if (!vane_disk_counts(domid, d, &counts))
		json_counts(g, &counts);
}

static int run(int argc, char **argv)
{
	static const struct device_table disks = {
		.kind = "vbd", .header = header, .row = row, .json = json,
	};

	return device_list(&cmd_block_list, argc, argv, &disks);
}

const struct command cmd_block_list = {
	.name = "block-list", .arguments = "[--json] DOMAIN...",
	.summary = "List the disks of domains.", .run = run,
};
