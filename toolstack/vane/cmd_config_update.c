/*
 * vane config-update: what a domain is to be when it is started anew.
 */
#include "toolstack/vane/vane.h"

#include <string.h>

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "defconfig", required_argument, NULL, 'f' },
		{ NULL, 0, NULL, 0 },
	};
	struct vane_config config;
	const char *file = NULL, *domain;
	uint32_t domid;
	struct vane *v;
	int opt, rc;

	while ((opt = next_option(argc, argv, "f:d", longs)) >= 0)
		if (opt == 'f')
			file = optarg;
		else if (opt != 'd')
			return usage(&cmd_config_update);
	domain = argv[optind++];
	if (!domain)
		return usage(&cmd_config_update);
	if (!file && optind < argc && !strchr(argv[optind], '='))
		file = argv[optind++];
	for (int i = optind; i < argc; i++)
		if (!strchr(argv[i], '='))
			file = NULL;
	if (!file)
		return usage(&cmd_config_update);
	if (read_config(file, argv + optind, false, &config))
		return EXIT_FAILED;
	v = connect_or_exit();
	rc = vane_domain_find(v, domain, &domid);
	if (!rc)
		rc = vane_config_save(v, domid, &config);
	vane_close(v);
	vane_config_free(&config);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_config_update = {
	.name = "config-update", .arguments = "DOMAIN FILE [KEY=VALUE...]",
	.summary = "Set the configuration for a domain's next restart.",
	.options = "    KEY=VALUE  a line that comes after the file\n",
	.run = run,
};
