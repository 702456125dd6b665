/*
 * vane vm-list.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

#include "toolstack/libvane/text.h"
#include "toolstack/vane/list.h"

static void row(const struct vane_domain *d)
{
	char uuid[UUID_TEXT];

	uuid_format(d->uuid, uuid);
	printf("%s  %u    %-30s\n", uuid, d->domid,
	       d->name ? d->name : "(null)");
}

static int run(int argc, char **argv)
{
	(void)argv;
	return list_table(&cmd_vm_list, argc,
			  "UUID                                  ID    name",
			  row);
}

const struct command cmd_vm_list = {
	.name = "vm-list", .arguments = "[--json]",
	.summary = "List UUIDs, ids and names of the domains.",
	.run = run,
};
