/*
 * Memory. Two kinds of it:
 * - pages of the arena, a part of .bss: mapped from the start, at the place
 *   that virt_to_pfn() computes. What tests usually want.
 * - bare frames: pseudo-physical frames behind the bootstrap allocation,
 *   which nothing maps. Handed out from the top of memory.
 * Only one vCPU at a time allocates: tests that start others allocate first.
 */
#include "kernel.h"

#ifndef ARENA_PAGES
#define ARENA_PAGES 1792
#endif
#define BARE_MAX 256

static uint8_t arena[ARENA_PAGES][PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));

struct free_page {
	struct free_page *next;
};

uint64_t *p2m;

static struct free_page *free_pages;
static unsigned long free_count;
static unsigned long bare_next, bare_low;
static unsigned long bare_free[BARE_MAX];
static unsigned int bare_free_count;

void memory_init(void)
{
	unsigned long end;

	p2m = (uint64_t *)start_info->mfn_list;
	for (unsigned int i = ARENA_PAGES; i-- > 0;)
		page_free(arena[i]);

	/*
	 * The bootstrap allocation ends at most 4 MiB + 512 KiB behind the
	 * page tables; the P2M list follows it (map, 1.3).
	 */
	end = virt_to_pfn((void *)start_info->pt_base) +
	      start_info->nr_pt_frames + (8ul << (20 - PAGE_SHIFT));
	bare_low = start_info->first_p2m_pfn + start_info->nr_p2m_frames;
	if (bare_low < end)
		bare_low = end;
	bare_next = start_info->nr_pages;
}

void *page_alloc(void)
{
	struct free_page *page = free_pages;

	if (!page)
		panic("out of pages");
	free_pages = page->next;
	free_count--;
	return memset(page, 0, PAGE_SIZE);
}

void page_free(void *page)
{
	struct free_page *p = page;

	p->next = free_pages;
	free_pages = p;
	free_count++;
}

unsigned long pages_free(void)
{
	return free_count;
}

unsigned long pfn_alloc(void)
{
	if (bare_free_count)
		return bare_free[--bare_free_count];
	if (bare_next <= bare_low)
		panic("out of bare frames");
	return --bare_next;
}

void pfn_free(unsigned long pfn)
{
	if (bare_free_count < BARE_MAX)
		bare_free[bare_free_count++] = pfn;
}
