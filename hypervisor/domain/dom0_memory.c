/*
 * Dom0's memory: how much, and from where. It comes in the largest aligned
 * blocks that the heap has, in falling order, so that a block's first pfn is as
 * aligned as its first frame: Dom0's kernel then finds most of its DMA buffers
 * contiguous as they are and need not exchange them.
 *
 * Some memory below 4 GiB stays free for those that it must exchange.
 */
#include "boot.h"
#include "dom0.h"
#include "frame.h"
#include "printk.h"

#define MIB (1024 * 1024UL)
#define MIB_PAGES(n) ((n) * MIB / PAGE_SIZE)

#define LARGEST_ORDER 18 /* 1 GiB */

/* Kept below 4 GiB while Dom0 takes its share: LOW_BLOCKS of this order. */
#define LOW_ORDER 12 /* 16 MiB */
#define LOW_BLOCKS 5

struct sizes {
	uint64_t pages, max_pages; /* 0: not given */
};

static uint64_t size_to_pages(const char *s, const char **end)
{
	bool negative = *s == '-';
	uint64_t n = str_to_size(s + negative, end) >> PAGE_SHIFT;
	uint64_t free = heap_free_frames();

	if (!negative)
		return n;
	return n < free ? free - n : 0; /* "-256M": all but that much */
}

/* dom0_mem=SIZE,max:SIZE; min: bounds are understood, and the size wins. */
static struct sizes wanted(void)
{
	struct sizes s = { 0 };
	char buf[64];
	const char *p = boot_option("dom0_mem", buf, sizeof(buf));

	while (p && *p) {
		if (!strncmp(p, "max:", 4))
			s.max_pages = size_to_pages(p + 4, &p);
		else if (!strncmp(p, "min:", 4))
			(void)size_to_pages(p + 4, &p);
		else
			s.pages = size_to_pages(p, &p);
		if (*p && *p != ',') {
			log_line(LOG_WARNING, "dom0_mem=%s: not understood "
				 "from \"%s\" on", buf, p);
			break;
		}
		p += *p == ',';
	}
	return s;
}

static uint64_t choose_pages(const struct sizes *s)
{
	/* What is left for others when nobody says otherwise. */
	uint64_t reserve = max(heap_total_frames() / 16, MIB_PAGES(128));
	uint64_t free = heap_free_frames(), pages = s->pages;

	if (pages == 0)
		pages = free > 2 * reserve ? free - reserve : free / 2;
	if (s->max_pages)
		pages = min(pages, s->max_pages);
	/* Tables of other domains, page lists and stacks need some. */
	reserve = min(free / 16, MIB_PAGES(32));
	if (pages > free - reserve) {
		pages = free - reserve;
		log_line(LOG_WARNING, "dom0_mem: only %lu MiB to give",
			 pages * PAGE_SIZE / MIB);
	}
	return pages;
}

static void take_chunks(struct domain *d, struct dom0_memory *m,
			uint64_t pages)
{
	unsigned int order = LARGEST_ORDER;
	mfn_t first;

	while (m->pages < pages && m->chunks < DOM0_CHUNKS) {
		while (order > 0 && 1UL << order > pages - m->pages)
			order--;
		if (domain_alloc_frames(d, order, 0, &first)) {
			if (order == 0)
				break;
			order--;
			continue;
		}
		m->chunk[m->chunks++] = (struct dom0_chunk){
			.pfn = m->pages, .mfn = first.n, .order = order,
		};
		m->pages += 1UL << order;
	}
}

void dom0_allocate(struct domain *d, struct dom0_memory *m, uint64_t needed)
{
	struct sizes s = wanted();
	uint64_t pages = choose_pages(&s);
	void *low[LOW_BLOCKS];
	unsigned int i;

	if (pages < needed)
		panic("Dom0 gets %lu MiB, its kernel and initrd need %lu: "
		      "give more with dom0_mem=", pages * PAGE_SIZE / MIB,
		      DIV_ROUND_UP(needed * PAGE_SIZE, MIB));

	d->max_pages = max(s.max_pages, pages);
	for (i = 0; i < LOW_BLOCKS; i++)
		low[i] = heap_free_frames() > pages + (1UL << LOW_ORDER) ?
			hv_alloc_pages(LOW_ORDER, FRAME_LOW) : NULL;
	take_chunks(d, m, pages);
	for (i = 0; i < LOW_BLOCKS; i++)
		if (low[i])
			hv_free_pages(low[i], LOW_ORDER);

	if (m->pages < needed)
		panic("Dom0: memory is too scattered, only %lu MiB found",
		      m->pages * PAGE_SIZE / MIB);
}

mfn_t dom0_mfn(const struct dom0_memory *m, uint64_t pfn)
{
	unsigned int i;

	for (i = 0; i < m->chunks; i++)
		if (pfn - m->chunk[i].pfn < 1UL << m->chunk[i].order)
			return MFN(m->chunk[i].mfn + pfn - m->chunk[i].pfn);
	panic("Dom0 has no pfn %lx", pfn);
}

void *dom0_page(const struct dom0_memory *m, uint64_t pfn)
{
	return frame_virt(frame_of(dom0_mfn(m, pfn)));
}

void *dom0_clear(const struct dom0_memory *m, uint64_t pfn)
{
	return memset(dom0_page(m, pfn), 0, PAGE_SIZE);
}

void dom0_copy(const struct dom0_memory *m, uint64_t pa, const void *src,
	       uint64_t len)
{
	const uint8_t *from = src;
	uint8_t *to;
	uint64_t n;

	for (; len > 0; len -= n, pa += n) {
		n = min(len, PAGE_SIZE - pa % PAGE_SIZE);
		to = (uint8_t *)dom0_page(m, pa >> PAGE_SHIFT) +
		     pa % PAGE_SIZE;
		if (from) {
			memcpy(to, from, n);
			from += n;
		} else {
			memset(to, 0, n);
		}
	}
}
