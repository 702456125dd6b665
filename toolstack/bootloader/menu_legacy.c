/*
 * menu.lst and grub.conf of GRUB 0.97: a line is a command and its arguments;
 * `title` begins an entry. The files of an entry may name a device, as in
 * (hd0,0)/vmlinuz, which is left out: they are looked for where this file was.
 */
#include "toolstack/bootloader/menu.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_LENGTH 4096

static char *next_word(char **rest)
{
	char *word = *rest + strspn(*rest, " \t=");
	size_t n = strcspn(word, " \t");

	*rest = word + n;
	if (**rest)
		*(*rest)++ = '\0';
	return word;
}

static bool is_hypervisor(const char *path)
{
	const char *base = strrchr(path, '/');

	return !strncmp(base ? base + 1 : path, "xen", 3);
}

static void take_title(struct menu *m, struct menu_entry **e, char *rest)
{
	char number[12];

	snprintf(number, sizeof(number), "%u", m->count);
	*e = menu_add(m);
	if (!*e)
		return;
	menu_set(&(*e)->title, rest + strspn(rest, " \t"));
	menu_set(&(*e)->place, number);
}

static void take_line(struct menu *m, struct menu_entry **e, char *line)
{
	char *rest = line, *word = next_word(&rest);

	if (!strcmp(word, "default")) {
		word = next_word(&rest);
		menu_set(&m->chosen, strcmp(word, "saved") ? word : NULL);
	} else if (!strcmp(word, "title")) {
		take_title(m, e, rest);
	} else if (!*e) {
		return;
	} else if (!strcmp(word, "kernel")) {
		word = next_word(&rest);
		/* --no-mem-option and the like come first. */
		while (*word == '-')
			word = next_word(&rest);
		if (is_hypervisor(menu_path(word)))
			return;
		menu_set(&(*e)->kernel, menu_path(word));
		menu_set(&(*e)->args, rest + strspn(rest, " \t"));
	} else if (!strcmp(word, "module")) {
		word = next_word(&rest);
		menu_take_module(*e, menu_path(word),
				 rest + strspn(rest, " \t"));
	} else if (!strcmp(word, "initrd")) {
		word = next_word(&rest);
		menu_take_ramdisk(*e, menu_path(word));
	}
}

int menu_read_legacy(struct menu *m, const char *text, size_t len)
{
	struct menu_entry *e = NULL;
	const char *end = text + len;

	memset(m, 0, sizeof(*m));
	while (text < end) {
		const char *stop = memchr(text, '\n', end - text);
		size_t n = (stop ? stop : end) - text;
		char line[LINE_LENGTH];

		if (n < sizeof(line)) {
			size_t skip = 0;

			memcpy(line, text, n);
			line[n] = '\0';
			while (n && (line[n - 1] == '\r' ||
				     line[n - 1] == ' ' ||
				     line[n - 1] == '\t'))
				line[--n] = '\0';
			skip = strspn(line, " \t");
			if (line[skip] && line[skip] != '#')
				take_line(m, &e, line + skip);
		}
		text = stop ? stop + 1 : end;
	}
	return 0;
}
