/*
 * The grammar of xl.cfg, read by hand: one function per rule. A reader keeps
 * its place; an error is reported where it stands and the rest of the line
 * is skipped, so that one mistake does not hide the next.
 */
#include "toolstack/libvane/cfg.h"

#include <stdlib.h>
#include <string.h>

#define MAX_DEPTH	16		/* of lists in lists */

struct reader {
	const char *at, *end;
	const char *file;
	const char *line_start;
	unsigned int line;
	unsigned int lists;		/* that are open here */
	const char *key;		/* whose value is being read, or NULL */
	struct vane_report *report;
};

static struct place here(const struct reader *r)
{
	return (struct place) {
		.file = r->file, .line = r->line,
		.column = r->at - r->line_start + 1,
	};
}

static int peek(const struct reader *r)
{
	return r->at < r->end ? (unsigned char)*r->at : -1;
}

static void next_line(struct reader *r)
{
	r->at++;
	r->line++;
	r->line_start = r->at;
}

static void skip_line(struct reader *r)
{
	while (peek(r) >= 0 && *r->at != '\n')
		r->at++;
}

/* Blanks and comments; line ends too where @lines says so. */
static void skip_blanks(struct reader *r, bool lines)
{
	for (;;) {
		int c = peek(r);

		if (c == '#')
			skip_line(r);
		else if (c == '\n' && lines)
			next_line(r);
		else if (c == ' ' || c == '\t' || c == '\r')
			r->at++;
		else
			return;
	}
}

static bool name_char(int c, bool first)
{
	if (c >= 'a' && c <= 'z')
		return true;
	return !first && (c == '.' || c == '_' || (c >= '0' && c <= '9'));
}

static bool digit_char(int c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || c == 'x';
}

static char *cut(const char *from, size_t len)
{
	return strndup(from, len);
}

