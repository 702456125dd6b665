/*
 * The arithmetic of a domain's first memory layout, and its page tables.
 */
#include "toolstack/libvane/layout.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define PAGE		4096ull
#define FOUR_MIB	(4ull << 20)
/* Mapped room behind the boot stack that a kernel may count on. */
#define SLACK		(512ull << 10)

#define PTE_PRESENT	0x01ull
#define PTE_RW		0x02ull
#define PTE_USER	0x04ull
#define PTE_ACCESSED	0x20ull
#define PTE_DIRTY	0x40ull
#define LEAF		(PTE_PRESENT | PTE_RW | PTE_USER | PTE_ACCESSED)
#define LEAF_RO		(PTE_PRESENT | PTE_USER | PTE_ACCESSED)
#define UPPER		(LEAF | PTE_DIRTY)

#define L1_SHIFT	12
#define L2_SHIFT	21
#define L3_SHIFT	30
#define L4_SHIFT	39

static uint64_t round_up(uint64_t value, uint64_t to)
{
	return (value + to - 1) / to * to;
}

/* Tables of one level, each spanning 1 << @shift bytes, that a range needs. */
static unsigned int spans(uint64_t start, uint64_t end, unsigned int shift)
{
	return ((end - 1) >> shift) - (start >> shift) + 1;
}

static void tables_size(struct tables *t)
{
	t->nr_l3 = spans(t->start, t->end, L4_SHIFT);
	t->nr_l2 = spans(t->start, t->end, L3_SHIFT);
	t->nr_l1 = spans(t->start, t->end, L2_SHIFT);
}

unsigned int tables_count(const struct tables *t)
{
	return t->nr_l4 + t->nr_l3 + t->nr_l2 + t->nr_l1;
}

static int __attribute__((format(printf, 3, 4)))
refuse(struct image_error *err, int rc, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(err->text, sizeof(err->text), fmt, ap);
	va_end(ap);
	return rc;
}

/*
 * The tables must map themselves: their number follows from the end of the
 * region, which follows from their number. It only grows, so it settles.
 */
static int size_boot(struct layout *l, struct image_error *err)
{
	struct tables *t = &l->boot;
	uint64_t size;

	t->start = l->virt_base;
	t->nr_l4 = 1;
	t->end = t->start + FOUR_MIB;
	for (;;) {
		tables_size(t);
		/* tables, then the boot stack */
		size = (t->pfn + tables_count(t) + 1) * PAGE;
		size = round_up(size + SLACK, FOUR_MIB);
		if (size > UINT64_MAX - l->virt_base)
			return refuse(err, -ENOEXEC, "is too large for its "
				      "addresses from %#llx on",
				      (unsigned long long)l->virt_base);
		if (t->start + size == t->end)
			return 0;
		t->end = t->start + size;
	}
}

/* The P2M list at INIT_P2M: in L4 slots of its own, or refused. */
static int size_p2m(struct layout *l, struct image_error *err)
{
	struct tables *t = &l->p2m;
	uint64_t first, last;

	t->start = l->p2m_va;
	t->end = t->start + l->p2m_pages * PAGE;
	if (t->end <= t->start)
		return refuse(err, -ENOEXEC, "INIT_P2M %#llx is impossible",
			      (unsigned long long)t->start);
	first = t->start >> L4_SHIFT;
	last = (t->end - 1) >> L4_SHIFT;
	if (last >= 256)		/* where all its users keep it */
		return refuse(err, -ENOEXEC, "INIT_P2M %#llx does not lie in "
			      "the lower half", (unsigned long long)t->start);
	if (last >= l->boot.start >> L4_SHIFT &&
	    first <= (l->boot.end - 1) >> L4_SHIFT)
		return refuse(err, -ENOEXEC, "INIT_P2M %#llx collides with "
			      "the kernel", (unsigned long long)t->start);
	tables_size(t);
	return 0;
}

int layout_make(struct layout *layout, const struct image *image,
		uint64_t ramdisk_size, uint64_t nr_pages,
		struct image_error *err)
{
	struct layout l = { .virt_base = image->virt_base };
	uint64_t next;
	int rc;

