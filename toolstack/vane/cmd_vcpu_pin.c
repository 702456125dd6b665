/*
 * vane vcpu-pin: where vCPUs run.
 */
#include "toolstack/vane/vane.h"

#include <string.h>

/* "-" leaves an affinity alone: *@map is NULL then. */
static int read_map(struct vane *v, const char *text, uint8_t room[128],
		    const uint8_t **map)
{
	*map = NULL;
	if (!text || !strcmp(text, "-"))
		return 0;
	*map = room;
	return vane_cpulist(v, text, room);
}

static int pin(struct vane *v, char **argv, bool force)
{
	uint8_t hard_room[128], soft_room[128];
	const uint8_t *hard, *soft;
	unsigned int from = 0, to = 0;
	struct vane_domain *d;
	uint32_t domid;
	int rc = vane_domain_find(v, argv[0], &domid);

	if (!rc && strcmp(argv[1], "all"))
		rc = read_number("vCPU", argv[1], 0, 8191, &from);
	if (!rc)
		rc = read_map(v, argv[2], hard_room, &hard);
	if (!rc)
		rc = read_map(v, argv[3], soft_room, &soft);
	if (!rc)
		rc = vane_domain_get(v, domid, &d);
	if (rc)
		return rc;
	to = strcmp(argv[1], "all") ? from + 1 : d->max_vcpus;
	vane_domains_free(d, 1);
	for (unsigned int i = from; !rc && i < to; i++)
		if (hard || soft)
			rc = vane_vcpu_pin(v, domid, i, hard, soft, force);
	return rc;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "force", no_argument, NULL, 'f' },
		{ "ignore-global-affinity-masks", no_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	bool force = false;
	struct vane *v;
	int opt, rc;

	/* A "-" or "^2" among the arguments is none of the options. */
	while ((opt = next_option(argc, argv, "+f", longs)) >= 0) {
		if (opt != 'f' && opt != 'i')
			return usage(&cmd_vcpu_pin);
		force = force || opt == 'f';
	}
	if (argc - optind != 3 && argc - optind != 4)
		return usage(&cmd_vcpu_pin);
	v = connect_or_exit();
	rc = pin(v, argv + optind, force);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_vcpu_pin = {
	.name = "vcpu-pin", .arguments = "[-f] DOMAIN VCPU|all HARD [SOFT]",
	.summary = "Set on which CPUs vCPUs may run (hard), and best run "
		"(soft).",
	.options = "    HARD, SOFT   CPUs as 0,2-3,^2 or all or node:0; - "
		"leaves them alone\n"
		"    -f, --force  undo a pin of the domain's own kernel\n"
		"    --ignore-global-affinity-masks\n"
		"                 for scripts of xl: there are no such masks\n",
	.run = run,
};
