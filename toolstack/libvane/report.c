/*
 * Findings of a configuration, and guessing what a wrong name was meant to
 * be.
 */
#include "toolstack/libvane/cfg.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FINDINGS	1000		/* nobody reads more */
#define MAX_NAME	64

static char *copy(const char *text)
{
	return text ? strdup(text) : NULL;
}

void report_add(struct vane_report *report, enum vane_level level,
		struct place place, const char *key, const char *fmt, ...)
{
	struct vane_finding *f;
	char text[512];
	va_list ap;

	if (level == VANE_ERROR)
		report->errors++;
	if (report->count == MAX_FINDINGS)
		return;
	f = realloc(report->findings, (report->count + 1) * sizeof(*f));
	if (!f) {
		report->errors++;
		return;
	}
	report->findings = f;
	f += report->count++;
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	f->level = level;
	f->file = copy(place.file);
	f->line = place.line;
	f->column = place.column;
	f->key = copy(key);
	f->text = copy(text);
}

void vane_report_free(struct vane_report *report)
{
	for (unsigned int i = 0; i < report->count; i++) {
		free(report->findings[i].file);
		free(report->findings[i].key);
		free(report->findings[i].text);
	}
	free(report->findings);
	memset(report, 0, sizeof(*report));
}

/*
 * Number of letters to add, drop, change or swap with their neighbour to get
 * from one word to the other (Damerau's distance, with adjacent swaps).
 */
static unsigned int distance(const char *a, const char *b)
{
	unsigned int row[3][MAX_NAME + 1];
	unsigned int la = strlen(a), lb = strlen(b);

	if (la > MAX_NAME || lb > MAX_NAME)
		return MAX_NAME;
	for (unsigned int j = 0; j <= lb; j++)
		row[0][j] = j;
	for (unsigned int i = 1; i <= la; i++) {
		unsigned int *now = row[i % 3], *up = row[(i - 1) % 3];

		now[0] = i;
		for (unsigned int j = 1; j <= lb; j++) {
			unsigned int best = up[j - 1] + (a[i - 1] != b[j - 1]);

			if (up[j] + 1 < best)
				best = up[j] + 1;
			if (now[j - 1] + 1 < best)
				best = now[j - 1] + 1;
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1] &&
			    row[(i - 2) % 3][j - 2] + 1 < best)
				best = row[(i - 2) % 3][j - 2] + 1;
			now[j] = best;
		}
	}
	return row[la % 3][lb];
}

const char *nearest_name(const char *word, const char *const *names,
			 unsigned int count)
{
	unsigned int best = strlen(word) / 2 < 3 ? strlen(word) / 2 : 3;
	const char *near = NULL;

	for (unsigned int i = 0; i < count; i++) {
		unsigned int d = distance(word, names[i]);

		if (d < best || (d == best && !near)) {
			best = d;
			near = names[i];
		}
	}
	return near;
}
