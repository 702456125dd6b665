/*
 * Reading files and printing findings.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILE	(1u << 20)

char *read_file(const char *path, size_t *len)
{
	FILE *f = fopen(path, "re");
	char *text = f ? malloc(MAX_FILE + 1) : NULL;
	int code = errno;

	if (!f || !text) {
		complain(code, "%s: %s", path, strerror(code));
		if (f)
			fclose(f);
		errno = code;
		return NULL;
	}
	*len = fread(text, 1, MAX_FILE, f);
	if (ferror(f) || *len == MAX_FILE) {
		code = ferror(f) ? errno : EFBIG;
		complain(code, "%s: %s", path, ferror(f) ? strerror(code) :
			 "is larger than 1 MiB, as no configuration is");
		free(text);
		text = NULL;
	} else {
		text[*len] = '\0';
	}
	fclose(f);
	return text;
}

static void print_finding(const struct vane_finding *f)
{
	char place[32] = "", *text;
	bool object = json_asked && f->level == VANE_ERROR;

	if (f->line)
		snprintf(place, sizeof(place), ":%u:%u", f->line, f->column);
	if (asprintf(&text, "%s%s: %s%s%s%s", f->file ? f->file : "", place,
		     object ? "" : f->level == VANE_ERROR ? "error: " :
		     "warning: ", f->key ? f->key : "", f->key ? ": " : "",
		     f->text ? f->text : "") < 0)
		return;
	if (object)
		json_tell(EINVAL, text);
	else
		fprintf(stderr, "%s\n", text);
	free(text);
}

void print_report(const struct vane_report *report)
{
	for (unsigned int i = 0; i < report->count; i++)
		print_finding(&report->findings[i]);
}
