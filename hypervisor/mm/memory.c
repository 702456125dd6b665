/*
 * The hypervisor's own address space, built once at boot: all RAM one to one,
 * frame records, machine-to-physical table, the image with its protections,
 * windows for device memory and descriptors. The sixteen L4 entries made here
 * are copied into every guest L4 and never change afterwards: all later maps
 * go below tables that exist already.
 */
#include "mm.h"
#include "boot.h"
#include "cpu.h"
#include "desc.h"
#include "features.h"
#include "heap.h"
#include "lib.h"
#include "printk.h"

uint64_t *hv_l4;
static uint64_t mmio_next = MMIO_BASE;
uint64_t frame_limit;
static bool tables_live;     /* hv_l4 is loaded: heap works */
mfn_t zero_mfn;

extern char image_start[], text_end[], rodata_end[], image_end[];

#define FLAGS_RW (PTE_P | PTE_RW | PTE_A | PTE_D | PTE_G)
#define FLAGS_DATA (FLAGS_RW | PTE_NX)
#define FLAGS_MMIO (FLAGS_DATA | PTE_PCD | PTE_PWT)
#define SIZE_2M 0x200000UL
#define LOW_LIMIT 0x100000000UL

/* --- memory before the heap exists --- */

struct range {
	paddr_t start, end;
};

/* Memory in use at boot; device memory that no guest may map. */
static struct ranges {
	unsigned int count;
	struct range r[32];
} taken, hv_mmio;

static void ranges_add(struct ranges *s, paddr_t start, paddr_t end)
{
	if (s->count == ARRAY_SIZE(s->r))
		panic("too many reserved ranges of memory");
	s->r[s->count++] = (struct range){ start & PAGE_MASK,
					   ROUND_UP(end, PAGE_SIZE) };
}

static const struct range *ranges_find(const struct ranges *s, paddr_t start,
				       paddr_t end)
{
	unsigned int i;

	for (i = 0; i < s->count; i++)
		if (start < s->r[i].end && end > s->r[i].start)
			return &s->r[i];
	return NULL;
}

/* Highest free place within [start, end); 0: none. */
static paddr_t highest_free(paddr_t start, paddr_t end, size_t size,
			    size_t align)
{
	const struct range *t;
	paddr_t at;

	while (end >= start + size) {
		at = (end - size) & ~(align - 1);
		if (at < start)
			return 0;
		t = ranges_find(&taken, at, at + size);
		if (!t)
			return at;
		end = t->start;
	}
	return 0;
}

/* From RAM below 4 GiB, which the boot tables show. */
static paddr_t boot_alloc(size_t size, size_t align)
{
	paddr_t best = 0;
	unsigned int i;

	for (i = 0; i < boot_info.map_entries; i++) {
		const struct e820entry *e = &boot_info.map[i];
		paddr_t end = min(e->addr + e->size, LOW_LIMIT);

		if (e->type == 1)
			best = max(best, highest_free(e->addr, end, size,
						      align));
	}
	if (best < 0x100000)
		panic("no memory for %lu bytes at boot", size);
	/* Tables grow downwards page by page: one range holds them. */
	if (taken.count && taken.r[taken.count - 1].start == best + size)
		taken.r[taken.count - 1].start = best;
	else
		ranges_add(&taken, best, best + size);
	memset((void *)(DIRECT_BASE + best), 0, size);
	return best;
}

static uint64_t *table_page(void)
{
	void *p;

	if (!tables_live)
		return (void *)(DIRECT_BASE + boot_alloc(PAGE_SIZE, PAGE_SIZE));
	p = hv_alloc_pages(0, FRAME_ZERO);
	if (!p)
		panic("no memory for the hypervisor's page tables");
	return p;
}

/* --- page tables --- */

static uint64_t *table_below(uint64_t *entry, uint64_t user)
{
	uint64_t *t;

	if (!(*entry & PTE_P)) {
		t = table_page();
		*entry = ((uint64_t)t - DIRECT_BASE) | PTE_P | PTE_RW | PTE_A |
			 PTE_D | user;
	}
	return (uint64_t *)(DIRECT_BASE + (*entry & PTE_MFN_MASK));
}

