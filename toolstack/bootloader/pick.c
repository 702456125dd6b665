/*
 * See pick.h.
 */
#include "toolstack/bootloader/pick.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/bootloader/ext.h"
#include "toolstack/bootloader/menu.h"

#define CONFIG_MAX	(1u << 20)
#define ENV_MAX		4096u
#define KERNEL_MAX	(256ull << 20)
#define RAMDISK_MAX	(1ull << 30)

/* Where GRUB's configuration may be, on the root's partition or /boot's. */
static const struct {
	const char *path, *env;		/* env NULL: the older GRUB's */
} places[] = {
	{ "/boot/grub/grub.cfg", "/boot/grub/grubenv" },
	{ "/grub/grub.cfg", "/grub/grubenv" },
	{ "/boot/grub2/grub.cfg", "/boot/grub2/grubenv" },
	{ "/grub2/grub.cfg", "/grub2/grubenv" },
	{ "/boot/grub/menu.lst", NULL },
	{ "/grub/menu.lst", NULL },
	{ "/boot/grub/grub.conf", NULL },
	{ "/grub/grub.conf", NULL },
};

static int __attribute__((format(printf, 3, 4)))
fail(struct pick *p, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->text, sizeof(p->text), fmt, ap);
	va_end(ap);
	return rc;
}

static int copy(struct ext *fs, const char *what, const char *path, int fd,
		uint64_t max, struct pick *p)
{
	uint64_t n;
	int rc = ext_copy(fs, path, fd, max, &n);

	if (!rc && !n)
		return fail(p, -ENODATA, "%s %s is empty", what, path);
	if (rc)
		return fail(p, rc, "%s %s: %s", what, path, rc == -ENOENT ?
			    "is not on the configuration's partition" :
			    strerror(-rc));
	return 0;
}

static int load(struct ext *fs, const char *kernel, char *const ramdisk[],
		unsigned int nr_ramdisks, const struct pick_request *want,
		struct pick *p)
{
	int rc = copy(fs, "kernel", kernel, want->kernel_fd, KERNEL_MAX, p);

	snprintf(p->kernel_path, sizeof(p->kernel_path), "%s", kernel);
	for (unsigned int i = 0; !rc && i < nr_ramdisks; i++) {
		rc = copy(fs, "ramdisk", ramdisk[i], want->ramdisk_fd,
			  RAMDISK_MAX, p);
		snprintf(p->ramdisk_path, sizeof(p->ramdisk_path), "%s",
			 ramdisk[i]);
		p->ramdisk = true;
	}
	return rc;
}

static int boot_entry(struct ext *fs, const struct menu *m,
		      const struct pick_request *want, struct pick *p,
		      const char *config)
{
	const struct menu_entry *e = menu_choose(m, want->entry);
	int rc;

	if (!e && want->entry)
		return fail(p, -ENOENT, "%s has no entry \"%s\" that boots a "
			    "kernel", config, want->entry);
	if (!e)
		return fail(p, -ENOENT, "%s has no entry that boots a kernel",
			    config);
	rc = load(fs, e->kernel, e->ramdisk, e->nr_ramdisks, want, p);
	if (rc)
		return rc;
	snprintf(p->args, sizeof(p->args), "%s%s%s", e->args ? e->args : "",
		 e->args && want->args ? " " : "", want->args ? want->args :
		 "");
	return fail(p, 0, "%s", e->title ? e->title : "");
}

/* 1: this file system has no configuration; else the result. */
static int try_menu(struct ext *fs, const struct pick_request *want,
		    struct pick *p)
{
	for (unsigned int i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		size_t len, env_len = 0;
		char *text, *env = NULL;
		struct menu m;
		int rc = ext_read(fs, places[i].path, CONFIG_MAX, &text, &len);

		if (rc == -ENOENT)
			continue;
		if (rc)
			return fail(p, rc, "%s: %s", places[i].path,
				    strerror(-rc));
		if (places[i].env)
			(void)ext_read(fs, places[i].env, ENV_MAX, &env,
				       &env_len);
		rc = places[i].env ?
			menu_read_grub(&m, text, len, env, env_len) :
			menu_read_legacy(&m, text, len);
		free(text);
		free(env);
		if (rc)
			return fail(p, rc, "%s: %s", places[i].path,
				    strerror(-rc));
		rc = boot_entry(fs, &m, want, p, places[i].path);
		menu_free(&m);
		return rc;
	}
	return 1;
}

/* The files that the request names; 1: the kernel is not here. */
static int try_paths(struct ext *fs, const struct pick_request *want,
		     struct pick *p)
{
	char *const ramdisk[] = { (char *)want->ramdisk };
	int rc = load(fs, want->kernel, ramdisk, want->ramdisk != NULL, want,
		      p);

	if (rc == -ENOENT && !p->ramdisk)
		return 1;
	if (rc)
		return rc;
	snprintf(p->args, sizeof(p->args), "%s", want->args ? want->args : "");
	return fail(p, 0, "%s", want->kernel);
}

int pick(const struct disk *d, const struct pick_request *want,
	 struct pick *found)
{
	struct part parts[DISK_PARTS];
	int count = disk_parts(d, parts), systems = 0;

	memset(found, 0, sizeof(*found));
	if (count < 0)
		return fail(found, count, "is no disk: %s", strerror(-count));
	for (int i = 0; i < count; i++) {
		struct ext *fs = ext_open(d, &parts[i]);
		int rc;

		if (!fs)
			continue;
		systems++;
		rc = want->kernel ? try_paths(fs, want, found) :
			try_menu(fs, want, found);
		ext_close(fs);
		if (rc <= 0)
			return rc;
	}
	return fail(found, -ENOENT, "%d partition%s, %d of them with an ext2, "
		    "ext3 or ext4 file system: none has %s", count,
		    count == 1 ? "" : "s", systems, want->kernel ?
		    want->kernel : "a GRUB configuration");
}
