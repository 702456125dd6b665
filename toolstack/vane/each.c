/*
 * Commands that do the same for each of their domains.
 */
#include "toolstack/vane/vane.h"

int each_domain(const struct command *c, int argc, char **argv,
		int (*act)(struct vane *v, uint32_t domid))
{
	int status = EXIT_OK;
	struct vane *v;

	if (argc < 2 || argv[1][0] == '-')
		return usage(c);
	v = connect_or_exit();
	for (int i = 1; i < argc; i++) {
		uint32_t domid;

		if (vane_domain_find(v, argv[i], &domid) || act(v, domid))
			status = EXIT_FAILED;
	}
	vane_close(v);
	return status;
}

int each_row(struct vane *v, int argc, char **argv, yajl_gen g,
	     int (*row)(struct vane *v, const struct vane_domain *d,
			yajl_gen g))
{
	struct vane_domain *list;
	unsigned int n;
	int status = EXIT_OK;

	if (!argc) {
		if (vane_domains(v, &list, &n))
			return EXIT_FAILED;
		for (unsigned int i = 0; i < n; i++)
			status |= row(v, &list[i], g);
		vane_domains_free(list, n);
		return status;
	}
	for (int i = 0; i < argc; i++) {
		uint32_t domid;
		int rc = vane_domain_find(v, argv[i], &domid);

		if (!rc)
			rc = vane_domain_get(v, domid, &list);
		if (rc) {
			status = EXIT_FAILED;
			if (g)
				json_error(g, rc, argv[i]);
			continue;
		}
		status |= row(v, list, g);
		vane_domains_free(list, 1);
	}
	return status;
}
