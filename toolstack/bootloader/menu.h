/*
 * What a boot loader's configuration offers to boot. Both readers - of
 * grub.cfg and of the older menu.lst - make a menu; which entry is meant is
 * found in one place. Pure: text in, menu out. The text is a guest's: every
 * number has a limit, and what is beyond it is left out.
 */
#ifndef TOOLSTACK_BOOTLOADER_MENU_H
#define TOOLSTACK_BOOTLOADER_MENU_H

#include <stdbool.h>
#include <stddef.h>

#define MENU_ENTRIES	256
#define MENU_RAMDISKS	4

struct menu_entry {
	char *title, *id;		/* id may be NULL */
	char *full_title, *full_id;	/* with those of its submenus: a>b */
	char *place;			/* its number: "0", "1>0" */
	char *kernel, *args;		/* kernel NULL: boots none */
	char *ramdisk[MENU_RAMDISKS];	/* one after the other */
	unsigned int nr_ramdisks;
};

struct menu {
	struct menu_entry *entries;
	unsigned int count;
	char *chosen;			/* by default; NULL: the first */
};

/*
 * Reads a grub.cfg, which is a script: variables, conditions, submenus.
 * @env: content of grubenv, or NULL. 0 or -ENOMEM.
 */
int menu_read_grub(struct menu *m, const char *text, size_t len,
		   const char *env, size_t env_len);

/* Reads a menu.lst or grub.conf of the older GRUB. */
int menu_read_legacy(struct menu *m, const char *text, size_t len);

/*
 * The entry that @wanted names (number, title, id, also of submenus), or the
 * default when it is NULL; else the first that boots a kernel. NULL: none.
 */
const struct menu_entry *menu_choose(const struct menu *m, const char *wanted);

void menu_free(struct menu *m);

/* --- for the readers ----------------------------------------------------- */

/* One more entry; NULL when there are too many or no memory. */
struct menu_entry *menu_add(struct menu *m);

/* Puts a copy in the place of what was there. */
void menu_set(char **to, const char *text);

/* A path without the device before it: (hd0,1)/vmlinuz. */
const char *menu_path(const char *path);

/* The kernel of an entry that loads Xen first is its first module. */
void menu_take_module(struct menu_entry *e, const char *path,
		      const char *args);
void menu_take_ramdisk(struct menu_entry *e, const char *path);

#endif