/* Says what stands here instead of what should. */
static void unexpected(struct reader *r, const char *wanted)
{
	int c = peek(r);
	const char *hint = "";

	if (c > 0 && strchr("+-.():", c))
		hint = " (Python code is not understood)";
	else if ((c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'))
		hint = " (texts need quotes)";
	if (c < 0)
		report_add(r->report, VANE_ERROR, here(r), r->key,
			   "the text ends where %s is expected", wanted);
	else if (c == '\n')
		report_add(r->report, VANE_ERROR, here(r), r->key,
			   "the line ends where %s is expected", wanted);
	else if (c < ' ' || c > '~')
		report_add(r->report, VANE_ERROR, here(r), r->key,
			   "found byte 0x%02x where %s is expected", c,
			   wanted);
	else
		report_add(r->report, VANE_ERROR, here(r), r->key,
			   "found '%c' where %s is expected%s", c, wanted,
			   hint);
}

/* The character that `\c` stands for, or 0. */
static char unescape(int c)
{
	static const char from[] = "\\\"'abfnrtv", to[] = "\\\"'\a\b\f\n\r\t\v";
	const char *p = c > 0 ? strchr(from, c) : NULL;

	return p ? to[p - from] : 0;
}

static bool read_string(struct reader *r, struct cfg_value *value)
{
	struct place start = here(r);
	char quote = *r->at++, *text, *to;
	const char *scan = r->at;

	while (scan < r->end && *scan != '\n')
		scan++;
	to = text = malloc(scan - r->at + 1);
	if (!text) {
		report_add(r->report, VANE_ERROR, start, r->key, "no memory");
		return false;
	}
	for (;;) {
		int c = peek(r);

		if (c < 0 || c == '\n') {
			report_add(r->report, VANE_ERROR, start, r->key,
				   "this text has no closing %c on its line",
				   quote);
			goto fail;
		}
		if (!c) {
			report_add(r->report, VANE_ERROR, here(r), r->key,
				   "found byte 0x00 inside a text");
			goto fail;
		}
		r->at++;
		if (c == quote)
			break;
		if (c == '\\') {
			c = unescape(peek(r));
			if (!c) {
				unexpected(r, "one of \\ \" ' a b f n r t v "
					   "after a backslash");
				goto fail;
			}
			r->at++;
		}
		*to++ = c;
	}
	*to = '\0';
	value->kind = CFG_STRING;
	value->text = text;
	return true;
fail:
	free(text);
	return false;
}

static void value_free(struct cfg_value *value)
{
	for (unsigned int i = 0; i < value->nr_items; i++)
		value_free(&value->items[i]);
	free(value->items);
	free(value->text);
	memset(value, 0, sizeof(*value));
}

static bool read_value(struct reader *r, struct cfg_value *value,
		       unsigned int depth);

/* The closing bracket of a list has been left out, or a comma. */
static bool read_list(struct reader *r, struct cfg_value *value,
		      unsigned int depth)
{
	struct place start = here(r);

	value->kind = CFG_LIST;
	r->at++;
	r->lists++;
	for (;;) {
		struct cfg_value *more;

		skip_blanks(r, true);
		if (peek(r) == ']')
			break;
		if (peek(r) < 0) {
			report_add(r->report, VANE_ERROR, start, r->key,
				   "this list has no closing ]");
			return false;
		}
		more = realloc(value->items, (value->nr_items + 1) *
			       sizeof(*more));
		if (!more) {
			report_add(r->report, VANE_ERROR, start, r->key,
				   "no memory");
			return false;
		}
		value->items = more;
		memset(&more[value->nr_items], 0, sizeof(*more));
		if (!read_value(r, &more[value->nr_items], depth + 1))
			return false;
		value->nr_items++;
		skip_blanks(r, true);
		if (peek(r) == ',')
			r->at++;
		else if (peek(r) != ']') {
			unexpected(r, "a comma or ]");
			return false;
		}
	}
	r->at++;
	r->lists--;
	return true;
}

static bool read_value(struct reader *r, struct cfg_value *value,
		       unsigned int depth)
{
	int c = peek(r);
	const char *from;
	bool ok;

	value->line = r->line;
	value->column = r->at - r->line_start + 1;
	if (c == '"' || c == '\'')
		return read_string(r, value);
	if (c == '[' && depth < MAX_DEPTH) {
		ok = read_list(r, value, depth);
		if (!ok)
			value_free(value);
		return ok;
	}
	if (c < '0' || c > '9') {
		unexpected(r, c == '[' ? "an end of so many lists" :
			   "a text in quotes, a number or a list");
		return false;
	}
	from = r->at;
	while (digit_char(peek(r)))
		r->at++;
	value->kind = CFG_NUMBER;
	value->text = cut(from, r->at - from);
	return value->text;
}

struct cfg_setting *cfg_find(struct cfg *cfg, const char *name)
{
	for (unsigned int i = 0; i < cfg->count; i++)
		if (!strcmp(cfg->settings[i].name, name))
			return &cfg->settings[i];
	return NULL;
}

/* `+=`: the items of a list, or a text or number, go behind the old ones. */
static bool append(struct cfg_value *old, struct cfg_value *more)
{
	if (old->kind == CFG_LIST && more->kind == CFG_LIST) {
		unsigned int n = old->nr_items + more->nr_items;
		struct cfg_value *items;

		if (!more->nr_items)
			return true;
		items = realloc(old->items, (n + 1) * sizeof(*items));
		if (!items)
			return false;
		memcpy(items + old->nr_items, more->items,
		       more->nr_items * sizeof(*items));
		old->items = items;
		old->nr_items = n;
		more->nr_items = 0;
		return true;
	}
	/* Numbers are texts, too; but 2 and 3 do not make 23. */
	if (old->text && more->text &&
	    (old->kind == CFG_STRING || more->kind == CFG_STRING)) {
		size_t len = strlen(old->text);
		char *text = realloc(old->text, len + strlen(more->text) + 1);

		if (!text)
			return false;
		strcpy(text + len, more->text);
		old->text = text;
		old->kind = CFG_STRING;
		return true;
	}
	return false;
}

/* Takes over @name and @value, whatever comes of them. */
static void add_setting(struct cfg *cfg, struct reader *r, struct place place,
			char *name, struct cfg_value *value, bool adding)
{
	struct cfg_setting *s = cfg_find(cfg, name), *more;

	if (s && adding && s->value.kind != CFG_BROKEN) {
		if (!append(&s->value, value))
			report_add(r->report, VANE_ERROR, place, name,
				   "+= needs a text after a text or a list "
				   "after a list; of two numbers, one must "
				   "be in quotes");
		value_free(value);
		free(name);
		return;
	}
	if (s) {
		value_free(&s->value);
		free(s->name);
	} else {
		more = realloc(cfg->settings, (cfg->count + 1) *
			       sizeof(*more));
		if (!more) {
			report_add(r->report, VANE_ERROR, place, name,
				   "no memory");
			value_free(value);
			free(name);
			return;
		}
		cfg->settings = more;
		s = &more[cfg->count++];
	}
	*s = (struct cfg_setting) {
		.name = name, .value = *value, .file = place.file,
		.line = place.line, .column = place.column,
	};
}

static bool read_statement(struct cfg *cfg, struct reader *r)
{
	struct place place = here(r);
	struct cfg_value value = { 0 };
	const char *from = r->at;
	bool adding = false, ok;
	char *name;

	if (!name_char(peek(r), true)) {
		unexpected(r, "the name of a setting (lower case)");
		return false;
	}
	while (name_char(peek(r), false))
		r->at++;
	name = cut(from, r->at - from);
	if (!name)
		return false;
	skip_blanks(r, false);
	if (peek(r) == '+' && r->at + 1 < r->end && r->at[1] == '=') {
		adding = true;
		r->at++;
	}
	if (peek(r) != '=') {
		unexpected(r, "= or +=");
		goto fail;
	}
	r->at++;
	r->key = name;
	skip_blanks(r, false);
	ok = read_value(r, &value, 0);
	r->key = NULL;
	/* Nobody is to complain that it is missing. */
	if (!ok)
		value.kind = CFG_BROKEN;
	add_setting(cfg, r, place, name, &value, adding && ok);
	return ok;
fail:
	free(name);
	return false;
}

/* Whether "name =" stands here. */
static bool at_statement(const struct reader *r)
{
	const char *p = r->at;

	if (p == r->end || !name_char((unsigned char)*p, true))
		return false;
	while (p < r->end && name_char((unsigned char)*p, false))
		p++;
	while (p < r->end && (*p == ' ' || *p == '\t'))
		p++;
	return p < r->end && (*p == '=' || *p == '+');
}

/*
 * After an error: on with the next line; after one inside a list, behind the
 * list, whose end is a ] or the line before the next statement.
 */
static void recover(struct reader *r)
{
	bool closed = !r->lists;

	for (;;) {
		while (peek(r) >= 0 && *r->at != '\n')
			closed |= *r->at++ == ']';
		if (closed || peek(r) < 0)
			break;
		next_line(r);
		skip_blanks(r, false);
		if (at_statement(r))
			break;
	}
	r->lists = 0;
}

void cfg_read(struct cfg *cfg, const char *file, const char *text, size_t len,
	      struct vane_report *report)
{
	struct reader r = {
		.at = text, .end = text + len, .file = file,
		.line_start = text, .line = 1, .report = report,
	};

	for (;;) {
		skip_blanks(&r, true);
		if (peek(&r) < 0)
			return;
		if (*r.at == ';') {
			r.at++;
			continue;
		}
		if (!read_statement(cfg, &r)) {
			recover(&r);
			continue;
		}
		skip_blanks(&r, false);
		if (peek(&r) >= 0 && *r.at != '\n' && *r.at != ';') {
			unexpected(&r, "the end of the line or ;");
			skip_line(&r);
		}
	}
}

void cfg_free(struct cfg *cfg)
{
	for (unsigned int i = 0; i < cfg->count; i++) {
		free(cfg->settings[i].name);
		value_free(&cfg->settings[i].value);
	}
	free(cfg->settings);
	memset(cfg, 0, sizeof(*cfg));
}
