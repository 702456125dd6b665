/*
 * Kernel files: opened, unwrapped when they are bzImages, and parsed.
 *
 * An unwrapped kernel becomes a file in memory, so that all kernels are files
 * from there on. It is written, not mapped and filled: the first touch of
 * each page of a mapping is a trap.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/sys/io.h"

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
	return map_file(v, k, st.st_size);
}

static int write_piece(void *arg, const uint8_t *data, size_t len)
{
	return io_write_all(*(int *)arg, data, len);
}

/* Puts the kernel that a bzImage carries into its place. */
static int unwrap(struct vane *v, struct kernel_file *k)
{
	struct image_error err = { "" };
	int fd = memfd_create("kernel", MFD_CLOEXEC), rc;
	size_t size;

	if (fd < 0)
		return vane_fail(v, -errno, "kernel %s: no memory to unpack "
				 "it: %s", k->path, strerror(errno));
	rc = image_unwrap(k->elf, k->elf_len, write_piece, &fd, &size, &err);
	if (rc) {
		close(fd);
		return vane_fail(v, rc, "kernel %s: %s", k->path,
				 rc == -ENOEXEC ? err.text : strerror(-rc));
	}
	drop_file(k);
	k->fd = fd;
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
			rc = unwrap(v, k);
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
