/*
 * See menu.h.
 */
#include "toolstack/bootloader/menu.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct menu_entry *menu_add(struct menu *m)
{
	struct menu_entry *more;

	if (m->count == MENU_ENTRIES)
		return NULL;
	more = realloc(m->entries, (m->count + 1) * sizeof(*more));
	if (!more)
		return NULL;
	m->entries = more;
	memset(&more[m->count], 0, sizeof(*more));
	return &more[m->count++];
}

void menu_set(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

const char *menu_path(const char *path)
{
	const char *end = *path == '(' ? strchr(path, ')') : NULL;

	return end ? end + 1 : path;
}

void menu_take_module(struct menu_entry *e, const char *path,
		      const char *args)
{
	if (e->kernel) {
		menu_take_ramdisk(e, path);
		return;
	}
	menu_set(&e->kernel, path);
	menu_set(&e->args, args);
}

void menu_take_ramdisk(struct menu_entry *e, const char *path)
{
	if (e->nr_ramdisks == MENU_RAMDISKS)
		return;
	menu_set(&e->ramdisk[e->nr_ramdisks], path);
	if (e->ramdisk[e->nr_ramdisks])
		e->nr_ramdisks++;
}

static bool same(const char *a, const char *b)
{
	return a && !strcmp(a, b);
}

static bool named(const struct menu_entry *e, const char *name)
{
	return same(e->place, name) || same(e->id, name) ||
		same(e->full_id, name) || same(e->title, name) ||
		same(e->full_title, name);
}

/* A submenu that is chosen means its first entry. */
static bool inside(const struct menu_entry *e, const char *name)
{
	const char *const paths[] = { e->place, e->full_id, e->full_title };
	size_t n = strlen(name);

	for (unsigned int i = 0; i < 3; i++)
		if (paths[i] && !strncmp(paths[i], name, n) &&
		    paths[i][n] == '>')
			return true;
	return false;
}

const struct menu_entry *menu_choose(const struct menu *m, const char *wanted)
{
	const char *name = wanted ? wanted : m->chosen;

	for (unsigned int i = 0; name && i < m->count; i++)
		if (m->entries[i].kernel && named(&m->entries[i], name))
			return &m->entries[i];
	for (unsigned int i = 0; name && i < m->count; i++)
		if (m->entries[i].kernel && inside(&m->entries[i], name))
			return &m->entries[i];
	for (unsigned int i = 0; !wanted && i < m->count; i++)
		if (m->entries[i].kernel)
			return &m->entries[i];
	return NULL;
}

static void free_entry(struct menu_entry *e)
{
	free(e->title);
	free(e->id);
	free(e->full_title);
	free(e->full_id);
	free(e->place);
	free(e->kernel);
	free(e->args);
	for (unsigned int i = 0; i < e->nr_ramdisks; i++)
		free(e->ramdisk[i]);
}

void menu_free(struct menu *m)
{
	for (unsigned int i = 0; i < m->count; i++)
		free_entry(&m->entries[i]);
	free(m->entries);
	free(m->chosen);
	memset(m, 0, sizeof(*m));
}
