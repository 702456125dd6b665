/*
 * Where Dom0's kernel, its tables and its initrd lie, and the page tables with
 * which it starts.
 *
 *   virt_base           pfn 0; everything up to "end" is mapped one to one
 *     kernel
 *     [initrd]          when the kernel wants it mapped
 *     [P2M list]        when the kernel names no address for it
 *     start_info
 *     page tables       of this region, mapped read-only; the L4 first
 *     boot stack
 *     padding           to a multiple of 4 MiB, half a MiB at least
 *   end
 *     initrd            by pfn, not mapped
 *     P2M list          mapped at the kernel's address, with tables of its own
 *     all other memory
 *
 * The tables are written through the direct map while nobody uses them; they
 * become page tables by validation, like any guest's.
 */
#include "dom0.h"
#include "frame.h"
#include "guest.h"
#include "lib.h"
#include "mm.h"

#define PTE_PAGE_RO (PTE_P | PTE_US | PTE_A | PTE_D)
#define PTE_PAGE (PTE_PAGE_RO | PTE_RW)

#define REGION_ALIGN (4UL << 20)
#define REGION_PADDING (512UL << 10)

/* Tables of levels 1 to 3 that map [start, end), end > start. */
static uint64_t tables_for(uint64_t start, uint64_t end)
{
	unsigned int level, shift = PAGE_SHIFT;
	uint64_t n = 0;

	for (level = 1; level <= 3; level++) {
		shift += 9; /* of what one table covers */
		n += ((end - 1) >> shift) - (start >> shift) + 1;
	}
	return n;
}

/* Start info, tables, stack and padding from @va on; sets l->end. */
static void lay_out_tail(struct dom0_layout *l, uint64_t va)
{
	uint64_t pages = 0;

	l->start_info = va;
	l->pt_base = va + PAGE_SIZE;
	do { /* more tables may push the end into a further table */
		l->pt_pages = pages;
		l->stack = l->pt_base + pages * PAGE_SIZE;
		l->end = ROUND_UP(l->stack + PAGE_SIZE + REGION_PADDING,
				  REGION_ALIGN);
		pages = 1 + tables_for(l->virt_base, l->end);
	} while (pages != l->pt_pages);
}

static const char *check_place(uint64_t start, uint64_t end)
{
	if (start % PAGE_SIZE || end <= start || !va_canonical(start) ||
	    !va_canonical(end - 1) || !guest_range_ok(start, end - start))
		return "its notes ask for addresses that a guest cannot have";
	return NULL;
}

const char *dom0_lay_out(struct dom0_layout *l, const struct elf_kernel *k,
			 uint64_t initrd_len, uint64_t pages)
{
	const uint64_t base = k->note[XEN_ELFNOTE_VIRT_BASE];
	uint64_t va = base + ROUND_UP(k->high, PAGE_SIZE), pfn;
	const char *why;

	*l = (struct dom0_layout){ .virt_base = base };
	l->initrd_pages = DIV_ROUND_UP(initrd_len, PAGE_SIZE);
	l->p2m_pages = DIV_ROUND_UP(pages * sizeof(uint64_t), PAGE_SIZE);
	if (!k->note[XEN_ELFNOTE_MOD_START_PFN] && initrd_len) {
		l->initrd_mapped = true;
		l->initrd_pfn = dom0_va_pfn(l, va);
		va += l->initrd_pages * PAGE_SIZE;
	}
	if (!(k->notes >> XEN_ELFNOTE_INIT_P2M & 1)) {
		l->p2m_inside = true;
		l->p2m_va = va;
		l->p2m_pfn = dom0_va_pfn(l, va);
		l->p2m_frames = l->p2m_pages;
		va += l->p2m_pages * PAGE_SIZE;
	}
	lay_out_tail(l, va);
	why = check_place(l->virt_base, l->end);
	if (why)
		return why;

	pfn = dom0_va_pfn(l, l->end);
	if (!l->initrd_mapped) {
		l->initrd_pfn = pfn;
		pfn += l->initrd_pages;
	}
	if (!l->p2m_inside) {
		l->p2m_va = k->note[XEN_ELFNOTE_INIT_P2M];
		l->p2m_pfn = pfn;
		va = l->p2m_va + l->p2m_pages * PAGE_SIZE;
		why = check_place(l->p2m_va, va);
		if (why)
			return why;
		if (pt_index(l->p2m_va, 4) == pt_index(l->virt_base, 4) ||
		    pt_index(l->p2m_va, 4) != pt_index(va - 1, 4))
			return "its P2M list needs an L4 slot of its own";
		l->p2m_frames = l->p2m_pages + tables_for(l->p2m_va, va);
		pfn += l->p2m_frames;
	}
	if (pfn > pages)
		return "Dom0's memory is too small for it: see dom0_mem=";
	return NULL;
}

