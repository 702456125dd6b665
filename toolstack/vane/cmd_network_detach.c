/*
 * vane network-detach.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/devices.h"

/* A number as it stands, or the device whose MAC address the user means. */
static int find(struct vane *v, uint32_t domid, const char *text,
		unsigned int *devid)
{
	struct vane_device *list;
	uint8_t mac[6], other[6];
	unsigned int count;
	char *end;
	int rc;

	*devid = strtoul(text, &end, 10);
	if (text[0] >= '0' && text[0] <= '9' && !*end)
		return 0;
	if (mac_parse(text, mac)) {
		complain(EINVAL, "interface: found \"%s\"; allowed: a number "
			 "of network-list or a MAC address", text);
		return -EINVAL;
	}
	rc = vane_devices(v, domid, "vif", &list, &count);
	if (rc)
		return rc;
	rc = -ENOENT;
	for (unsigned int i = 0; i < count; i++)
		if (!mac_parse(list[i].mac, other) && !memcmp(mac, other, 6)) {
			*devid = list[i].devid;
			rc = 0;
		}
	free(list);
	if (rc)
		complain(ENOENT, "domain %u has no interface with the address "
			 "%s; network-list shows them", domid, text);
	return rc;
}

static int run(int argc, char **argv)
{
	return device_detach(&cmd_network_detach, argc, argv, "vif", find);
}

const struct command cmd_network_detach = {
	.name = "network-detach", .arguments = "[--force] DOMAIN NUMBER|MAC",
	.summary = "Take a network interface away from a running domain.",
	.options = DETACH_OPTIONS, .run = run,
};
