/*
 * vane-import: an OVF appliance becomes raw disks and a configuration.
 *
 * All of it is made in a folder of another name, which gets its own when the
 * import is whole; a failure removes it.
 */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/import/convert.h"
#include "toolstack/import/manifest.h"
#include "toolstack/import/ova.h"
#include "toolstack/import/ovf.h"
#include "toolstack/vane/json.h"

#define DEFAULT_DIR	"/var/lib/vane/images"
#define DESCRIPTOR_MAX	(4u << 20)
#define MANIFEST_MAX	(64u << 10)
#define MAPS		16

struct import {
	const char *source, *dir, *name; /* name NULL: the appliance's */
	const char *map[MAPS];		/* NETWORK=BRIDGE */
	unsigned int nr_maps;
	bool check_only;
	yajl_gen json;			/* NULL: text */

	struct ova ova;
	struct ovf ovf;
	struct manifest manifest;
	bool manifested;
	bool used[OVF_DISKS], got[OVF_DISKS];
	bool wrong;			/* a file has another digest */
	int twice;			/* a disk whose file came twice; -1 */
	char folder[PATH_MAX], work[PATH_MAX];
	int work_fd;
	char made[OVF_SYSTEMS][PATH_MAX + 100]; /* configurations; "": none */
};

static int fail(const struct import *im, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(const struct import *im, const char *fmt, ...)
{
	char text[2048];
	va_list ap;
	int n = snprintf(text, sizeof(text), "%.500s: ", im->source);

	va_start(ap, fmt);
	vsnprintf(text + n, sizeof(text) - n, fmt, ap);
	va_end(ap);
	if (im->json)
		json_tell(EINVAL, text);
	else
		fprintf(stderr, "vane: error: %s\n", text);
	return -EINVAL;
}

/* What is being done, for whoever waits. */
static void progress(const struct import *im, const char *what,
		     const char *name, uint64_t bytes)
{
	if (!im->json)
		fprintf(stderr, "%s %s, %llu MiB\n", what, name,
			(unsigned long long)bytes >> 20);
}

/* --- reading ------------------------------------------------------------- */

static int check_digest(struct import *im, const char *name,
			const struct digests *d)
{
	int is = im->manifested ? manifest_check(&im->manifest, name, d) : 1;

	if (is < 0)
		ovf_note(&im->ovf, "%s is not in the manifest: not checked",
			 name);
	return is ? 0 : fail(im, "%s is not the file that its manifest was "
			     "made of", name);
}

static int read_manifest(struct import *im)
{
	struct digests d;
	char *text;
	size_t len;
	int rc;

	if (!im->ova.manifest)
		return 0;
	if (ova_read(&im->ova, im->ova.manifest, MANIFEST_MAX, &text, &len,
		     &d))
		return fail(im, "%s", im->ova.error);
	rc = manifest_parse(&im->manifest, text, len);
	free(text);
	im->manifested = true;
	return rc ? fail(im, "%s: line %d is no digest", im->ova.manifest,
			 rc) : 0;
}

static int read_descriptor(struct import *im)
{
	struct digests d;
	char *text;
	size_t len;
	int rc;

	if (ova_open(&im->ova, im->source))
		return fail(im, "%s", im->ova.error);
	if (read_manifest(im))
		return -EINVAL;
	if (ova_read(&im->ova, im->ova.descriptor, DESCRIPTOR_MAX, &text, &len,
		     &d))
		return fail(im, "%s", im->ova.error);
	rc = ovf_parse(&im->ovf, text, len);
	free(text);
	if (rc)
		return fail(im, "%s: %s", im->ova.descriptor, im->ovf.error);
	if (!im->manifested)
		ovf_note(&im->ovf, "it has no manifest: its files are not "
			 "checked");
	if (im->ova.certificate)
		ovf_note(&im->ovf, "its signature is not checked");
	return check_digest(im, im->ova.descriptor, &d);
}

/* --- disks --------------------------------------------------------------- */

static struct ovf_file *file_of(struct import *im, const struct ovf_disk *d)
{
	for (unsigned int i = 0; d->file && i < im->ovf.nr_files; i++)
		if (!strcmp(im->ovf.files[i].id, d->file))
			return &im->ovf.files[i];
	return NULL;
}

/* What can be said before anything is copied. */
static int check_disks(struct import *im)
{
	for (unsigned int i = 0; i < im->ovf.nr_systems; i++)
		for (unsigned int j = 0; j < im->ovf.systems[i].nr_drives; j++)
			im->used[im->ovf.systems[i].drives[j].disk] = true;
	for (unsigned int i = 0; i < im->ovf.nr_disks; i++) {
		const struct ovf_disk *d = &im->ovf.disks[i];
		const struct ovf_file *f = file_of(im, d);

		if (!im->used[i])
			continue;
		if (d->child)
			return fail(im, "disk %s holds differences to another "
				    "one", d->id);
		if (d->file && !f)
			return fail(im, "disk %s: there is no file of id %s",
				    d->id, d->file);
		if (f && f->odd)
			return fail(im, "file %s is compressed or in pieces",
				    f->href);
	}
	return 0;
}

/* Of which disk a file is; -1: of none that is used. */
static int disk_of(struct import *im, const char *name)
{
	for (unsigned int i = 0; i < im->ovf.nr_disks; i++) {
		const struct ovf_file *f = file_of(im, &im->ovf.disks[i]);

		if (im->used[i] && f && !strcmp(f->href, name))
			return (int)i;
	}
	return -1;
}

static bool wants(void *arg, const char *name, uint64_t size)
{
	struct import *im = arg;
	int i = disk_of(im, name);

	if (i < 0)
		return false;
	if (im->got[i]) {
		im->twice = i;
		return false;
	}
	progress(im, "copying", name, size);
	return true;
}

static void copied(void *arg, const char *name, const struct digests *d)
{
	struct import *im = arg;
	int i = disk_of(im, name);
	char plain[32];

	if (check_digest(im, name, d))
		im->wrong = true;
	/* Two disks of one file become one conversion each. */
	for (; i >= 0 && i < (int)im->ovf.nr_disks; i++) {
		const struct ovf_file *f = file_of(im, &im->ovf.disks[i]);

		if (!im->used[i] || !f || strcmp(f->href, name))
			continue;
		snprintf(plain, sizeof(plain), "disk%d.source", i + 1);
		if (!linkat(im->work_fd, name, im->work_fd, plain, 0))
			im->got[i] = true;
	}
	(void)unlinkat(im->work_fd, name, 0);
}

static int copy_files(struct import *im)
{
	const char *names[OVF_FILES];

	for (unsigned int i = 0; i < im->ovf.nr_files; i++)
		names[i] = im->ovf.files[i].href;
	if (ova_extract(&im->ova, names, im->ovf.nr_files, im->work_fd, wants,
			copied, im))
		return fail(im, "%s", im->ova.error);
	if (im->twice >= 0)
		return fail(im, "file %s is there twice",
			    file_of(im, &im->ovf.disks[im->twice])->href);
	return im->wrong ? -EINVAL : 0;
}

static int convert_disks(struct import *im)
{
	for (unsigned int i = 0; i < im->ovf.nr_disks; i++) {
		const struct ovf_disk *d = &im->ovf.disks[i];
		char from[32], to[32], why[400] = "";
		int rc;

		if (!im->used[i])
			continue;
		snprintf(from, sizeof(from), "disk%u.source", i + 1);
		snprintf(to, sizeof(to), "disk%u.raw", i + 1);
		if (d->file && !im->got[i])
			return fail(im, "file %s of disk %s is missing",
				    file_of(im, d)->href, d->id);
		progress(im, "making", to, d->capacity);
		rc = d->file ? convert_disk(im->work_fd, from, to, d->capacity,
					    why, sizeof(why)) :
			convert_empty(im->work_fd, to, d->capacity, why,
				      sizeof(why));
		if (rc)
			return fail(im, "disk %s: %s", d->id, why);
	}
	return 0;
}

/* --- the configuration --------------------------------------------------- */

/* A domain's name: what xl.cfg allows, and a file may be called. */
static void make_name(char *to, size_t size, const char *name)
{
	size_t n = 0;

	for (; *name && n < size - 1 && n < 60; name++) {
		bool good = (*name >= 'a' && *name <= 'z') ||
			(*name >= 'A' && *name <= 'Z') ||
			(*name >= '0' && *name <= '9') ||
			(n && (*name == '.' || *name == '-'));

		to[n++] = good ? *name : '_';
	}
	to[n] = '\0';
	if (!n || strspn(to, "0123456789") == n)
		snprintf(to, size, "appliance");
}

static bool is_mac(const char *mac)
{
	if (!mac || strlen(mac) != 17)
		return false;
	for (unsigned int i = 0; i < 17; i++)
		if (i % 3 == 2 ? mac[i] != ':' :
		    !isxdigit((unsigned char)mac[i]))
			return false;
	return !(strtoul(mac, NULL, 16) & 1); /* not a group's */
}

static const char *bridge_of(struct import *im, const char *network)
{
	size_t n = network ? strlen(network) : 0;

	for (unsigned int i = 0; network && i < im->nr_maps; i++)
		if (!strncmp(im->map[i], network, n) && im->map[i][n] == '=')
			return im->map[i] + n + 1;
	return NULL;
}

static void write_vif(FILE *f, struct import *im, const struct ovf_nic *nic)
{
	const char *bridge = bridge_of(im, nic->network);
	const char *mac = is_mac(nic->mac) ? nic->mac : NULL;

	fprintf(f, "\t\"%s%s%s%s%s\",%s%s\n", mac ? "mac=" : "",
		mac ? mac : "", mac && bridge ? "," : "",
		bridge ? "bridge=" : "", bridge ? bridge : "",
		nic->network ? "\t# network: " : "",
		nic->network ? nic->network : "");
}

static void write_config(FILE *f, struct import *im,
			 const struct ovf_system *s, const char *name)
{
	fprintf(f, "# Made of %s by `vane import`.\n", im->source);
	if (s->os)
		fprintf(f, "# It says of itself: %s\n", s->os);
	fprintf(f, "name       = \"%s\"\n", name);
	fprintf(f, "bootloader = \"pygrub\"\n");
	fprintf(f, "memory     = %llu\n",
		(unsigned long long)(s->memory + (1 << 20) - 1) >> 20);
	fprintf(f, "vcpus      = %u\n", s->vcpus);
	fprintf(f, "disk       = [\n");
	for (unsigned int i = 0; i < s->nr_drives && i < 26; i++)
		fprintf(f, "\t\"format=raw,vdev=xvd%c,access=rw,"
			"target=%s/disk%u.raw\",\n", 'a' + i, im->folder,
			s->drives[i].disk + 1);
	fprintf(f, "]\nvif        = [\n");
	for (unsigned int i = 0; i < s->nr_nics; i++)
		write_vif(f, im, &s->nics[i]);
	fprintf(f, "]\n");
}

static int write_configs(struct import *im)
{
	for (unsigned int i = 0; i < im->ovf.nr_systems; i++) {
		const struct ovf_system *s = &im->ovf.systems[i];
		char name[80], file[96];
		FILE *f;
		int fd;

		make_name(name, sizeof(name), im->name &&
			  im->ovf.nr_systems == 1 ? im->name : s->name);
		snprintf(file, sizeof(file), "%s.cfg", name);
		fd = openat(im->work_fd, file, O_WRONLY | O_CREAT | O_EXCL |
			    O_CLOEXEC, 0644);
		f = fd < 0 ? NULL : fdopen(fd, "w");
		if (!f)
			return fail(im, "%s: %s", file, strerror(errno));
		write_config(f, im, s, name);
		if (fclose(f))
			return fail(im, "%s: %s", file, strerror(errno));
		snprintf(im->made[i], sizeof(im->made[i]), "%s/%s",
			 im->folder, file);
	}
	return 0;
}

/* --- the folder ---------------------------------------------------------- */

static int make_parents(const char *path)
{
	char copy[PATH_MAX];

	snprintf(copy, sizeof(copy), "%s/", path);
	for (char *c = copy + 1; *c; c++)
		if (*c == '/') {
			*c = '\0';
			if (mkdir(copy, 0755) && errno != EEXIST)
				return -errno;
			*c = '/';
		}
	return 0;
}

static int make_folder(struct import *im)
{
	char name[80], real[PATH_MAX];
	int rc;

	make_name(name, sizeof(name), im->name ? im->name :
		  im->ovf.systems[0].name);
	rc = make_parents(im->dir);
	if (rc)
		return fail(im, "%s: %s", im->dir, strerror(-rc));
	if (!realpath(im->dir, real) || strpbrk(real, "\"\\,") ||
	    strlen(real) > PATH_MAX - 200)
		return fail(im, "%s: cannot be a folder of disks", im->dir);
	snprintf(im->folder, sizeof(im->folder), "%.*s/%s", PATH_MAX - 200,
		 real, name);
	if (!access(im->folder, F_OK))
		return fail(im, "%s is there already", im->folder);
	snprintf(im->work, sizeof(im->work), "%.*s/.import.XXXXXX",
		 PATH_MAX - 200, real);
	if (!mkdtemp(im->work))
		return fail(im, "%s: %s", im->work, strerror(errno));
	im->work_fd = open(im->work, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return im->work_fd < 0 ? fail(im, "%s: %s", im->work,
				      strerror(errno)) : 0;
}

static void remove_folder(struct import *im)
{
	DIR *d = im->work_fd >= 0 ? fdopendir(im->work_fd) : NULL;
	struct dirent *e;

	while (d && (e = readdir(d)))
		if (strcmp(e->d_name, ".") && strcmp(e->d_name, ".."))
			(void)unlinkat(dirfd(d), e->d_name, 0);
	if (d)
		closedir(d);
	im->work_fd = -1;
	if (im->work[0])
		(void)rmdir(im->work);
}

static int finish(struct import *im)
{
	if (fchmod(im->work_fd, 0755) || fsync(im->work_fd) ||
	    rename(im->work, im->folder))
		return fail(im, "%s: %s", im->folder, strerror(errno));
	im->work[0] = '\0';
	close(im->work_fd);
	im->work_fd = -1;
	return 0;
}

/* --- the whole ----------------------------------------------------------- */

static void print_text(const struct import *im)
{
	for (unsigned int i = 0; i < OVF_SYSTEMS && im->made[i][0]; i++)
		puts(im->made[i]);
	for (unsigned int i = 0; i < im->ovf.nr_notes; i++)
		fprintf(stderr, "vane: warning: %s: %s\n", im->source,
			im->ovf.notes[i]);
}

static void print_json(const struct import *im)
{
	json_open(im->json, "configurations");
	for (unsigned int i = 0; i < OVF_SYSTEMS && im->made[i][0]; i++)
		json_key(im->json, im->made[i]);
	yajl_gen_array_close(im->json);
	json_key(im->json, "notes");
	yajl_gen_array_open(im->json);
	for (unsigned int i = 0; i < im->ovf.nr_notes; i++)
		json_key(im->json, im->ovf.notes[i]);
	json_close(im->json);
}

static int import(struct import *im)
{
	int rc = read_descriptor(im);

	if (!rc)
		rc = check_disks(im);
	if (rc || im->check_only)
		return rc;
	rc = make_folder(im);
	if (!rc)
		rc = copy_files(im);
	if (!rc)
		rc = convert_disks(im);
	if (!rc)
		rc = write_configs(im);
	return rc ? rc : finish(im);
}

static int usage(const struct import *im)
{
	if (im->json) {
		json_tell(EINVAL, "usage: vane import [OPTION...] "
			  "FILE.ova|FILE.ovf");
		return 2;
	}
	fprintf(stderr, "usage: vane import [OPTION...] FILE.ova|FILE.ovf\n"
		"    -o, --output DIR         where to, default " DEFAULT_DIR
		"\n    -n, --name NAME          of the domain and its folder\n"
		"    --network NETWORK=BRIDGE bridge of one of its networks\n"
		"    --check                  only say what is wrong, and what\n"
		"                             would be left out\n"
		"    --json                   an object instead of text\n");
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "name", required_argument, NULL, 'n' },
		{ "network", required_argument, NULL, 'm' },
		{ "check", no_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ NULL, 0, NULL, 0 },
	};
	static struct import im = {
		.dir = DEFAULT_DIR, .work_fd = -1, .twice = -1,
	};
	int opt, rc;

	for (int i = 1; i < argc; i++)	/* for the errors of options, too */
		if (!strcmp(argv[i], "--json") && !im.json)
			im.json = json_begin();
	opterr = !im.json;
	while ((opt = getopt_long(argc, argv, "o:n:", longs, NULL)) >= 0)
		switch (opt) {
		case 'o':
			im.dir = optarg;
			break;
		case 'n':
			im.name = optarg;
			break;
		case 'm':
			if (!strchr(optarg, '=') || im.nr_maps == MAPS)
				return usage(&im);
			im.map[im.nr_maps++] = optarg;
			break;
		case 'c':
			im.check_only = true;
			break;
		case 'j':
			break;
		default:
			return usage(&im);
		}
	if (argc - optind != 1)
		return usage(&im);
	im.source = argv[optind];
	umask(077);
	rc = import(&im);
	if (rc)
		im.made[0][0] = '\0';	/* it is removed */
	if (im.json)
		print_json(&im);
	else
		print_text(&im);
	remove_folder(&im);
	ovf_free(&im.ovf);
	ova_close(&im.ova);
	return rc ? 1 : 0;
}
