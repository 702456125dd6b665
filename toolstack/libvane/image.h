/*
 * Kernel images: from a file's bytes to an ELF kernel and what it says about
 * itself. Pure functions over memory: a fuzzer and the host tests drive them.
 */
#ifndef TOOLSTACK_LIBVANE_IMAGE_H
#define TOOLSTACK_LIBVANE_IMAGE_H

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define IMAGE_MAX_SEGMENTS	32
#define IMAGE_MAX_SIZE		((size_t)512 << 20)

/* One piece to load. */
struct image_segment {
	uint64_t paddr;			/* from the guest's physical address */
	uint64_t offset, filesz;	/* its bytes in the ELF file */
	uint64_t memsz;			/* >= filesz; the rest is zero */
};

struct image_notes {
	uint64_t offset, size;		/* in the ELF file */
};

/* An ELF kernel for a PV guest. Addresses are virtual unless named paddr. */
struct image {
	struct image_segment segment[IMAGE_MAX_SEGMENTS];
	unsigned int nr_segments;
	struct image_notes notes[IMAGE_MAX_SEGMENTS];
	unsigned int nr_notes;
	uint64_t paddr_start, paddr_end; /* of all segments */
	uint64_t virt_base;		/* of the guest's page 0 */
	uint64_t paddr_offset;
	uint64_t entry;
	bool has_init_p2m;
	uint64_t init_p2m;		/* where the P2M list is to be mapped */
	bool mod_start_pfn;		/* takes a ramdisk that is not mapped */
	bool has_hypercall_page;
	uint64_t hypercall_page;
	bool has_notes;			/* owner "Xen" */
	char guest_os[32];
};

/* Why an image was refused: one sentence without the file's name. */
struct image_error {
	char text[160];
};

/** Says why an image is unfit. Returns -ENOEXEC. */
static inline int __attribute__((format(printf, 2, 3)))
unfit(struct image_error *err, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return -ENOEXEC;
}

enum image_kind { IMAGE_ELF, IMAGE_BZIMAGE, IMAGE_UNKNOWN };

enum image_kind image_kind(const uint8_t *file, size_t len);

/**
 * Reads the headers and notes of an ELF kernel. Returns 0, or -ENOEXEC with
 * the reason in *@err. No segment of a returned image reaches outside of
 * @file, and no address sum of it wraps around.
 */
int image_parse(const uint8_t *file, size_t len, struct image *image,
		struct image_error *err);

/**
 * Reads the headers alone: segments, where notes are, and the ELF header's
 * entry. What image_parse() would refuse is refused, as far as they tell.
 */
int image_headers(const uint8_t *file, size_t len, struct image *image,
		  struct image_error *err);

#endif
