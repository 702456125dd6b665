/*
 * vane vcpu-set: how many of its vCPUs a domain uses.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "ignore-host", no_argument, NULL, 'i' },
		{ NULL, 0, NULL, 0 },
	};
	struct vane_host host;
	unsigned int count;
	bool ignore = false;
	uint32_t domid;
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "i", longs)) >= 0) {
		if (opt != 'i')
			return usage(&cmd_vcpu_set);
		ignore = true;
	}
	if (argc - optind != 2)
		return usage(&cmd_vcpu_set);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[optind], &domid);
	if (!rc)
		rc = read_number("number of vCPUs", argv[optind + 1], 1, 8192,
				 &count);
	if (!rc && !ignore && !vane_host_info(v, &host) &&
	    count > host.nr_cpus)
		fprintf(stderr, "vane: warning: %u vCPUs are more than the "
			"host's %u CPUs\n", count, host.nr_cpus);
	if (!rc)
		rc = vane_vcpus_set(v, domid, count);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_vcpu_set = {
	.name = "vcpu-set", .arguments = "[-i] DOMAIN COUNT",
	.summary = "Ask a domain to use the first COUNT of its vCPUs.",
	.options = "    -i, --ignore-host  do not warn of more than the host "
		"has CPUs\n",
	.run = run,
};
