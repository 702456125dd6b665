/*
 * Where things lie in a new domain: pure arithmetic, no domain needed.
 *
 * Guest frames (pfn) from 0 on, virtual = VIRT_BASE + pfn * 4096 up to
 * `boot_end`:
 *
 *   padding | kernel | ramdisk* | P2M list* | start_info | store page |
 *   console page | page tables | boot stack | mapped padding
 *   ... boot_end, a multiple of 4 MiB; from here on unmapped:
 *   ramdisk | P2M list, its own page tables
 *
 * (*) only for kernels that cannot take them unmapped. The page tables of the
 * boot region are the L4, then all L3, L2 and L1 in the order of their
 * addresses; those of the P2M list come behind it likewise, without an L4.
 * Facts: include/public xen.h, "the initial memory layout of a PV guest".
 */
#ifndef TOOLSTACK_LIBVANE_LAYOUT_H
#define TOOLSTACK_LIBVANE_LAYOUT_H

#include "toolstack/libvane/image.h"

/* Page tables for one virtual range: counts of frames per level. */
struct tables {
	uint64_t start, end;		/* virtual, page aligned; end > start */
	uint64_t pfn;			/* of the first table */
	unsigned int nr_l4, nr_l3, nr_l2, nr_l1;
};

struct layout {
	uint64_t virt_base;
	uint64_t nr_pages;		/* of the domain */
	uint64_t kernel_pfn, kernel_pages;
	uint64_t ramdisk_pfn, ramdisk_pages;
	bool ramdisk_mapped;
	uint64_t p2m_va, p2m_pfn, p2m_pages; /* without tables */
	bool p2m_separate;		/* mapped at INIT_P2M */
	uint64_t start_info_pfn, store_pfn, console_pfn;
	struct tables boot;		/* from virt_base to boot_end */
	struct tables p2m;		/* if p2m_separate */
	uint64_t stack_pfn;
	uint64_t used_pages;		/* everything above lies below this */
};

/**
 * Lays out a domain of @nr_pages with @image and a ramdisk of
 * @ramdisk_size bytes (0: none). Returns 0, -ENOMEM when it does not fit
 * (layout->used_pages says what it takes), or -ENOEXEC for addresses that
 * collide; @err has the reason.
 */
int layout_make(struct layout *layout, const struct image *image,
		uint64_t ramdisk_size, uint64_t nr_pages,
		struct image_error *err);

/* Number of tables in all. */
unsigned int tables_count(const struct tables *t);

/**
 * Fills page tables.
 *
 * @l4: the L4 frame, which both ranges of a domain share.
 * @frames: @t's own tables, as mapped memory: t->nr_l4 + nr_l3 + ... pages
 *          in order (of boot, the first is the L4 itself).
 * @p2m: machine frame of each pfn.
 * @pfn: guest frame that the first address of the range maps to.
 * @pages: pages that are mapped from there on.
 * @ro_first, @ro_count: guest frames that are mapped read-only (the tables).
 */
void tables_fill(const struct tables *t, uint64_t *l4, uint64_t *frames,
		 const uint64_t *p2m, uint64_t pfn, uint64_t pages,
		 uint64_t ro_first, uint64_t ro_count);

/*
 * A page that no segment is loaded from: headers, padding, relocations. Such
 * pages share frames in turns. LZ4 looks back 64 KiB, so these must not be
 * fewer than 17.
 */
#define PLACE_SCRATCH		UINT32_MAX
#define PLACE_SCRATCH_FRAMES	32u

/**
 * Where to unpack an ELF file of @len bytes, of which the first @head are
 * known, in a domain of @nr_pages: each page of the file goes to one guest
 * frame, whole. The domain's last PLACE_SCRATCH_FRAMES stay free.
 *
 * Returns 0, *@image with what the headers say, and *@place with a guest frame
 * or PLACE_SCRATCH for each page, to be freed; -ENOTSUP: it cannot be done
 * like that, whether the file is a kernel or not; or -ENOMEM.
 */
int place_pages(const uint8_t *elf, size_t len, size_t head, uint64_t nr_pages,
		struct image *image, uint32_t **place);

#endif
