/*
 * vane domid, domname, rename.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int run_domid(int argc, char **argv)
{
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc != 2)
		return usage(&cmd_domid);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		printf("%u\n", domid);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_domid = {
	.name = "domid", .arguments = "NAME",
	.summary = "Print the id of a domain.", .run = run_domid,
};

static int run_domname(int argc, char **argv)
{
	char *name = NULL;
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc != 2)
		return usage(&cmd_domname);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc) {
		rc = vane_domain_name(v, domid, &name);
		if (rc)
			fprintf(stderr, "vane: error: domain %u has no name: "
				"%s\n", domid, strerror(-rc));
		else
			puts(name);
	}
	free(name);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_domname = {
	.name = "domname", .arguments = "DOMID",
	.summary = "Print the name of a domain.", .run = run_domname,
};

static int run_rename(int argc, char **argv)
{
	struct vane *v;
	uint32_t domid;
	int rc;

	if (argc != 3)
		return usage(&cmd_rename);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_rename(v, domid, argv[2]);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_rename = {
	.name = "rename", .arguments = "DOMAIN NEW-NAME",
	.summary = "Give a domain another name.", .run = run_rename,
};
