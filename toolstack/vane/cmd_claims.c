/*
 * vane claims: the domains with the memory that they have claimed.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

#include "toolstack/vane/list.h"

static void row(const struct vane_domain *d)
{
	list_print_basic(d);
	printf(" %5llu\n", (unsigned long long)d->claimed_kib >> 10);
}

static int run(int argc, char **argv)
{
	(void)argv;
	return list_table(&cmd_claims, argc, LIST_HEADER "  Claimed", row);
}

const struct command cmd_claims = {
	.name = "claims", .arguments = "[--json]",
	.summary = "List the domains with the memory that they have claimed.",
	.run = run,
};
