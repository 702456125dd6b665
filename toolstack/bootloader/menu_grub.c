/*
 * grub.cfg: a small interpreter of the part of GRUB's script language that
 * grub-mkconfig and people write: words with quotes and variables, `set`,
 * conditions, menuentry and submenu. Loops and functions are passed over;
 * commands that mean nothing here do nothing.
 *
 * Entries are filled while the script is walked, once: a menuentry's body is
 * executed as if it had been chosen. Every step costs one of STEPS, so that
 * no script goes on for ever.
 */
#include "toolstack/bootloader/menu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STEPS		200000u
#define DEPTH		16u
#define WORDS		128u
#define WORD_LENGTH	4096u
#define VARIABLES	128u

enum token { WORD, SEPARATOR, AND, OR, OPEN, CLOSE, END };

struct variable {
	char *name, *value;
};

/* Where we are in the menus: what an entry's names begin with. */
struct level {
	char *title, *id, *place;	/* NULL: the top */
	unsigned int next;		/* number of the next entry */
};

struct reader {
	const char *at, *end;
	struct menu *menu;
	struct variable var[VARIABLES];
	unsigned int nr_vars, steps;
	char *word[WORDS];		/* of the command that was read last */
	unsigned int nr_words;
	enum token stop;		/* what ended it */
	bool failed;			/* no memory */
};

/* --- variables ----------------------------------------------------------- */

static const char *get_var(const struct reader *r, const char *name)
{
	for (unsigned int i = 0; i < r->nr_vars; i++)
		if (!strcmp(r->var[i].name, name))
			return r->var[i].value;
	return "";
}

static void set_var(struct reader *r, const char *name, const char *value)
{
	unsigned int i = 0;

	while (i < r->nr_vars && strcmp(r->var[i].name, name))
		i++;
	if (i == VARIABLES)
		return;
	if (i == r->nr_vars) {
		r->var[i].name = strdup(name);
		r->var[i].value = NULL;
		if (!r->var[i].name) {
			r->failed = true;
			return;
		}
		r->nr_vars++;
	}
	menu_set(&r->var[i].value, value);
	if (!r->var[i].value) {
		free(r->var[i].name);
		r->var[i] = r->var[--r->nr_vars];
		r->failed = true;
	}
}

/* --- words --------------------------------------------------------------- */

struct text {
	char data[WORD_LENGTH];
	size_t len;
};

static void put(struct text *t, char c)
{
	if (t->len < WORD_LENGTH - 1)
		t->data[t->len++] = c;
}

static bool is_name(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
		(c >= '0' && c <= '9') || c == '_';
}

/* Behind a $: puts the variable's value. */
static void put_variable(struct reader *r, struct text *t)
{
	bool braces = r->at < r->end && *r->at == '{';
	char name[64];
	size_t n = 0;

	r->at += braces;
	while (r->at < r->end && is_name(*r->at)) {
		if (n < sizeof(name) - 1)
			name[n++] = *r->at;
		r->at++;
	}
	name[n] = '\0';
	if (braces && r->at < r->end && *r->at == '}')
		r->at++;
	for (const char *v = get_var(r, name); *v; v++)
		put(t, *v);
}

static void put_quoted(struct reader *r, struct text *t, char quote)
{
	while (r->at < r->end && *r->at != quote) {
		char c = *r->at++;

		if (quote == '"' && c == '$') {
			put_variable(r, t);
			continue;
		}
		if (quote == '"' && c == '\\' && r->at < r->end &&
		    strchr("\"$\\", *r->at))
			c = *r->at++;
		put(t, c);
	}
	if (r->at < r->end)
		r->at++;
}

static bool ends_word(char c)
{
	return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' ||
		c == '&' || c == '|';
}

static void put_word(struct reader *r, struct text *t)
{
	while (r->at < r->end && !ends_word(*r->at)) {
		char c = *r->at++;

		if (c == '\'' || c == '"')
			put_quoted(r, t, c);
		else if (c == '$')
			put_variable(r, t);
		else if (c == '\\' && r->at < r->end)
			put(t, *r->at++);
		else
			put(t, c);
	}
}

