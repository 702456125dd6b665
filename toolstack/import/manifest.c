/*
 * See manifest.h.
 */
#include "toolstack/import/manifest.h"

#include <stdio.h>
#include <string.h>

static const struct {
	const char *name;
	unsigned int bits;
} algorithms[] = {
	{ "SHA1", 160 }, { "SHA256", 256 }, { "SHA512", 512 },
};

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool read_digest(struct manifest_line *l, const char *text)
{
	size_t bytes = l->bits / 8;

	for (size_t i = 0; i < bytes; i++) {
		int high = hex(text[2 * i]);
		int low = high < 0 ? -1 : hex(text[2 * i + 1]);

		if (low < 0)
			return false;
		l->digest[i] = (uint8_t)(high << 4 | low);
	}
	return text[2 * bytes + strspn(text + 2 * bytes, " \t\r")] == '\0';
}

static bool read_line(struct manifest_line *l, const char *line)
{
	const char *open = strchr(line, '('), *shut = strrchr(line, ')');
	const char *value;

	if (!open || !shut || shut < open ||
	    (size_t)(shut - open) > sizeof(l->name))
		return false;
	l->bits = 0;
	for (unsigned int i = 0; i < 3; i++)
		if (strlen(algorithms[i].name) == (size_t)(open - line) &&
		    !strncasecmp(line, algorithms[i].name,
				 (size_t)(open - line)))
			l->bits = algorithms[i].bits;
	memcpy(l->name, open + 1, (size_t)(shut - open - 1));
	l->name[shut - open - 1] = '\0';
	value = shut + 1 + strspn(shut + 1, " \t");
	if (!l->bits || *value != '=')
		return false;
	value++;
	return read_digest(l, value + strspn(value, " \t"));
}

int manifest_parse(struct manifest *m, const char *text, size_t len)
{
	const char *end = text + len;
	int number = 0;

	m->count = 0;
	while (text < end) {
		const char *stop = memchr(text, '\n', (size_t)(end - text));
		size_t n = (size_t)((stop ? stop : end) - text);
		char line[600];

		number++;
		if (n >= sizeof(line))
			return number;
		memcpy(line, text, n);
		line[n] = '\0';
		if (line[strspn(line, " \t\r")]) {
			if (m->count == MANIFEST_LINES ||
			    !read_line(&m->lines[m->count], line))
				return number;
			m->count++;
		}
		text = stop ? stop + 1 : end;
	}
	return 0;
}

int manifest_check(const struct manifest *m, const char *name,
		   const struct digests *d)
{
	int found = -1;

	for (unsigned int i = 0; i < m->count; i++) {
		const struct manifest_line *l = &m->lines[i];
		const uint8_t *is = l->bits == 160 ? d->sha1 :
			l->bits == 256 ? d->sha256 : d->sha512;

		if (strcmp(l->name, name))
			continue;
		if (memcmp(l->digest, is, l->bits / 8))
			return 0;
		found = 1;
	}
	return found;
}