/* Entry for va at level 1, 2 or 3; makes the tables above. */
static uint64_t *entry_at(uint64_t va, unsigned int level, uint64_t user)
{
	uint64_t *t = hv_l4;
	unsigned int l;

	for (l = 4; l > level; l--)
		t = table_below(&t[pt_index(va, l)], user);
	return &t[pt_index(va, level)];
}

static void map_range(uint64_t va, paddr_t pa, size_t len, uint64_t flags)
{
	unsigned int level;
	uint64_t step;

	for (; len > 0; va += step, pa += step, len -= step) {
		/* the largest page that fits: 1 GiB, 2 MiB, 4 KiB */
		level = features.page1g ? 3 : 2;
		for (; level > 1; level--) {
			step = PAGE_SIZE << 9 * (level - 1);
			if (!((va | pa) & (step - 1)) && len >= step)
				break;
		}
		step = PAGE_SIZE << 9 * (level - 1);
		*entry_at(va, level, flags & PTE_US) =
			pa | flags | (level > 1 ? PTE_PSE : 0);
	}
}

static void map_part(const char *start, const char *end, uint64_t flags)
{
	map_range((uint64_t)start, (uint64_t)start - IMAGE_BASE,
		  (size_t)(end - start), flags);
}

static void map_image(void)
{
	map_part(image_start, text_end, PTE_P | PTE_A | PTE_G);
	map_part(text_end, rodata_end, PTE_P | PTE_A | PTE_G | PTE_NX);
	map_part(rodata_end, image_end, FLAGS_DATA);
}

/* Backs [va, va+len) of a sparse table with fresh 2 MiB pages. */
static void back_table(uint64_t va, size_t len, int fill, uint64_t ro_va)
{
	uint64_t end = ROUND_UP(va + len, SIZE_2M);
	uint64_t delta = ro_va - M2P_RW_BASE;
	paddr_t pa;

	for (va &= ~(SIZE_2M - 1); va < end; va += SIZE_2M) {
		if (*entry_at(va, 2, 0) & PTE_P)
			continue;
		pa = boot_alloc(SIZE_2M, SIZE_2M);
		memset((void *)(DIRECT_BASE + pa), fill, SIZE_2M);
		map_range(va, pa, SIZE_2M, FLAGS_DATA);
		if (ro_va)
			map_range(va + delta, pa, SIZE_2M,
				  PTE_P | PTE_US | PTE_A | PTE_G | PTE_NX);
	}
}

static void map_ram_range(paddr_t start, paddr_t end)
{
	uint64_t first = start >> PAGE_SHIFT, n = (end - start) >> PAGE_SHIFT;

	map_range(DIRECT_BASE + start, start, end - start, FLAGS_DATA);
	back_table(FRAME_TABLE_BASE + first * sizeof(struct frame),
		   n * sizeof(struct frame), 0, 0);
	back_table(M2P_RW_BASE + first * 8, n * 8, 0xff, M2P_RO_BASE);
	frame_limit = max(frame_limit, first + n);
}

/* Holes of the frame table show one shared page of zeroes. */
static void back_holes(void)
{
	uint64_t end = FRAME_TABLE_BASE + frame_limit * sizeof(struct frame);
	paddr_t zeroes = 0;
	uint64_t va;

	for (va = FRAME_TABLE_BASE; va < end; va += SIZE_2M) {
		if (*entry_at(va, 2, 0) & PTE_P)
			continue;
		if (!zeroes)
			zeroes = boot_alloc(SIZE_2M, SIZE_2M);
		map_range(va, zeroes, SIZE_2M, FLAGS_DATA & ~PTE_RW);
	}
}

/* All RAM is the hypervisor's until the heap gets it. */
static void init_records(paddr_t start, paddr_t end)
{
	struct frame *f = (struct frame *)FRAME_TABLE_BASE +
			  (start >> PAGE_SHIFT);
	uint64_t n = (end - start) >> PAGE_SHIFT;

	for (; n > 0; n--, f++) {
		f->owner = OWNER_HV;
		f->free_state = FRAME_USED;
	}
}

