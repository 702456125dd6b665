/*
 * vane check: all that is wrong with configuration files, touching nothing.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static void json_findings(yajl_gen g, const char *file,
			  const struct vane_report *r)
{
	yajl_gen_map_open(g);
	json_text(g, "file", file);
	json_bool(g, "ok", !r->errors);
	json_key(g, "findings");
	yajl_gen_array_open(g);
	for (unsigned int i = 0; i < r->count; i++) {
		const struct vane_finding *f = &r->findings[i];

		yajl_gen_map_open(g);
		json_text(g, "level", f->level == VANE_ERROR ? "error" :
			  "warning");
		json_number(g, "line", f->line);
		json_number(g, "column", f->column);
		json_text(g, "key", f->key);
		json_text(g, "text", f->text);
		yajl_gen_map_close(g);
	}
	yajl_gen_array_close(g);
	yajl_gen_map_close(g);
}

static int check(const char *file, yajl_gen g)
{
	struct vane_report report = { 0 };
	struct vane_config config;
	size_t len;
	char *text = read_file(file, &len);
	int rc;

	if (!text) {
		if (g)
			json_error(g, -errno, file);
		return EXIT_FAILED;
	}
	rc = vane_config_parse(&config, file, text, len, NULL, &report);
	if (!rc)
		vane_config_free(&config);
	if (g)
		json_findings(g, file, &report);
	else
		print_report(&report);
	if (!g && !rc)
		printf("%s: ok\n", file);
	vane_report_free(&report);
	free(text);
	return rc ? EXIT_FAILED : EXIT_OK;
}

static int run(int argc, char **argv)
{
	yajl_gen g = json_asked ? json_begin() : NULL;
	int status = EXIT_OK;

	if (argc < 2)
		return usage(&cmd_check);
	if (g)
		json_open(g, "files");
	for (int i = 1; i < argc; i++)
		status |= check(argv[i], g);
	if (g)
		json_close(g);
	return status;
}

const struct command cmd_check = {
	.name = "check", .arguments = "[--json] FILE...",
	.summary = "Check configuration files and print all that is wrong.",
	.run = run,
};
