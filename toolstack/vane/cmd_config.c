/*
 * vane config convert: a configuration from one form into the other.
 */
#include "toolstack/vane/vane.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* JSON begins with a bracket, a setting with its name. */
static bool is_json(const char *text)
{
	text += strspn(text, " \t\r\n");
	return *text == '{' || *text == '[';
}

static int convert(const char *file, unsigned int cpus)
{
	struct vane_report report = { .describe = true };
	struct vane_config config;
	size_t len;
	char *text = read_file(file, &len);
	bool json;
	int rc;

	if (!text)
		return EXIT_FAILED;
	json = is_json(text);
	rc = json ? vane_config_from_json(&config, file, text, len, &report) :
		vane_config_parse(&config, file, text, len, NULL, &report);
	print_report(&report);
	vane_report_free(&report);
	free(text);
	if (rc)
		return EXIT_FAILED;
	rc = json ? vane_config_text(&config, to_stdout, NULL) :
		vane_config_json(&config, cpus, to_stdout, NULL);
	vane_config_free(&config);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "cpus", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	unsigned int cpus = 1024;
	int opt;

	while ((opt = next_option(argc, argv, "", longs)) >= 0)
		if (opt == '?' || read_number("cpus", optarg, 1, 1024, &cpus))
			return usage(&cmd_config);
	if (argc - optind != 2 || strcmp(argv[optind], "convert"))
		return usage(&cmd_config);
	return convert(argv[optind + 1], cpus);
}

const struct command cmd_config = {
	.name = "config", .arguments = "convert [--cpus N] FILE",
	.summary = "Convert a configuration from xl.cfg to JSON or back.",
	.options = "    --cpus N  how many CPUs \"all\" means in JSON\n",
	.run = run,
};