static bool usable(const struct e820entry *e, paddr_t *start, paddr_t *end)
{
	*start = ROUND_UP(e->addr, PAGE_SIZE);
	*end = (e->addr + e->size) & PAGE_MASK;
	/* The first MiB belongs to the firmware and to starting CPUs. */
	*start = max(*start, 0x100000UL);
	*end = min(*end, DIRECT_END - DIRECT_BASE);
	return e->type == 1 && *start < *end;
}

/* The parts of RAM that nobody took go to the heap. */
static void free_untaken(paddr_t start, paddr_t end)
{
	const struct range *t;

	if (start >= end)
		return;
	t = ranges_find(&taken, start, end);
	if (!t) {
		heap_add(start, end);
		return;
	}
	free_untaken(start, t->start);
	free_untaken(t->end, end);
}

static void take_boot_memory(void)
{
	unsigned int i;

	ranges_add(&taken, 0, 0x100000);
	ranges_add(&taken, (uint64_t)image_start - IMAGE_BASE,
		   (uint64_t)image_end - IMAGE_BASE);
	for (i = 0; i < boot_info.module_count; i++)
		ranges_add(&taken, boot_info.modules[i].start,
			   boot_info.modules[i].start +
			   boot_info.modules[i].len);
}

void memory_init(void)
{
	paddr_t start, end;
	unsigned int i;

	take_boot_memory();
	hv_l4 = table_page();
	map_image();
	/* For the start of other CPUs (cpu/smp.c). */
	map_range(DIRECT_BASE, 0, 0xa0000, FLAGS_DATA);
	for (i = 0; i < boot_info.map_entries; i++)
		if (usable(&boot_info.map[i], &start, &end))
			map_ram_range(start, end);
	back_holes();
	/* All L4 entries must exist before the first guest copies them. */
	for (i = HV_SLOT_FIRST; i < HV_SLOT_END; i++)
		table_below(&hv_l4[i], i == HV_SLOT_FIRST ? PTE_US : 0);
	write_cr3(hv_cr3());
	tables_live = true;

	for (i = 0; i < boot_info.map_entries; i++)
		if (usable(&boot_info.map[i], &start, &end)) {
			init_records(start, end);
			free_untaken(start, end);
		}
	zero_mfn = frame_mfn(virt_frame(table_page()));
}

paddr_t hv_cr3(void)
{
	return (uint64_t)hv_l4 - DIRECT_BASE;
}

/* --- frames --- */

mfn_t max_mfn(void)
{
	return MFN(frame_limit);
}

void m2p_set(mfn_t mfn, uint64_t pfn)
{
	((uint64_t *)M2P_RW_BASE)[mfn.n] = pfn;
}

/* --- windows --- */

uint64_t *map_desc_windows(unsigned int cpu)
{
	return entry_at(desc_page(cpu, 0, 0), 1, 0);
}

static void *map_window(paddr_t pa, size_t len, uint64_t flags)
{
	uint64_t va = mmio_next, off = pa & ~PAGE_MASK, i;

	len = ROUND_UP(off + len, PAGE_SIZE);
	if (len > MMIO_END - mmio_next)
		return NULL;
	mmio_next += len;
	for (i = 0; i < len; i += PAGE_SIZE)
		*entry_at(va + i, 1, 0) = ((pa & PAGE_MASK) + i) | flags;
	return (void *)(va + off);
}

void *map_mmio(paddr_t pa, size_t len)
{
	return map_window(pa, len, FLAGS_MMIO);
}

void *map_boot(paddr_t pa, size_t len)
{
	return map_window(pa, len, FLAGS_DATA & ~PTE_RW);
}

void mmio_reserve(paddr_t pa, size_t len)
{
	ranges_add(&hv_mmio, pa, pa + len);
}

bool mfn_is_hv_mmio(mfn_t mfn)
{
	return ranges_find(&hv_mmio, mfn_paddr(mfn), mfn_paddr(mfn) + 1);
}
