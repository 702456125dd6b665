/* States of a frame for the allocator, and what memory.c needs of it. */
#ifndef PV_HEAP_H
#define PV_HEAP_H

#include "frame.h"

enum {
	FRAME_NOT_RAM,    /* zero: also what holes of the table show */
	FRAME_USED,       /* in use, or inside a free block */
	FRAME_FREE_CLEAN, /* head of a free block of zeroes */
	FRAME_FREE_DIRTY, /* head of a free block to be scrubbed */
	FRAME_SLAB,       /* holds small objects */
};

#define MAX_ORDER 18 /* 1 GiB */
/* `order` of a page that frame_share() gave a domain: not on its list. */
#define FRAME_SHARED_MARK 0xff

/* Lists of records by mfn; 0 ends them. */
static inline void frame_list_push(uint32_t *head, struct frame *f)
{
	f->prev = 0;
	f->next = *head;
	*head = (uint32_t)frame_mfn(f).n;
	if (f->next)
		frame_of(MFN(f->next))->prev = *head;
}

static inline void frame_list_remove(uint32_t *head, struct frame *f)
{
	if (f->prev)
		frame_of(MFN(f->prev))->next = f->next;
	else
		*head = f->next;
	if (f->next)
		frame_of(MFN(f->next))->prev = f->prev;
}

/* A block of 2^order frames; NULL: none below the limit (0: no limit). */
struct frame *heap_alloc(unsigned int order, unsigned int address_bits,
			 bool zero);
void heap_free(struct frame *f, unsigned int order, bool clean);

#endif