static void skip_blanks(struct reader *r)
{
	while (r->at < r->end) {
		if (*r->at == ' ' || *r->at == '\t' || *r->at == '\r')
			r->at++;
		else if (*r->at == '\\' && r->end - r->at > 1 &&
			 r->at[1] == '\n')
			r->at += 2;
		else if (*r->at == '#')
			while (r->at < r->end && *r->at != '\n')
				r->at++;
		else
			break;
	}
}

static enum token next_token(struct reader *r, struct text *t)
{
	char c;

	skip_blanks(r);
	if (r->at == r->end || r->steps >= STEPS)
		return END;
	r->steps++;
	c = *r->at;
	if (c == '\n' || c == ';' || c == '&' || c == '|') {
		r->at++;
		if (c == '\n' || c == ';' || r->at == r->end || *r->at != c)
			return SEPARATOR;
		r->at++;
		return c == '&' ? AND : OR;
	}
	if ((c == '{' || c == '}') &&
	    (r->end - r->at == 1 || ends_word(r->at[1]))) {
		r->at++;
		return c == '{' ? OPEN : CLOSE;
	}
	t->len = 0;
	put_word(r, t);
	t->data[t->len] = '\0';
	return WORD;
}

static void drop_words(struct reader *r)
{
	while (r->nr_words)
		free(r->word[--r->nr_words]);
}

/* Reads one command's words; r->stop says what ended it. */
static void read_command(struct reader *r)
{
	struct text t;

	drop_words(r);
	while ((r->stop = next_token(r, &t)) == WORD) {
		if (r->nr_words == WORDS)
			continue;
		r->word[r->nr_words] = strdup(t.data);
		if (!r->word[r->nr_words]) {
			r->failed = true;
			continue;
		}
		r->nr_words++;
		/* A command may follow on the same line. */
		if (r->nr_words == 1 && (!strcmp(t.data, "then") ||
		    !strcmp(t.data, "else") || !strcmp(t.data, "do"))) {
			r->stop = SEPARATOR;
			return;
		}
	}
}

static bool command_is(const struct reader *r, const char *name)
{
	return r->nr_words && !strcmp(r->word[0], name);
}

/* --- conditions ---------------------------------------------------------- */

/* `[ a = b ]`, `[ a ]`, `[ -n a ]`, ...: files are never there. */
static bool test_words(char **w, unsigned int n)
{
	bool negate = n && !strcmp(w[0], "!"), is = false;

	if (negate)
		w++, n--;
	if (n == 1)
		is = w[0][0];
	else if (n == 2)
		is = !strcmp(w[0], "-n") ? w[1][0] :
			!strcmp(w[0], "-z") ? !w[1][0] : false;
	else if (n == 3)
		is = !strcmp(w[1], "=") || !strcmp(w[1], "==") ?
			!strcmp(w[0], w[2]) :
			!strcmp(w[1], "!=") && strcmp(w[0], w[2]);
	return is != negate;
}

static bool command_holds(const struct reader *r, unsigned int from)
{
	char **w = (char **)r->word + from;
	unsigned int n = r->nr_words - from;

	if (n && !strcmp(w[0], "!"))
		return !command_holds(r, from + 1);
	if (n && (!strcmp(w[0], "[") || !strcmp(w[0], "test"))) {
		if (!strcmp(w[n - 1], "]"))
			n--;
		return n && test_words(w + 1, n - 1);
	}
	return n && !strcmp(w[0], "true");
}

/* --- the script ---------------------------------------------------------- */

/* What ended a block. */
enum fence { AT_CLOSE, AT_FI, AT_ELSE, AT_ELIF, AT_DONE, AT_END };

static enum fence walk(struct reader *r, struct level *l, int entry, bool run,
		       unsigned int depth);

/* A block in braces, whose end is not that of what is around it. */
static void walk_inside(struct reader *r, struct level *l, int entry, bool run,
			unsigned int depth)
{
	(void)walk(r, l, entry, run, depth + 1);
	if (r->stop == CLOSE)
		r->stop = SEPARATOR;
}

