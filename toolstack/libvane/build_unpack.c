/*
 * A packed kernel, unpacked straight to the frames of its domain: no file, and
 * no page of Dom0's, comes in between.
 *
 * vane-unwrap sees the domain's frames side by side in the order of the ELF
 * file's pages (place.c), and the scratch frames in turns.
 *
 * What is in the domain before its kernel was looked at is what its
 * configuration promises it; if the kernel turns out to be none, the domain is
 * undone like one whose building fails in any other way.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toolstack/sys/io.h"
#include "toolstack/sys/privcmd.h"
#include "toolstack/unwrap/helper.h"

static uint64_t pages_of(const struct kernel_file *k)
{
	return (k->elf_len + PAGE_SIZE - 1) / PAGE_SIZE;
}

/* A file with the frame of each page, for the helper. */
static int list_frames(const struct build *b)
{
	const struct kernel_file *k = &b->kernel;
	const uint64_t *scratch =
		b->p2m + b->layout.nr_pages - PLACE_SCRATCH_FRAMES;
	uint64_t pages = pages_of(k);
	uint64_t *list = malloc(pages * sizeof(*list));
	int fd = list ? memfd_create("frames", MFD_CLOEXEC) : -1, rc;

	if (fd < 0) {
		free(list);
		return -ENOMEM;
	}
	for (uint64_t i = 0; i < pages; i++)
		list[i] = k->place[i] == PLACE_SCRATCH ?
			scratch[i % PLACE_SCRATCH_FRAMES] : b->p2m[k->place[i]];
	rc = io_write_all(fd, list, pages * sizeof(*list));
	free(list);
	if (!rc)
		return fd;
	close(fd);
	return rc;
}

static int unpack(struct vane *v, struct build *b)
{
	const struct kernel_file *k = &b->kernel;
	char domid[16], size[24];
	const char *const argv[] = { UNWRAP, "into", domid, size, NULL };
	int frames = list_frames(b), rc;

	if (frames < 0)
		return vane_no_memory(v, "the list of its kernel's frames");
	snprintf(domid, sizeof(domid), "%u", b->domid);
	snprintf(size, sizeof(size), "%zu", k->elf_len);
	rc = kernel_helper(v, k, argv, k->packed, frames, v->privcmd);
	close(frames);
	if (rc)
		return rc;
	rc = hv_clear_frames(v, b->domid, b->p2m + b->layout.nr_pages -
			     PLACE_SCRATCH_FRAMES, PLACE_SCRATCH_FRAMES);
	return vane_hv_refused(v, rc, b->config->name, "clearing memory");
}

/* A page of the kernel, as it is in the domain. */
static uint8_t *map_page(struct vane *v, const struct build *b, uint64_t page,
			 int prot)
{
	uint8_t *map = privcmd_map_foreign(v->privcmd, b->domid, prot, b->p2m +
					   b->kernel.place[page], 1, NULL);
	int error = errno;

	if (!map)
		(void)vane_fail(v, -error, "%s: cannot map a page of its "
				"kernel: %s (`vane dmesg` may tell more)",
				b->config->name, strerror(error));
	errno = error;
	return map;
}

/* Behind what a segment is loaded from it is zero, on that page, too. */
static int clear_tail(struct vane *v, const struct build *b,
		      const struct image_segment *seg)
{
	uint64_t end = seg->offset + seg->filesz;
	uint8_t *map;

	if (seg->memsz == seg->filesz || end % PAGE_SIZE == 0)
		return 0;
	map = map_page(v, b, end / PAGE_SIZE, PROT_READ | PROT_WRITE);
	if (!map)
		return -errno;
	memset(map + end % PAGE_SIZE, 0, PAGE_SIZE - end % PAGE_SIZE);
	privcmd_unmap(map, 1);
	return 0;
}

/* Notes go from the domain to their place in the file of headers. */
static int fetch_notes(struct vane *v, const struct build *b,
		       const struct image_notes *n)
{
	uint64_t at = n->offset, end = n->offset + n->size;

	while (at < end) {
		uint64_t in = at % PAGE_SIZE, len = PAGE_SIZE - in;
		uint8_t *map = map_page(v, b, at / PAGE_SIZE, PROT_READ);
		ssize_t done;

		if (!map)
			return -errno;
		if (len > end - at)
			len = end - at;
		done = pwrite(b->kernel.fd, map + in, len, (off_t)at);
		privcmd_unmap(map, 1);
		if (done != (ssize_t)len)
			return vane_no_memory(v, "its kernel's notes");
		at += len;
	}
	return 0;
}

int build_unpack(struct vane *v, struct build *b)
{
	struct kernel_file *k = &b->kernel;
	int rc = unpack(v, b);

	for (unsigned int i = 0; !rc && i < k->image.nr_segments; i++)
		rc = clear_tail(v, b, &k->image.segment[i]);
	for (unsigned int i = 0; !rc && i < k->image.nr_notes; i++)
		rc = fetch_notes(v, b, &k->image.notes[i]);
	if (!rc)
		rc = kernel_parse(v, k);
	if (rc)
		return rc;
	/* Old kernels number their pages otherwise than was assumed here. */
	return k->image.paddr_offset ? -ESTALE : build_layout(v, b);
}
