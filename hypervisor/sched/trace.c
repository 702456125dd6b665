/*
 * Trace rings. Each CPU writes its own, with interrupts off: no lock. The
 * control domain maps them (they belong to nobody, DOMID_XEN) by way of the
 * list in struct t_info, reads up to prod, and moves cons. It could write
 * anything there: so where a CPU writes next is kept elsewhere, and of what
 * stands in the page only cons is read, and only to see whether there is room.
 * What finds no room is counted, and told when there is some.
 *
 * Offsets run from 0 to twice the ring's size (xen/trace.h), so that a full
 * ring is told from an empty one. Rings are made once and stay.
 */
#include "arch.h"
#include "domain.h"
#include "frame.h"
#include "mm.h"
#include "trace.h"

#define MAX_PAGES 8 /* of a ring: their numbers fit the page of t_info */
#define WORDS (PAGE_SIZE / sizeof(uint32_t))
#define HEADER (sizeof(struct t_buf) / sizeof(uint32_t))
#define LIST ((1 + MAX_CPUS + 1) / 2) /* where t_info's frames begin: words */
static_assert(LIST + MAX_CPUS * MAX_PAGES <= WORDS, "t_info is one page");

struct ring {
	uint32_t *pages[MAX_PAGES];
	uint32_t prod;          /* bytes, as in the page */
	uint32_t lost;
};

uint32_t trace_mask;
static uint32_t wanted = TRC_ALL; /* the mask while tracing is enabled */
static uint64_t cpu_mask = ~0UL;
static struct ring rings[MAX_CPUS];
static struct t_info *info;   /* NULL: there are no rings */
static uint32_t ring_bytes;   /* of records */
static struct spinlock lock = SPINLOCK(RANK_TRACE); /* changes of the above */

/* --- records ----------------------------------------------------------------- */

static void put_word(struct ring *r, uint32_t word)
{
	uint32_t at = HEADER + r->prod % ring_bytes / sizeof(word);

	WRITE_ONCE(r->pages[at / WORDS][at % WORDS], word);
	r->prod = (r->prod + (uint32_t)sizeof(word)) % (2 * ring_bytes);
}

static bool has_room(const struct ring *r, uint32_t bytes)
{
	uint32_t cons = READ_ONCE(((struct t_buf *)r->pages[0])->cons);
	uint32_t used = (r->prod + 2 * ring_bytes - cons % (2 * ring_bytes)) %
			(2 * ring_bytes);

	return used <= ring_bytes && bytes <= ring_bytes - used;
}

static void put_record(struct ring *r, uint32_t event, unsigned int n,
		       const uint32_t *words)
{
	uint64_t tsc = rdtsc();

	put_word(r, event | n << 28 | 1u << 31); /* struct t_rec */
	put_word(r, (uint32_t)tsc);
	put_word(r, (uint32_t)(tsc >> 32));
	while (n--)
		put_word(r, *words++);
	/* The records before the mark that they are there. */
	store_release(&((struct t_buf *)r->pages[0])->prod, r->prod);
}

/* A class and a subclass of it are on. */
static bool is_on(uint32_t event)
{
	uint32_t both = event & READ_ONCE(trace_mask);

	return both >> TRC_CLS_SHIFT && (both >> TRC_SUBCLS_SHIFT & 0xf);
}

static uint32_t bytes_of(unsigned int n)
{
	return (3 + n) * sizeof(uint32_t);
}

void trace_write(uint32_t event, unsigned int n, const uint32_t *words)
{
	struct ring *r = &rings[this_cpu()->id];
	uint32_t need = bytes_of(n) + (r->lost ? bytes_of(1) : 0);

	if (!is_on(event) || !(READ_ONCE(cpu_mask) >> this_cpu()->id & 1))
		return;
	if (!has_room(r, need)) {
		r->lost++;
		return;
	}
	if (r->lost)
		put_record(r, TRC_LOST_RECORDS, 1, &r->lost);
	r->lost = 0;
	put_record(r, event, n, words);
}

/* --- control ----------------------------------------------------------------- */

/* What was made of it stays ours when there is no memory: it is asked again. */
static int make_ring(unsigned int cpu, unsigned int pages)
{
	uint32_t *frames = (uint32_t *)info + LIST + cpu * MAX_PAGES;
	struct ring *r = &rings[cpu];
	unsigned int i;

	for (i = 0; i < pages; i++) {
		if (!r->pages[i])
			r->pages[i] = hv_alloc_pages(0, FRAME_ZERO);
		if (!r->pages[i])
			return -ENOMEM;
		frames[i] = (uint32_t)frame_mfn(virt_frame(r->pages[i])).n;
	}
	info->mfn_offset[cpu] = (uint16_t)(LIST + cpu * MAX_PAGES);
	return 0;
}

static void give_rings(unsigned int pages)
{
	unsigned int cpu, i;

	frame_share(info, idle_domain);
	for (cpu = 0; cpu < cpus_present; cpu++)
		for (i = 0; i < pages; i++)
			frame_share(rings[cpu].pages[i], idle_domain);
}

int trace_make_rings(unsigned int pages)
{
	unsigned int cpu;
	int rc = 0;

	spin_guard(&lock);
	if (ring_bytes || pages == 0 || pages > MAX_PAGES)
		return -EINVAL;
	if (!info)
		info = hv_alloc_pages(0, FRAME_ZERO);
	if (!info)
		return -ENOMEM;
	info->tbuf_size = (uint16_t)pages;
	for (cpu = 0; cpu < cpus_present && !rc; cpu++)
		rc = make_ring(cpu, pages);
	if (rc)
		return rc;
	give_rings(pages);
	ring_bytes = pages * PAGE_SIZE - sizeof(struct t_buf);
	return 0;
}

uint64_t trace_info(uint32_t *mask)
{
	spin_guard(&lock);
	*mask = wanted;
	return ring_bytes ? frame_mfn(virt_frame(info)).n : 0;
}

int trace_enable(bool on)
{
	spin_guard(&lock);
	if (on && !ring_bytes)
		return -EINVAL;
	store_release(&trace_mask, on ? wanted : 0);
	return 0;
}

void trace_choose(uint32_t mask)
{
	spin_guard(&lock);
	wanted = mask;
	if (trace_mask)
		WRITE_ONCE(trace_mask, mask);
}

void trace_choose_cpus(uint64_t mask)
{
	WRITE_ONCE(cpu_mask, mask);
}