/* Reads `if`'s condition up to `then`; its first command has been read. */
static bool condition(struct reader *r)
{
	bool holds = command_holds(r, 1);

	while (r->stop != END) {
		enum token how = r->stop;

		read_command(r);
		if (command_is(r, "then"))
			return holds;
		if (!r->nr_words)
			continue;
		if (how == OR)
			holds = holds || command_holds(r, 0);
		else
			holds = (how != AND || holds) && command_holds(r, 0);
	}
	return holds;
}

static void walk_if(struct reader *r, struct level *l, int entry, bool run,
		    unsigned int depth)
{
	bool done = false, holds = run && condition(r);
	enum fence f;

	if (!run)
		(void)condition(r);
	for (;;) {
		f = walk(r, l, entry, holds && !done, depth + 1);
		done |= holds;
		if (f == AT_ELIF)
			holds = condition(r) && run;
		else if (f == AT_ELSE)
			holds = run;
		else
			return;
	}
}

/* "a>b" of a level's name and an entry's. */
static char *join(const char *above, const char *name)
{
	char *whole;

	if (!name)
		return NULL;
	return asprintf(&whole, "%s%s%s", above ? above : "",
			above ? ">" : "", name) < 0 ? NULL : whole;
}

/* The words of `menuentry` and `submenu`: the title and --id. */
static const char *id_of(const struct reader *r)
{
	for (unsigned int i = 2; i + 1 < r->nr_words; i++)
		if (!strcmp(r->word[i], "--id"))
			return r->word[i + 1];
	return NULL;
}

static void walk_submenu(struct reader *r, struct level *l, bool run,
			 unsigned int depth)
{
	struct level in = { 0 };
	char number[12];

	snprintf(number, sizeof(number), "%u", l->next);
	in.place = join(l->place, number);
	in.title = join(l->title, r->nr_words > 1 ? r->word[1] : "");
	in.id = join(l->id, id_of(r));
	if (run)
		l->next++;
	walk_inside(r, &in, -1, run, depth);
	free(in.place);
	free(in.title);
	free(in.id);
}

static void walk_entry(struct reader *r, struct level *l, bool run,
		       unsigned int depth)
{
	struct menu_entry *e = run ? menu_add(r->menu) : NULL;
	char number[12];

	if (e) {
		snprintf(number, sizeof(number), "%u", l->next++);
		menu_set(&e->title, r->nr_words > 1 ? r->word[1] : "");
		menu_set(&e->id, id_of(r));
		e->full_title = join(l->title, e->title);
		e->full_id = join(l->id, e->id);
		e->place = join(l->place, number);
	}
	/* By number: the array moves when it grows. */
	walk_inside(r, l, e ? (int)r->menu->count - 1 : -1, run, depth);
}

static char *words_from(const struct reader *r, unsigned int from)
{
	size_t len = 1, at = 0;
	char *line;

	for (unsigned int i = from; i < r->nr_words; i++)
		len += strlen(r->word[i]) + 1;
	line = malloc(len);
	if (!line)
		return NULL;
	line[0] = '\0';
	for (unsigned int i = from; i < r->nr_words; i++)
		at += sprintf(line + at, "%s%s", i > from ? " " : "",
			      r->word[i]);
	return line;
}

/* A command inside of a menuentry. */
static void take_load(struct reader *r, struct menu_entry *e)
{
	const char *name = r->word[0], *path;
	unsigned int at = 1;
	char *args;

	while (at < r->nr_words && r->word[at][0] == '-')
		at++;		/* options: --nounzip */
	if (at >= r->nr_words)
		return;
	path = menu_path(r->word[at]);
	args = words_from(r, at + 1);
	if (!strncmp(name, "linux", 5)) {
		menu_set(&e->kernel, path);
		menu_set(&e->args, args);
	} else if (!strncmp(name, "module", 6)) {
		/* module /vmlinuz placeholder root=...: GRUB 2 wants one */
		char *rest = args && !strncmp(args, "placeholder ", 12) ?
			args + 12 : args;

		menu_take_module(e, path, rest);
	} else if (!strncmp(name, "initrd", 6)) {
		for (; at < r->nr_words; at++)
			menu_take_ramdisk(e, menu_path(r->word[at]));
	}
	free(args);
}

