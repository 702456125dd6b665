/*
 * vane block-detach.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/devices.h"

static int find(struct vane *v, uint32_t domid, const char *text,
		unsigned int *devid)
{
	(void)v, (void)domid;
	if (!vdev_parse(text, devid))
		return 0;
	complain(EINVAL, "disk: found \"%s\"; allowed: xvda, sdb1 or a number "
		 "of block-list", text);
	return -EINVAL;
}

static int run(int argc, char **argv)
{
	return device_detach(&cmd_block_detach, argc, argv, "vbd", find);
}

const struct command cmd_block_detach = {
	.name = "block-detach", .arguments = "[--force] DOMAIN VDEV|NUMBER",
	.summary = "Take a disk away from a running domain.",
	.options = DETACH_OPTIONS, .run = run,
};