	l.nr_pages = nr_pages;
	l.kernel_pfn = (image->paddr_start - image->paddr_offset) / PAGE;
	next = round_up(image->paddr_end - image->paddr_offset, PAGE) / PAGE;
	l.kernel_pages = next - l.kernel_pfn;
	l.ramdisk_pages = round_up(ramdisk_size, PAGE) / PAGE;
	l.ramdisk_mapped = !image->mod_start_pfn;
	l.p2m_pages = round_up(nr_pages * sizeof(uint64_t), PAGE) / PAGE;
	l.p2m_separate = image->has_init_p2m;

	if (l.ramdisk_pages && l.ramdisk_mapped) {
		l.ramdisk_pfn = next;
		next += l.ramdisk_pages;
	}
	if (!l.p2m_separate) {
		l.p2m_pfn = next;
		l.p2m_va = l.virt_base + next * PAGE;
		next += l.p2m_pages;
	}
	l.start_info_pfn = next++;
	l.store_pfn = next++;
	l.console_pfn = next++;
	l.boot.pfn = next;
	rc = size_boot(&l, err);
	if (rc)
		return rc;
	l.stack_pfn = l.boot.pfn + tables_count(&l.boot);
	next = (l.boot.end - l.boot.start) / PAGE;
	if (l.ramdisk_pages && !l.ramdisk_mapped) {
		l.ramdisk_pfn = next;
		next += l.ramdisk_pages;
	}
	if (l.p2m_separate) {
		l.p2m_va = image->init_p2m;
		l.p2m_pfn = next;
		rc = size_p2m(&l, err);
		if (rc)
			return rc;
		l.p2m.pfn = next + l.p2m_pages;
		next = l.p2m.pfn + tables_count(&l.p2m);
	}
	l.used_pages = next;
	*layout = l;
	if (next > nr_pages)
		return refuse(err, -ENOMEM, "kernel, ramdisk and tables take "
			      "%llu KiB, the domain has %llu KiB of memory",
			      (unsigned long long)next * 4,
			      (unsigned long long)nr_pages * 4);
	return 0;
}

/*
 * Fills one level: entry i of the level's tables, counted through all of
 * them from the slot of the range's start, points to the i-th table below.
 */
static void fill_level(uint64_t *level, uint64_t start, unsigned int shift,
		       const uint64_t *mfn_below, unsigned int nr_below)
{
	unsigned int slot = (start >> shift) & 511;

	for (unsigned int i = 0; i < nr_below; i++)
		level[slot + i] = mfn_below[i] << L1_SHIFT | UPPER;
}

void tables_fill(const struct tables *t, uint64_t *l4, uint64_t *frames,
		 const uint64_t *p2m, uint64_t pfn, uint64_t pages,
		 uint64_t ro_first, uint64_t ro_count)
{
	const uint64_t *mfn = p2m + t->pfn + t->nr_l4;
	uint64_t *l3 = frames + t->nr_l4 * 512;
	uint64_t *l2 = l3 + t->nr_l3 * 512;
	uint64_t *l1 = l2 + t->nr_l2 * 512;
	unsigned int slot = (t->start >> L1_SHIFT) & 511;

	memset(frames, 0, tables_count(t) * PAGE);
	fill_level(l4, t->start, L4_SHIFT, mfn, t->nr_l3);
	fill_level(l3, t->start, L3_SHIFT, mfn + t->nr_l3, t->nr_l2);
	fill_level(l2, t->start, L2_SHIFT, mfn + t->nr_l3 + t->nr_l2,
		   t->nr_l1);
	l1 += slot;
	for (uint64_t i = 0; i < pages; i++)
		l1[i] = p2m[pfn + i] << L1_SHIFT | LEAF;
	for (uint64_t i = 0; i < ro_count; i++)
		if (ro_first + i - pfn < pages)
			l1[ro_first + i - pfn] = p2m[ro_first + i] << L1_SHIFT |
						 LEAF_RO;
}
