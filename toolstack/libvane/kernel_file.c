/*
 * Kernel files: opened, unpacked when they are bzImages, and parsed.
 *
 * An unpacked kernel becomes a file, so that all kernels are files from there
 * on; vane-unwrap makes it, and the cache keeps it. For one that is unpacked in
 * no time (LZ4) the pages of such a file are the greater part of the work, so
 * it becomes one only when it comes a second time: build_unpack.c.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/child.h"
#include "toolstack/libvane/kernel_cache.h"
#include "toolstack/unwrap/helper.h"

#define UNWRAP_MS	600000

void kernel_init(struct kernel_file *k)
{
	memset(k, 0, sizeof(*k));
	k->fd = k->packed = -1;
}

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

/* A program without rights: the image may be a guest's. */
int kernel_helper(struct vane *v, const struct kernel_file *k,
		  const char *const *argv, int from, int to, int more)
{
	struct child c = {
		.argv = argv, .limit_ms = UNWRAP_MS, .in = from, .file = to,
		.more = more,
	};
	int rc = child_run(&c);

	if (rc == -EIO && !c.text[0])
		return vane_fail(v, rc, "kernel %s: %s %s", k->path, argv[0],
				 c.how);
	return rc ? vane_fail(v, rc == -EIO ? -ENOEXEC : rc, "kernel %s: %s",
			      k->path, c.text[0] ? c.text : c.how) : 0;
}

/* Unpacks to a file that can be kept, or where that cannot be to memory. */
static int unwrap(struct vane *v, struct kernel_file *k, size_t *size)
{
	static const char *const argv[] = { UNWRAP, NULL };
	int fd = kernel_cache_begin(), rc;
	bool kept = fd >= 0;
	struct stat st;

	if (!kept)
		fd = memfd_create("kernel", MFD_CLOEXEC);
	if (fd < 0)
		return vane_fail(v, -errno, "kernel %s: no memory to unpack "
				 "it: %s", k->path, strerror(errno));
	rc = kernel_helper(v, k, argv, k->fd, fd, 0);
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

/* The headers of a kernel that can be unpacked later; -ENOTSUP: it cannot. */
static int take_head(struct vane *v, struct kernel_file *k, uint64_t nr_pages)
{
	static const char *const argv[] = { UNWRAP, "head", NULL };
	struct kernel_file head;
	struct stat st;
	int rc;

	kernel_init(&head);
	head.path = k->path;
	head.fd = memfd_create("kernel", MFD_CLOEXEC);
	if (head.fd < 0)
		return -ENOTSUP;	/* and more is not to be had, either */
	rc = kernel_helper(v, k, argv, k->fd, head.fd, 0);
	if (!rc)
		rc = fstat(head.fd, &st) || !st.st_size ? -ENOTSUP :
			map_file(v, &head, st.st_size);
	if (!rc && place_pages(head.elf, head.elf_len, UNWRAP_HEAD, nr_pages,
			       &head.image, &head.place))
		rc = -ENOTSUP;
	if (rc) {
		kernel_close(&head);
		return rc;
	}
	head.packed = k->fd;
	k->fd = -1;
	drop_file(k);
	*k = head;
	return 0;
}

/* Puts the kernel that a bzImage carries into its place. */
static int take_packed(struct vane *v, struct kernel_file *k, uint64_t nr_pages)
{
	size_t size;
	int fd = kernel_cache_find(k->elf, k->elf_len, &size), rc;

	if (fd < 0 && hv_gives_clean_frames(v) && !kernel_cache_seen(k->fd)) {
		rc = take_head(v, k, nr_pages);
		if (rc != -ENOTSUP)
			return rc;
	}
	if (fd < 0)
		fd = unwrap(v, k, &size);
	if (fd < 0)
		return fd;
	drop_file(k);
	k->fd = fd;
	k->has_holes = true;	/* vane-unwrap leaves them */
	return map_file(v, k, size);
}

int kernel_parse(struct vane *v, struct kernel_file *k)
{
	struct image_error err;
	int rc = image_parse(k->elf, k->elf_len, &k->image, &err);

	return rc ? vane_fail(v, rc, "kernel %s: %s", k->path, err.text) : 0;
}

int kernel_open(struct vane *v, const struct vane_config *c,
		struct kernel_file *k)
{
	int rc;

	kernel_init(k);
	k->path = c->kernel_name ? c->kernel_name : c->kernel;
	rc = open_file(v, c->kernel, k);
	if (!rc)
		switch (image_kind(k->elf, k->elf_len)) {
		case IMAGE_ELF:
			break;
		case IMAGE_BZIMAGE:
			rc = take_packed(v, k, c->memory_kib / 4);
			break;
		default:
			rc = vane_fail(v, -ENOEXEC, "kernel %s: is neither an "
				       "ELF file nor a bzImage", k->path);
		}
	if (!rc && k->packed < 0)
		rc = kernel_parse(v, k);
	if (rc)
		kernel_close(k);
	return rc;
}

void kernel_close(struct kernel_file *k)
{
	drop_file(k);
	if (k->packed >= 0)
		close(k->packed);
	free(k->place);
	kernel_init(k);
}
