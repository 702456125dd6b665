/*
 * Which guest frame each page of an ELF file goes to, if the file is unpacked
 * straight to a domain's memory. See layout.h.
 */
#include "toolstack/libvane/layout.h"

#include <elf.h>
#include <stdlib.h>
#include <string.h>

#define PAGE		4096ul
#define NOTES_MAX	(64ul << 10)

static uint64_t page_up(uint64_t bytes)
{
	return (bytes + PAGE - 1) / PAGE;
}

/* Whether a segment has each of its pages for itself, and fits below @end. */
static bool place_segment(const struct image_segment *seg, uint32_t *place,
			  uint64_t end)
{
	uint64_t page = seg->offset / PAGE, pfn = seg->paddr / PAGE;
	uint64_t last = page_up(seg->offset + seg->filesz);

	if (seg->offset % PAGE != seg->paddr % PAGE ||
	    pfn >= end || page_up(seg->paddr + seg->memsz) > end)
		return false;
	for (; page < last; page++, pfn++) {
		if (place[page] != PLACE_SCRATCH)
			return false;
		place[page] = (uint32_t)pfn;
	}
	return true;
}

static bool overlap(const struct image_segment *a,
		    const struct image_segment *b)
{
	return a->paddr / PAGE < page_up(b->paddr + b->memsz) &&
		b->paddr / PAGE < page_up(a->paddr + a->memsz);
}

/* Whether no guest frame is the place of two pages. */
static bool are_apart(const struct image *image)
{
	for (unsigned int i = 0; i < image->nr_segments; i++)
		for (unsigned int k = 0; k < i; k++)
			if (overlap(&image->segment[i], &image->segment[k]))
				return false;
	return true;
}

/* Whether they are in the domain, then. */
static bool are_loaded(const struct image_notes *n, const uint32_t *place)
{
	if (n->size > NOTES_MAX)
		return false;
	for (uint64_t page = n->offset / PAGE;
	     page < page_up(n->offset + n->size); page++)
		if (place[page] == PLACE_SCRATCH)
			return false;
	return true;
}

/* Whether the program headers are among the bytes that there are. */
static bool has_headers(const uint8_t *elf, size_t head)
{
	Elf64_Ehdr eh;

	if (head < sizeof(eh))
		return false;
	memcpy(&eh, elf, sizeof(eh));
	return eh.e_phoff <= head &&
		eh.e_phnum <= (head - eh.e_phoff) / sizeof(Elf64_Phdr);
}

int place_pages(const uint8_t *elf, size_t len, size_t head, uint64_t nr_pages,
		struct image *image, uint32_t **place)
{
	uint64_t bytes = page_up(len) * sizeof(**place);
	struct image_error err;
	uint32_t *p;
	bool fits;

	if (!has_headers(elf, head < len ? head : len) ||
	    nr_pages < PLACE_SCRATCH_FRAMES || nr_pages > PLACE_SCRATCH ||
	    image_headers(elf, len, image, &err))
		return -ENOTSUP;
	p = malloc(bytes);
	if (!p)
		return -ENOMEM;
	memset(p, 0xff, bytes);
	fits = are_apart(image);
	for (unsigned int i = 0; fits && i < image->nr_segments; i++)
		fits = place_segment(&image->segment[i], p,
				     nr_pages - PLACE_SCRATCH_FRAMES);
	for (unsigned int i = 0; fits && i < image->nr_notes; i++)
		fits = are_loaded(&image->notes[i], p);
	if (!fits) {
		free(p);
		return -ENOTSUP;
	}
	*place = p;
	return 0;
}
