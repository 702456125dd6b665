/* What the parts of the Dom0 builder share (domain/dom0_*.c). */
#ifndef PV_DOM0_H
#define PV_DOM0_H

#include <xen/elfnote.h>

#include "domain.h"

/* What elf.c finds in the kernel's file. */
struct elf_kernel {
	const uint8_t *file;
	uint64_t size;
	const struct elf_segment *segment, *segments_end;

	/* What the notes say, by number, and a bit for each that was there. */
	uint64_t note[XEN_ELFNOTE_MAX + 1];
	uint32_t notes;

	/* Pseudo-physical range that the segments fill, bytes: [low, high). */
	uint64_t low, high;
};

/*
 * elf.c: reads headers and notes of the file at @file. NULL, or the reason why
 * it cannot be started as a PV kernel, as a constant sentence.
 */
must_check const char *elf_parse(struct elf_kernel *k, const void *file,
				 uint64_t size);

/* A run of machine frames that holds consecutive pfns. */
struct dom0_chunk {
	uint64_t pfn, mfn;
	unsigned int order;
};

#define DOM0_CHUNKS 256

struct dom0_memory {
	uint64_t pages;
	unsigned int chunks;
	struct dom0_chunk chunk[DOM0_CHUNKS];
};

/*
 * dom0_memory.c: gives @d its memory as dom0_mem= says. Panics when that is
 * less than @needed pages, which the kernel and its initrd take.
 */
void dom0_allocate(struct domain *d, struct dom0_memory *m, uint64_t needed);
mfn_t dom0_mfn(const struct dom0_memory *m, uint64_t pfn);
/*
 * The page of @pfn in the direct map. It holds whatever was there before the
 * machine came to us, until cleared.
 */
void *dom0_page(const struct dom0_memory *m, uint64_t pfn);
void *dom0_clear(const struct dom0_memory *m, uint64_t pfn);
/* elf.c: puts the image, as parsed, where its segments belong. */
void elf_load(const struct elf_kernel *k, const struct dom0_memory *m);
/* Copies to pseudo-physical address @pa on; @src NULL: zeroes. */
void dom0_copy(const struct dom0_memory *m, uint64_t pa, const void *src,
	       uint64_t len);

/* Where everything lies; addresses as the kernel sees them at its start. */
struct dom0_layout {
	uint64_t virt_base;          /* va of pfn 0 */
	uint64_t start_info, pt_base, stack, end; /* page-aligned vas */
	uint64_t pt_pages;           /* of the region virt_base..end */
	uint64_t initrd_pfn, initrd_pages;
	bool initrd_mapped;          /* inside the region, else behind it */
	uint64_t p2m_va, p2m_pages;  /* pages of the list */
	bool p2m_inside;             /* in the region: no INIT_P2M note */
	uint64_t p2m_pfn, p2m_frames; /* list and its own page tables */
};

/* dom0_layout.c: NULL, or why this kernel cannot be laid out. */
must_check const char *dom0_lay_out(struct dom0_layout *l,
				    const struct elf_kernel *k,
				    uint64_t initrd_len, uint64_t pages);
/* dom0_layout.c: writes the P2M list and all page tables; the L4's pfn. */
uint64_t dom0_build_tables(const struct dom0_layout *l,
			   const struct dom0_memory *m);

static inline uint64_t dom0_va_pfn(const struct dom0_layout *l, uint64_t va)
{
	return (va - l->virt_base) >> PAGE_SHIFT;
}

#endif
