/*
 * See ova.h. libarchive reads the tar, which is all that it is told to know:
 * no compression, no other format. A member's size is never more than the
 * archive's, as sparse members are refused.
 */
#include "toolstack/import/ova.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <nettle/sha1.h>
#include <nettle/sha2.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/import/ovf.h"
#include "toolstack/sys/io.h"

#define MEMBERS		256u
#define CHUNK		(256u << 10)

static int fail(struct ova *a, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

static int fail(struct ova *a, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(a->error, sizeof(a->error), fmt, ap);
	va_end(ap);
	for (char *c = a->error; *c; c++)
		if ((unsigned char)*c < ' ')
			*c = '?';
	return rc;
}

/* --- digests ------------------------------------------------------------- */

struct hashing {
	struct sha1_ctx sha1;
	struct sha256_ctx sha256;
	struct sha512_ctx sha512;
};

static void hash_begin(struct hashing *h)
{
	sha1_init(&h->sha1);
	sha256_init(&h->sha256);
	sha512_init(&h->sha512);
}

static void hash_add(struct hashing *h, const void *data, size_t len)
{
	sha1_update(&h->sha1, len, data);
	sha256_update(&h->sha256, len, data);
	sha512_update(&h->sha512, len, data);
}

static void hash_end(struct hashing *h, struct digests *d)
{
	sha1_digest(&h->sha1, sizeof(d->sha1), d->sha1);
	sha256_digest(&h->sha256, sizeof(d->sha256), d->sha256);
	sha512_digest(&h->sha512, sizeof(d->sha512), d->sha512);
}

/* --- the archive --------------------------------------------------------- */

/* What is to be done with a member: 0 to go on, 1 to stop, or -errno. */
typedef int member_fn(struct ova *a, struct archive *in,
		      struct archive_entry *e, void *arg);

static const char *plain(const char *name)
{
	return name && !strncmp(name, "./", 2) ? name + 2 : name;
}

static int check_member(struct ova *a, struct archive_entry *e)
{
	const char *name = plain(archive_entry_pathname(e));

	if (!name || (archive_entry_filetype(e) != AE_IFDIR &&
		      !ovf_plain_name(name)))
		return fail(a, -EINVAL, "member \"%.100s\": only files without "
			    "a path are taken", name ? name : "");
	if (archive_entry_filetype(e) == AE_IFDIR)
		return 0;
	if (archive_entry_filetype(e) != AE_IFREG ||
	    archive_entry_hardlink(e) || archive_entry_symlink(e))
		return fail(a, -EINVAL, "member \"%.100s\" is no regular file",
			    name);
	if (archive_entry_sparse_count(e))
		return fail(a, -EINVAL, "member \"%.100s\" is sparse", name);
	return 0;
}

static int walk(struct ova *a, member_fn *each, void *arg)
{
	struct archive *in = archive_read_new();
	struct archive_entry *e;
	unsigned int members = 0;
	int rc = 0, got = ARCHIVE_EOF;

	if (!in)
		return -ENOMEM;
	archive_read_support_format_tar(in);
	if (archive_read_open_filename(in, a->path, CHUNK) != ARCHIVE_OK)
		rc = fail(a, -EINVAL, "%.200s", archive_error_string(in));
	while (!rc && (got = archive_read_next_header(in, &e)) == ARCHIVE_OK) {
		if (++members > MEMBERS)
			rc = fail(a, -E2BIG, "more than %u members", MEMBERS);
		if (!rc)
			rc = check_member(a, e);
		if (!rc && archive_entry_filetype(e) == AE_IFREG)
			rc = each(a, in, e, arg);
	}
	if (!rc && got != ARCHIVE_EOF)
		rc = fail(a, -EINVAL, "is no whole tar archive: %.200s",
			  archive_error_string(in) ? archive_error_string(in) :
			  "");
	archive_read_free(in);
	return rc < 0 ? rc : 0;
}

static bool ends_with(const char *name, const char *end)
{
	size_t n = strlen(name), m = strlen(end);

	return n > m && !strcasecmp(name + n - m, end);
}

/* Notes what a file is by its name. */
static int note_name(struct ova *a, const char *name)
{
	char **slot = ends_with(name, ".ovf") ? &a->descriptor :
		ends_with(name, ".mf") ? &a->manifest : NULL;

	a->certificate |= ends_with(name, ".cert");
	if (!slot)
		return 0;
	if (*slot)
		return fail(a, -EINVAL, "has two of a kind: \"%.100s\" and "
			    "\"%.100s\"", *slot, name);
	*slot = strdup(name);
	return *slot ? 0 : -ENOMEM;
}

static int note_member(struct ova *a, struct archive *in,
		       struct archive_entry *e, void *arg)
{
	(void)in, (void)arg;
	return note_name(a, plain(archive_entry_pathname(e)));
}

/* --- opening ------------------------------------------------------------- */

/* A descriptor that lies in a folder; its manifest has the same name. */
static int open_folder(struct ova *a, const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;
	char other[PATH_MAX];
	int n = (int)strlen(name) - 4;

	a->path = slash ? strndup(path, (size_t)(slash - path)) : strdup(".");
	a->descriptor = strdup(name);
	if (!a->path || !a->descriptor)
		return -ENOMEM;
	snprintf(other, sizeof(other), "%s/%.*s.mf", a->path, n, name);
	if (!access(other, F_OK) &&
	    asprintf(&a->manifest, "%.*s.mf", n, name) < 0)
		return -ENOMEM;
	snprintf(other, sizeof(other), "%s/%.*s.cert", a->path, n, name);
	a->certificate = !access(other, F_OK);
	return 0;
}

int ova_open(struct ova *a, const char *path)
{
	struct stat st;
	int rc;

	memset(a, 0, sizeof(*a));
	if (stat(path, &st))
		return fail(a, -errno, "%s", strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail(a, -EINVAL, "is no regular file");
	if (ends_with(path, ".ovf"))
		return open_folder(a, path);
	a->archive = true;
	a->path = strdup(path);
	rc = a->path ? walk(a, note_member, NULL) : -ENOMEM;
	if (!rc && !a->descriptor)
		rc = fail(a, -EINVAL, "holds no descriptor (.ovf)");
	return rc;
}

void ova_close(struct ova *a)
{
	free(a->path);
	free(a->descriptor);
	free(a->manifest);
	memset(a, 0, sizeof(*a));
}

/* --- one file whole ------------------------------------------------------ */

struct reading {
	const char *name;
	size_t max, len;
	char *data;			/* NULL: not found yet */
};

static int read_member(struct ova *a, struct archive *in,
		       struct archive_entry *e, void *arg)
{
	struct reading *r = arg;
	int64_t size = archive_entry_size(e);
	la_ssize_t got;

	if (strcmp(plain(archive_entry_pathname(e)), r->name))
		return 0;
	if (size < 0 || (uint64_t)size > r->max)
		return fail(a, -EFBIG, "%.100s: has %lld bytes", r->name,
			    (long long)size);
	r->data = malloc((size_t)size + 1);
	if (!r->data)
		return -ENOMEM;
	got = archive_read_data(in, r->data, (size_t)size);
	if (got != size)
		return fail(a, -EIO, "%.100s: is cut short", r->name);
	r->len = (size_t)size;
	return 1;
}

static int read_file(struct ova *a, struct reading *r)
{
	char path[PATH_MAX];
	struct stat st;
	int rc = 0, fd;

	snprintf(path, sizeof(path), "%s/%s", a->path, r->name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 || fstat(fd, &st))
		rc = fail(a, -errno, "%s: %s", path, strerror(errno));
	else if (!S_ISREG(st.st_mode) || (uint64_t)st.st_size > r->max)
		rc = fail(a, -EFBIG, "%s: is no file of at most %zu bytes",
			  path, r->max);
	if (!rc) {
		r->data = malloc((size_t)st.st_size + 1);
		if (!r->data)
			rc = -ENOMEM;
		else if (read(fd, r->data, (size_t)st.st_size) != st.st_size)
			rc = fail(a, -EIO, "%s: cannot be read whole", path);
		r->len = (size_t)st.st_size;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

int ova_read(struct ova *a, const char *name, size_t max, char **data,
	     size_t *len, struct digests *d)
{
	struct reading r = { .name = name, .max = max };
	struct hashing h;
	int rc = a->archive ? walk(a, read_member, &r) : read_file(a, &r);

	if (!rc && !r.data)
		rc = fail(a, -ENOENT, "%.100s: is not there", name);
	if (rc) {
		free(r.data);
		return rc;
	}
	hash_begin(&h);
	hash_add(&h, r.data, r.len);
	hash_end(&h, d);
	r.data[r.len] = '\0';
	*data = r.data;
	*len = r.len;
	return 0;
}

/* --- copying ------------------------------------------------------------- */

struct extraction {
	int dir;
	bool (*want)(void *arg, const char *name, uint64_t size);
	void (*done)(void *arg, const char *name, const struct digests *d);
	void *arg;
};

/* Where bytes come from: an archive's member or a file. */
typedef ssize_t source_fn(void *from, char *to, size_t size);

static ssize_t from_archive(void *from, char *to, size_t size)
{
	return archive_read_data(from, to, size);
}

static ssize_t from_file(void *from, char *to, size_t size)
{
	return read(*(int *)from, to, size);
}

static int copy_out(struct ova *a, const struct extraction *x,
		    const char *name, source_fn *source, void *from)
{
	static char buf[CHUNK];
	int fd = openat(x->dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC |
			O_NOFOLLOW, 0600);
	struct digests d;
	struct hashing h;
	ssize_t n = 0;
	int rc = 0;

	if (fd < 0)
		return fail(a, -errno, "%.100s: %s", name, strerror(errno));
	hash_begin(&h);
	while (!rc && (n = source(from, buf, sizeof(buf))) > 0) {
		hash_add(&h, buf, (size_t)n);
		rc = io_write_all(fd, buf, (size_t)n);
		if (rc)
			(void)fail(a, rc, "%.100s: %s", name, strerror(-rc));
	}
	if (!rc && n < 0)
		rc = fail(a, -EIO, "%.100s: cannot be read whole", name);
	if (close(fd) && !rc)
		rc = fail(a, -errno, "%.100s: %s", name, strerror(errno));
	hash_end(&h, &d);
	if (!rc)
		x->done(x->arg, name, &d);
	return rc;
}

static int extract_member(struct ova *a, struct archive *in,
			  struct archive_entry *e, void *arg)
{
	const struct extraction *x = arg;
	const char *name = plain(archive_entry_pathname(e));
	int64_t size = archive_entry_size(e);

	if (!x->want(x->arg, name, size < 0 ? 0 : (uint64_t)size))
		return 0;
	return copy_out(a, x, name, from_archive, in);
}

/* In a folder: whatever is wanted is asked for by name. */
static int extract_file(struct ova *a, const struct extraction *x,
			const char *name)
{
	char path[PATH_MAX];
	struct stat st;
	int fd, rc = 0;

	snprintf(path, sizeof(path), "%s/%s", a->path, name);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return errno == ENOENT ? 0 : fail(a, -errno, "%s: %s", path,
						  strerror(errno));
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		rc = fail(a, -EINVAL, "%s: is no regular file", path);
	else if (x->want(x->arg, name, (uint64_t)st.st_size))
		rc = copy_out(a, x, name, from_file, &fd);
	close(fd);
	return rc;
}

int ova_extract(struct ova *a, const char *const *names, unsigned int count,
		int dir_fd,
		bool (*want)(void *arg, const char *name, uint64_t size),
		void (*done)(void *arg, const char *name,
			     const struct digests *d), void *arg)
{
	struct extraction x = {
		.dir = dir_fd, .want = want, .done = done, .arg = arg,
	};
	int rc = 0;

	if (a->archive)
		return walk(a, extract_member, &x);
	for (unsigned int i = 0; !rc && i < count; i++)
		rc = extract_file(a, &x, names[i]);
	return rc;
}