/* A run of pfns from which tables are taken, in the order of need. */
struct table_pool {
	const struct dom0_memory *m;
	uint64_t next, end;
};

static mfn_t take_table(struct table_pool *pool)
{
	assert(pool->next < pool->end);
	(void)dom0_clear(pool->m, pool->next);
	return dom0_mfn(pool->m, pool->next++);
}

/* The L1 entry for @va under @l4, with all tables above it. */
static uint64_t *l1_entry(struct table_pool *pool, uint64_t *l4, uint64_t va)
{
	uint64_t *table = l4, *e;
	unsigned int level;

	for (level = 4; level > 1; level--) {
		e = &table[pt_index(va, level)];
		if (!*e)
			*e = mfn_paddr(take_table(pool)) | PTE_PAGE;
		table = frame_virt(frame_of(pte_mfn(*e)));
	}
	return &table[pt_index(va, 1)];
}

/* Maps @pages pfns from @pfn on at @va. */
static void map_pages(struct table_pool *pool, uint64_t *l4, uint64_t va,
		      uint64_t pfn, uint64_t pages, uint64_t flags)
{
	uint64_t *pte = NULL;

	for (; pages > 0; pages--, pfn++, va += PAGE_SIZE) {
		if (!pte || pt_index(va, 1) == 0)
			pte = l1_entry(pool, l4, va);
		*pte++ = mfn_paddr(dom0_mfn(pool->m, pfn)) | flags;
	}
}

static void write_p2m(const struct dom0_layout *l, const struct dom0_memory *m)
{
	const unsigned int per_page = PAGE_SIZE / sizeof(uint64_t);
	uint64_t i, pfn, *list = NULL;
	unsigned int c;

	(void)dom0_clear(m, l->p2m_pfn + l->p2m_pages - 1); /* its tail */
	for (c = 0; c < m->chunks; c++) {
		for (i = 0; i < 1UL << m->chunk[c].order; i++) {
			pfn = m->chunk[c].pfn + i;
			if (!list || pfn % per_page == 0)
				list = dom0_page(m, l->p2m_pfn +
						 pfn / per_page);
			list[pfn % per_page] = m->chunk[c].mfn + i;
			m2p_set(MFN(m->chunk[c].mfn + i), pfn);
		}
	}
}

uint64_t dom0_build_tables(const struct dom0_layout *l,
			   const struct dom0_memory *m)
{
	uint64_t first = dom0_va_pfn(l, l->pt_base);
	uint64_t region_end = dom0_va_pfn(l, l->end);
	struct table_pool pool = { m, first + 1, first + l->pt_pages };
	uint64_t *l4 = dom0_clear(m, first);

	write_p2m(l, m);
	map_pages(&pool, l4, l->virt_base, 0, first, PTE_PAGE);
	map_pages(&pool, l4, l->pt_base, first, l->pt_pages, PTE_PAGE_RO);
	map_pages(&pool, l4, l->stack, first + l->pt_pages,
		  region_end - first - l->pt_pages, PTE_PAGE);
	assert(pool.next == pool.end);
	if (l->p2m_inside)
		return first;

	pool = (struct table_pool){ m, l->p2m_pfn + l->p2m_pages,
				    l->p2m_pfn + l->p2m_frames };
	map_pages(&pool, l4, l->p2m_va, l->p2m_pfn, l->p2m_pages, PTE_PAGE);
	assert(pool.next == pool.end);
	return first;
}
