/*
 * What vane domid and domname have in common.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Number and name of one domain, as JSON or the one of them that is asked. */
static int print_domain(struct vane *v, const char *text, bool name_asked)
{
	char *name = NULL;
	uint32_t domid;
	yajl_gen g;
	int rc = vane_domain_find(v, text, &domid);

	if (rc)
		return rc;
	rc = vane_domain_name(v, domid, &name);
	if (json_asked) {
		g = json_begin();
		json_open(g, "domains");
		yajl_gen_map_open(g);
		json_number(g, "domid", domid);
		json_text(g, "name", name);
		yajl_gen_map_close(g);
		json_close(g);
		rc = 0;
	} else if (!name_asked) {
		printf("%u\n", domid);
		rc = 0;
	} else if (rc) {
		complain(-rc, "domain %u: its name in the store: %s", domid,
			 strerror(-rc));
	} else {
		puts(name);
	}
	free(name);
	return rc;
}

int print_identity(const struct command *c, int argc, char **argv,
		   bool name_asked)
{
	struct vane *v;
	int rc;

	if (argc != 2)
		return usage(c);
	v = connect_or_exit();
	rc = print_domain(v, argv[1], name_asked);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}
