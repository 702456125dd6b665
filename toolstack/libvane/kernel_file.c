/*
 * Kernel files: opened, unpacked when they are bzImages, and parsed.
 *
 * An unpacked kernel becomes a file, so that all kernels are files from there
 * on; vane-unwrap makes it, and the cache keeps it.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/child.h"
#include "toolstack/libvane/kernel_cache.h"

#define UNWRAP		"/usr/lib/vane/vane-unwrap"
#define UNWRAP_MS	600000

static void drop_file(struct kernel_file *k)
{
	if (k->elf)
		munmap((void *)k->elf, k->elf_len);
	if (k->fd >= 0)
		close(k->fd);
	k->elf = NULL;
	k->fd = -1;
}

/* Maps k->fd for reading; its size is @size. */
static int map_file(struct vane *v, struct kernel_file *k, size_t size)
{
	void *map = mmap(NULL, size, PROT_READ, MAP_PRIVATE, k->fd, 0);

	if (map == MAP_FAILED)
		return vane_fail(v, -errno, "kernel %s: %s", k->path,
				 strerror(errno));
	k->elf = map;
	k->elf_len = size;
	return 0;
}

static int open_file(struct vane *v, const char *path, struct kernel_file *k)
{
	struct stat st;

	k->fd = open(path, O_RDONLY | O_CLOEXEC);
	if (k->fd < 0 || fstat(k->fd, &st))
		return vane_fail(v, -errno, "kernel %s: %s", k->path,
				 strerror(errno));
	if (!S_ISREG(st.st_mode) || !st.st_size)
		return vane_fail(v, -ENOEXEC, "kernel %s: %s", k->path,
				 S_ISREG(st.st_mode) ? "is empty" :
				 "is no regular file");
	k->has_holes = st.st_blocks * 512 < st.st_size;
	return map_file(v, k, st.st_size);
}

/* By a program of its own, which has no rights: it may be a guest's. */
static int run_unwrap(struct vane *v, struct kernel_file *k, int to)
{
	static const char *const argv[] = { UNWRAP, NULL };
	struct child c = {
		.argv = argv, .limit_ms = UNWRAP_MS, .in = k->fd, .file = to,
	};
	int rc = child_run(&c);

	if (rc == -EIO && !c.text[0])
		return vane_fail(v, rc, "kernel %s: " UNWRAP " %s", k->path,
				 c.how);
	return rc ? vane_fail(v, rc == -EIO ? -ENOEXEC : rc, "kernel %s: %s",
			      k->path, c.text[0] ? c.text : c.how) : 0;
}

/* Unpacks to a file that can be kept, or where that cannot be to memory. */
static int unwrap(struct vane *v, struct kernel_file *k, size_t *size)
{
	int fd = kernel_cache_begin(), rc;
	bool kept = fd >= 0;
	struct stat st;

	if (!kept)
		fd = memfd_create("kernel", MFD_CLOEXEC);
	if (fd < 0)
		return vane_fail(v, -errno, "kernel %s: no memory to unpack "
				 "it: %s", k->path, strerror(errno));
	rc = run_unwrap(v, k, fd);
	if (!rc && fstat(fd, &st))
		rc = -errno;
	if (rc) {
		close(fd);
		return rc;
	}
	*size = st.st_size;
	if (kept)
		kernel_cache_keep(fd, k->elf, k->elf_len);
	return fd;
}

/* Puts the kernel that a bzImage carries into its place. */
static int take_packed(struct vane *v, struct kernel_file *k)
{
	size_t size;
	int fd = kernel_cache_find(k->elf, k->elf_len, &size);

	if (fd < 0)
		fd = unwrap(v, k, &size);
	if (fd < 0)
		return fd;
	drop_file(k);
	k->fd = fd;
	k->has_holes = true;	/* vane-unwrap leaves them */
	return map_file(v, k, size);
}

static int parse(struct vane *v, struct kernel_file *k)
{
	struct image_error err;
	int rc = image_parse(k->elf, k->elf_len, &k->image, &err);

	return rc ? vane_fail(v, rc, "kernel %s: %s", k->path, err.text) : 0;
}

int kernel_open(struct vane *v, const struct vane_config *c,
		struct kernel_file *k)
{
	int rc;

	memset(k, 0, sizeof(*k));
	k->path = c->kernel_name ? c->kernel_name : c->kernel;
	k->fd = -1;
	rc = open_file(v, c->kernel, k);
	if (!rc)
		switch (image_kind(k->elf, k->elf_len)) {
		case IMAGE_ELF:
			break;
		case IMAGE_BZIMAGE:
			rc = take_packed(v, k);
			break;
		default:
			rc = vane_fail(v, -ENOEXEC, "kernel %s: is neither an "
				       "ELF file nor a bzImage", k->path);
		}
	if (!rc)
		rc = parse(v, k);
	if (rc)
		kernel_close(k);
	return rc;
}

void kernel_close(struct kernel_file *k)
{
	drop_file(k);
	memset(k, 0, sizeof(*k));
	k->fd = -1;
}
