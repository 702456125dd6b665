/*
 * See bootloader.h. The program's command line and answer are those of pygrub
 * as libxl calls it, so that any program of that kind can be named. Ours is
 * vane-bootloader (toolstack/bootloader), which "pygrub" means as well.
 *
 * The files that it makes lie in a folder of this domain's creation, which is
 * gone before the domain is made: what is left of them is open descriptors.
 */
#include "toolstack/libvane/bootloader.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/child.h"

#define RUN_DIR		"/run/vane"
#define OURS		"/usr/lib/vane/vane-bootloader"
#define LIMIT_MS	120000
#define MAX_ARGS	32
#define MAX_ANSWER	8192

static const char *program(const struct vane_config *c)
{
	const char *base = strrchr(c->bootloader, '/');

	return !strcmp(base ? base + 1 : c->bootloader, "pygrub") ? OURS :
		c->bootloader;
}

/* --- its command line ---------------------------------------------------- */

struct line {
	const char *argv[MAX_ARGS + 1];
	unsigned int count;
	char made[8][4200];		/* options with their values */
	unsigned int nr_made;
};

static void add(struct line *l, const char *arg)
{
	if (l->count < MAX_ARGS)
		l->argv[l->count++] = arg;
	l->argv[l->count] = NULL;
}

static void add_option(struct line *l, const char *name, const char *value)
{
	char *to = l->made[l->nr_made];

	if (!value || l->nr_made == 8)
		return;
	snprintf(to, sizeof(l->made[0]), "--%s=%s", name, value);
	l->nr_made++;
	add(l, to);
}

static int run(struct vane *v, const struct vane_config *c, bool join,
	       const char *dir, const char *answer)
{
	struct line *l = calloc(1, sizeof(*l));
	bool ours = !strcmp(program(c), OURS);
	/* A menu waits for whoever sits there. */
	struct child child = {
		.limit_ms = join && !ours ? -1 : LIMIT_MS, .terminal = !ours,
		.join = join && !ours,
	};
	const char *disk = c->disks[0].target;
	int rc;

	if (!l)
		return vane_no_memory(v, "the boot loader");
	add(l, program(c));
	add_option(l, "output", answer);
	add_option(l, "output-format", "simple0");
	add_option(l, "output-directory", dir);
	add_option(l, "kernel", c->kernel);
	add_option(l, "ramdisk", c->ramdisk);
	add_option(l, "args", c->cmdline);
	if (ours)
		add(l, "--names");
	for (unsigned int i = 0; i < c->nr_bootloader_args; i++)
		add(l, c->bootloader_args[i]);
	add(l, disk);
	child.argv = l->argv;
	rc = child_run(&child);
	if (rc)
		rc = vane_fail(v, rc, "%s: boot loader %s on %s %s%s%s",
			       c->name, program(c), disk, child.how,
			       child.text[0] ? ": " : "", child.text);
	free(l);
	return rc;
}

/* --- its answer ---------------------------------------------------------- */

static int set_text(char **to, const char *text)
{
	free(*to);
	*to = strdup(text);
	return *to ? 0 : -ENOMEM;
}

static int open_found(struct vane *v, const char *path, struct booted_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	f->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (f->fd < 0)
		return vane_fail(v, -errno, "%s, from the boot loader: %s",
				 path, strerror(errno));
	snprintf(f->path, sizeof(f->path), "/proc/self/fd/%d", f->fd);
	return f->name ? 0 : set_text(&f->name, path);
}

static int take_word(struct vane *v, struct booted *b, char *text)
{
	char *value = strchr(text, ' ');

	if (!value)
		return 0;
	*value++ = '\0';
	if (!strcmp(text, "kernel"))
		return open_found(v, value, &b->kernel);
	if (!strcmp(text, "ramdisk"))
		return open_found(v, value, &b->ramdisk);
	if (!strcmp(text, "kernel-name"))
		return set_text(&b->kernel.name, value);
	if (!strcmp(text, "ramdisk-name"))
		return set_text(&b->ramdisk.name, value);
	if (!strcmp(text, "args"))
		return set_text(&b->args, value);
	return 0;
}

static int take_answer(struct vane *v, const struct vane_config *c,
		       const char *answer, struct booted *b)
{
	char text[MAX_ANSWER + 1];
	FILE *f = fopen(answer, "re");
	size_t n = f ? fread(text, 1, MAX_ANSWER, f) : 0;
	int rc = 0;

	if (f)
		fclose(f);
	text[n] = '\0';
	for (char *word = text, *next; !rc && word < text + n; word = next) {
		next = word + strlen(word) + 1;
		rc = take_word(v, b, word);
	}
	if (rc == -ENOMEM)
		rc = vane_no_memory(v, "the boot loader's answer");
	if (!rc && b->kernel.fd < 0)
		rc = vane_fail(v, -ENOENT, "%s: boot loader %s found no "
			       "kernel", c->name, program(c));
	if (!rc && b->args && strlen(b->args) > 1023)
		rc = vane_fail(v, -E2BIG, "%s: boot loader %s: its arguments "
			       "for the kernel have %zu characters; allowed: "
			       "1023", c->name, program(c), strlen(b->args));
	return rc;
}

static void remove_folder(const char *dir)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *d = fd >= 0 ? fdopendir(fd) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			(void)unlinkat(fd, e->d_name, 0);
	if (d)
		closedir(d);
	(void)rmdir(dir);
}

int bootloader_run(struct vane *v, struct vane_config *config, bool join,
		   struct booted *b)
{
	char dir[] = RUN_DIR "/boot.XXXXXX", answer[sizeof(dir) + 8];
	int rc;

	*b = (struct booted) BOOTED_NOTHING;
	if (!config->nr_disks || !config->disks[0].target)
		return vane_fail(v, -EINVAL, "%s: a boot loader needs a disk",
				 config->name);
	(void)mkdir(RUN_DIR, 0755);
	if (!mkdtemp(dir))
		return vane_fail(v, -errno, "%s: %s", dir, strerror(errno));
	snprintf(answer, sizeof(answer), "%s/answer", dir);
	rc = run(v, config, join, dir, answer);
	if (!rc)
		rc = take_answer(v, config, answer, b);
	remove_folder(dir);
	if (rc)
		return rc;
	config->kernel = b->kernel.path;
	config->kernel_name = b->kernel.name;
	config->ramdisk = b->ramdisk.fd >= 0 ? b->ramdisk.path : NULL;
	config->ramdisk_name = b->ramdisk.name;
	config->cmdline = b->args;
	return 0;
}

static void drop_file(struct booted_file *f)
{
	if (f->fd >= 0)
		close(f->fd);
	free(f->name);
}

void booted_free(struct booted *b)
{
	drop_file(&b->kernel);
	drop_file(&b->ramdisk);
	free(b->args);
	*b = (struct booted) BOOTED_NOTHING;
}
