/*
 * Any bytes as a configuration file, or as JSON of one. An accepted
 * configuration must be one that a domain could be made of; what can only be
 * described can be written, and what was written can be read; whatever comes,
 * nothing leaks.
 */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static void check(const struct vane_config *c)
{
	assert(c->name && (c->kernel || c->bootloader) && c->memory_kib);
	assert(c->vcpus && c->maxvcpus >= c->vcpus);
	assert(c->maxmem_kib >= c->memory_kib);
	for (unsigned int i = 0; i < c->nr_disks; i++)
		assert(c->disks[i].vdev);
}

static void strict(const char *text, size_t len)
{
	struct vane_report report = { 0 };
	struct vane_config c;

	if (!vane_config_parse(&c, "fuzz", text, len, NULL, &report)) {
		assert(!report.errors);
		check(&c);
		vane_config_free(&c);
	} else {
		assert(report.errors);
	}
	vane_report_free(&report);
}

/* A text that grows. */
struct sink {
	char *text;
	size_t len;
};

static void take(void *arg, const char *text, size_t len)
{
	struct sink *s = arg;

	s->text = realloc(s->text, s->len + len + 1);
	assert(s->text);
	memcpy(s->text + s->len, text, len);
	s->len += len;
	s->text[s->len] = '\0';
}

static void described(const char *text, size_t len)
{
	struct vane_report report = { .describe = true };
	struct sink json = { 0 }, cfg = { 0 };
	struct vane_config c;
	int rc = len && *text == '{' ?
		vane_config_from_json(&c, "fuzz", text, len, &report) :
		vane_config_parse(&c, "fuzz", text, len, NULL, &report);

	vane_report_free(&report);
	if (rc)
		return;
	assert(!vane_config_json(&c, 8, take, &json));
	assert(!vane_config_text(&c, take, &cfg));
	vane_config_free(&c);
	report = (struct vane_report) { .describe = true };
	rc = vane_config_parse(&c, "again", cfg.text ? cfg.text : "", cfg.len,
			       NULL, &report);
	if (rc) {
		for (unsigned int i = 0; i < report.count; i++)
			fprintf(stderr, "%u: %s: %s\n",
				report.findings[i].line,
				report.findings[i].key, report.findings[i].text);
		fprintf(stderr, "%s\n", cfg.text);
		abort();
	}
	vane_config_free(&c);
	vane_report_free(&report);
	free(json.text);
	free(cfg.text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	strict((const char *)data, len);
	described((const char *)data, len);
	return 0;
}
