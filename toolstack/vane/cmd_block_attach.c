/*
 * vane block-attach.
 */
#include "toolstack/vane/vane.h"

#include "toolstack/vane/devices.h"

static int attach(struct vane *v, uint32_t domid, const char *text,
		  struct vane_report *report)
{
	struct vane_disk disk;
	int rc = vane_disk_parse(&disk, text, report);

	if (rc)
		return rc;
	rc = vane_disk_attach(v, domid, &disk);
	vane_disk_free(&disk);
	return rc;
}

static int run(int argc, char **argv)
{
	if (argc < 3)
		return usage(&cmd_block_attach);
	return device_attach(argc, argv, attach);
}

const struct command cmd_block_attach = {
	.name = "block-attach", .arguments = "DOMAIN DISK...",
	.summary = "Give a running domain one more disk.",
	.options = "    DISK  as in the disk list of a configuration; several "
		"words are\n          joined by commas\n",
	.run = run,
};