static void run_command(struct reader *r, int entry)
{
	const char *name = r->word[0];
	char *line = r->nr_words > 1 && !strcmp(name, "set") ? r->word[1] :
		r->word[0];
	char *equals;
	size_t n = 0;

	while (is_name(line[n]))
		n++;
	if (n && line[n] == '=') {
		equals = line + n;
		*equals = '\0';
		set_var(r, line, equals + 1);
		*equals = '=';
	} else if (entry >= 0) {
		take_load(r, &r->menu->entries[entry]);
	}
}

/* A loop or a function: its body is passed over. */
static void pass_over(struct reader *r, struct level *l, unsigned int depth)
{
	if (r->stop != OPEN)
		while (r->stop != END && !command_is(r, "do"))
			read_command(r);
	walk_inside(r, l, -1, false, depth);
}

static enum fence walk(struct reader *r, struct level *l, int entry, bool run,
		       unsigned int depth)
{
	static const struct {
		const char *word;
		enum fence fence;
	} fences[] = {
		{ "fi", AT_FI }, { "else", AT_ELSE }, { "elif", AT_ELIF },
		{ "done", AT_DONE },
	};

	if (depth > DEPTH)
		r->steps = STEPS;
	for (;;) {
		read_command(r);
		for (unsigned int i = 0; i < 4; i++)
			if (command_is(r, fences[i].word))
				return fences[i].fence;
		if (command_is(r, "if"))
			walk_if(r, l, entry, run, depth);
		else if (command_is(r, "submenu") && r->stop == OPEN)
			walk_submenu(r, l, run, depth);
		else if (command_is(r, "menuentry") && r->stop == OPEN)
			walk_entry(r, l, run, depth);
		else if (command_is(r, "function") || command_is(r, "for") ||
			 command_is(r, "while") || command_is(r, "until"))
			pass_over(r, l, depth);
		else if (r->nr_words && run)
			run_command(r, entry);
		if (r->stop == OPEN)	/* whatever it belongs to */
			walk_inside(r, l, entry, run, depth);
		if (r->stop == CLOSE)
			return AT_CLOSE;
		if (r->stop == END)
			return AT_END;
	}
}

/* grubenv: name=value lines behind a comment. */
static void read_env(struct reader *r, const char *env, size_t len)
{
	const char *end = env + len;

	while (env < end) {
		const char *stop = memchr(env, '\n', end - env);
		size_t n = (stop ? stop : end) - env;
		char line[512], *equals;

		if (n < sizeof(line)) {
			memcpy(line, env, n);
			line[n] = '\0';
			equals = strchr(line, '=');
			if (line[0] != '#' && equals) {
				*equals = '\0';
				set_var(r, line, equals + 1);
			}
		}
		env = stop ? stop + 1 : end;
	}
}

int menu_read_grub(struct menu *m, const char *text, size_t len,
		   const char *env, size_t env_len)
{
	struct reader r = { .at = text, .end = text + len, .menu = m };
	struct level top = { 0 };

	memset(m, 0, sizeof(*m));
	set_var(&r, "feature_menuentry_id", "y");
	set_var(&r, "menuentry_id_option", "--id");
	set_var(&r, "grub_platform", "pc");
	if (env)
		read_env(&r, env, env_len);
	while (r.at < r.end && r.steps < STEPS)
		(void)walk(&r, &top, -1, true, 0); /* a stray fence: go on */
	drop_words(&r);
	if (*get_var(&r, "default"))
		menu_set(&m->chosen, get_var(&r, "default"));
	for (unsigned int i = 0; i < r.nr_vars; i++) {
		free(r.var[i].name);
		free(r.var[i].value);
	}
	if (!r.failed)
		return 0;
	menu_free(m);
	return -ENOMEM;
}
