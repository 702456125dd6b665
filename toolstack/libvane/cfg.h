/*
 * The grammar of xl.cfg: text to a list of settings. What a setting means is
 * config.c's affair; vane.conf is read with the same grammar.
 *
 *   file      = { statement (newline | ";") }
 *   statement = name ("=" | "+=") value
 *   value     = string | number | "[" [ value { "," value } [","] ] "]"
 *
 * `#` starts a comment. Lists may span lines. Pure: no system call.
 */
#ifndef TOOLSTACK_LIBVANE_CFG_H
#define TOOLSTACK_LIBVANE_CFG_H

#include "toolstack/libvane.h"

enum cfg_kind {
	CFG_STRING, CFG_NUMBER, CFG_LIST,
	CFG_BROKEN,			/* could not be read, and reported */
};

struct cfg_value {
	enum cfg_kind kind;
	char *text;			/* string or number, as written */
	struct cfg_value *items;	/* list */
	unsigned int nr_items;
	unsigned int line, column;
};

struct cfg_setting {
	char *name;
	struct cfg_value value;
	const char *file;		/* the caller's */
	unsigned int line, column;
};

struct cfg {
	struct cfg_setting *settings;
	unsigned int count;
};

/*
 * Reads @text and adds its settings to @cfg (zeroed before the first use). A
 * later `name =` replaces an earlier one. Errors go to @report, and reading
 * goes on with the next statement. @file must outlive @cfg.
 */
void cfg_read(struct cfg *cfg, const char *file, const char *text, size_t len,
	      struct vane_report *report);
void cfg_free(struct cfg *cfg);

struct cfg_setting *cfg_find(struct cfg *cfg, const char *name);

/* --- report.c ------------------------------------------------------------ */

struct place {
	const char *file;
	unsigned int line, column;
};

/* Adds a finding; @key NULL: syntax. Memory that runs out is an error too. */
void report_add(struct vane_report *report, enum vane_level level,
		struct place place, const char *key, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* Nearest of @names to @word, or NULL when none is near. */
const char *nearest_name(const char *word, const char *const *names,
			 unsigned int count);

#endif
