/*
 * /etc/vane/vane.conf: defaults for devices.
 */
#include "toolstack/libvane/settings.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/config.h"
#include "toolstack/libvane/internal.h"

#define MAX_FILE (64 << 10)

static void take(struct settings *s, const struct cfg_setting *got,
		 struct vane_report *report)
{
	struct place place = {
		.file = got->file, .line = got->line, .column = got->column,
	};
	const char *text = got->value.kind == CFG_STRING ? got->value.text :
		"";

	if (!strcmp(got->name, "block_backend") ||
	    !strcmp(got->name, "network_backend")) {
		if (backend_parse(text, got->name[0] == 'b' ? &s->disk :
				  &s->nic))
			report_add(report, VANE_ERROR, place, got->name,
				   "found \"%s\"; allowed: " BACKEND_ALLOWED,
				   text);
	} else if (!strcmp(got->name, "bridge")) {
		if (!text[0] || strlen(text) >= sizeof(s->bridge))
			report_add(report, VANE_ERROR, place, got->name,
				   "found \"%s\"; allowed: name of a bridge",
				   text);
		else
			strcpy(s->bridge, text);
	} else {
		report_add(report, VANE_WARNING, place, got->name,
			   "is no known setting");
	}
}

int settings_load(struct vane *v, struct settings *s)
{
	struct vane_report report = { 0 };
	struct cfg cfg = { 0 };
	char *text;
	FILE *f;
	size_t n;
	int rc;

	*s = (struct settings) {
		.disk = VANE_BACKEND_OURS, .nic = VANE_BACKEND_OURS,
		.bridge = "xenbr0",
	};
	f = fopen(SETTINGS_FILE, "re");
	if (!f)
		return errno == ENOENT ? 0 :
			vane_fail(v, -errno, SETTINGS_FILE ": %s",
				  strerror(errno));
	text = malloc(MAX_FILE);
	n = text ? fread(text, 1, MAX_FILE, f) : 0;
	fclose(f);
	cfg_read(&cfg, SETTINGS_FILE, text ? text : "", n, &report);
	for (unsigned int i = 0; i < cfg.count; i++)
		if (cfg.settings[i].value.kind != CFG_BROKEN)
			take(s, &cfg.settings[i], &report);
	v->error = EINVAL;
	for (unsigned int i = 0; i < report.count; i++)
		vane_say(v, report.findings[i].level, "%s:%u: %s%s%s",
			 report.findings[i].file, report.findings[i].line,
			 report.findings[i].key ? report.findings[i].key : "",
			 report.findings[i].key ? ": " : "",
			 report.findings[i].text);
	rc = report.errors ? -EINVAL : 0;
	vane_report_free(&report);
	cfg_free(&cfg);
	free(text);
	return rc;
}
