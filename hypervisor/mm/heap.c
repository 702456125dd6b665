/*
 * The frame allocator: buddy lists over all of RAM, in two zones (below and
 * above 4 GiB) and two states (clean: zeroed; dirty). Blocks merge with
 * buddies of their own state only, so that the idle scrubber makes progress.
 * On top of it, small objects in power-of-two sizes.
 *
 * A frame on its way back to anybody is stale in nobody's TLB: heap_alloc()
 * compares its stamp with the last flush of each CPU (mm/tlb.c).
 *
 * heap_lock guards the lists, counts, and order/free_state/next/prev of free
 * frames and of slab pages.
 */
#include "heap.h"
#include "boot.h"
#include "cpu.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"
#include "spinlock.h"

#define ZONES 2
#define ZONE_SPLIT 0x100000UL /* mfn of 4 GiB */

static struct spinlock heap_lock = SPINLOCK(RANK_HEAP);
static struct blocks {
	uint32_t orders; /* bitmap: which lists are not empty */
	uint32_t list[MAX_ORDER + 1];
} blocks[ZONES][2]; /* [zone][dirty] */
static uint64_t free_frames, total_frames;
static uint64_t scrubbing; /* in neither list, but nobody's: counts as free */
static bool scrubber; /* a CPU scrubs; atomic */
/* Freed one after the other, upwards: in no list, since merging takes long. */
static uint64_t run, run_len;

static unsigned int zone_of(uint64_t mfn)
{
	return mfn >= ZONE_SPLIT;
}

static struct blocks *blocks_of(const struct frame *f)
{
	return &blocks[zone_of(frame_mfn(f).n)]
		      [f->free_state == FRAME_FREE_DIRTY];
}

static struct frame *record(uint64_t mfn)
{
	return (struct frame *)FRAME_TABLE_BASE + mfn;
}

static void push(struct frame *f, unsigned int order, unsigned int state)
{
	struct blocks *b;

	f->order = (uint8_t)order;
	f->free_state = (uint8_t)state;
	b = blocks_of(f);
	frame_list_push(&b->list[order], f);
	b->orders |= 1u << order;
}

static void unlink_free(struct frame *f)
{
	struct blocks *b = blocks_of(f);

	frame_list_remove(&b->list[f->order], f);
	if (!b->list[f->order])
		b->orders &= ~(1u << f->order);
	f->free_state = FRAME_USED;
}

/* Puts a block into the lists, merged as far as it goes. */
static void insert(struct frame *f, unsigned int order, unsigned int state)
{
	uint64_t mfn = frame_mfn(f).n;
	struct frame *buddy;

	for (; order < MAX_ORDER; order++) {
		buddy = frame_of(MFN(mfn ^ 1UL << order));
		if (!buddy || buddy->free_state != state ||
		    buddy->order != order)
			break;
		unlink_free(buddy);
		mfn &= ~(1UL << order);
	}
	push(record(mfn), order, state);
}

/* Into the lists, in blocks as large as the place and the length allow. */
static void end_run(void)
{
	unsigned int order;

	for (; run_len; run += 1UL << order, run_len -= 1UL << order) {
		order = (unsigned int)__builtin_ctzl(run | 1UL << MAX_ORDER |
				1UL << (63 - __builtin_clzl(run_len)));
		insert(record(run), order, FRAME_FREE_DIRTY);
	}
}

void heap_add(paddr_t start, paddr_t end)
{
	uint64_t mfn = ROUND_UP(start, PAGE_SIZE) >> PAGE_SHIFT;
	uint64_t stop = end >> PAGE_SHIFT;

	spin_guard(&heap_lock);
	end_run();
	run = mfn;
	run_len = stop > mfn ? stop - mfn : 0;
	free_frames += run_len;
	total_frames += run_len;
}

/* First block of the list that lies below the limit. */
static struct frame *find(uint32_t mfn, unsigned int order, uint64_t limit)
{
	for (; mfn; mfn = record(mfn)->next)
		if (mfn + (1UL << order) <= limit)
			return record(mfn);
	return NULL;
}

/* Memory below 4 GiB is for those who need it: it comes last. */
static struct frame *find_block(unsigned int order, bool clean_first,
				uint64_t limit)
{
	unsigned int i = limit > ZONE_SPLIT ? 0 : 2;
	const struct blocks *b;
	struct frame *f;
	uint32_t m;

	for (; i < 2 * ZONES; i++) {
		b = &blocks[i < 2][(i & 1) == clean_first];
		for (m = b->orders >> order << order; m; m &= m - 1) {
			f = find(b->list[__builtin_ctz(m)], order, limit);
			if (f)
				return f;
		}
	}
	return NULL;
}

/* Takes the first 2^order frames of free block f; the rest stays free. */
static bool carve(struct frame *f, unsigned int order)
{
	unsigned int state = f->free_state, o = f->order;

	unlink_free(f);
	while (o > order) {
		o--;
		push(f + (1UL << o), o, state);
	}
	free_frames -= 1UL << order;
	return state == FRAME_FREE_CLEAN;
}

/* Flushes CPUs that may still reach these frames through an old entry. */
static void settle_tlbs(struct frame *f, unsigned int order)
{
	uint32_t newest = 0;
	unsigned long i;
	uint64_t mask;

	for (i = 0; i < 1UL << order; i++) {
		if (f[i].stamp > newest)
			newest = f[i].stamp;
		f[i].stamp = 0;
	}
	/* Who flushed after the newest did so after all others, too. */
	mask = newest ? tlb_stale(~0UL, newest) : 0;
	if (mask)
		tlb_flush_mask(mask);
}

struct frame *heap_alloc(unsigned int order, unsigned int address_bits,
			 bool zero)
{
	uint64_t limit = ~0UL;
	bool clean = false;
	struct frame *f;

	if (address_bits && address_bits < 52)
		limit = address_bits > 12 ? 1UL << (address_bits - 12) : 1;
	spin_lock(&heap_lock);
	end_run();
	f = find_block(order, zero, limit);
	if (f)
		clean = carve(f, order);
	spin_unlock(&heap_lock);
	if (!f)
		return NULL;
	settle_tlbs(f, order);
	if (zero && !clean)
		memset(frame_virt(f), 0, PAGE_SIZE << order);
	return f;
}

void heap_free(struct frame *f, unsigned int order, bool clean)
{
	spin_guard(&heap_lock);
	free_frames += 1UL << order;
	if (order || clean) {
		insert(f, order, clean ? FRAME_FREE_CLEAN : FRAME_FREE_DIRTY);
		return;
	}
	if (f != record(run + run_len))
		end_run();
	if (!run_len++)
		run = frame_mfn(f).n;
}

/* A dirty frame, out of the lists while it is scrubbed; NULL: none. */
static struct frame *take_dirty(void)
{
	const struct blocks *b;
	struct frame *f;

	spin_guard(&heap_lock);
	end_run();
	b = blocks[0][1].orders ? &blocks[0][1] : &blocks[1][1];
	if (!b->orders)
		return NULL;
	f = record(b->list[__builtin_ctz(b->orders)]);
	carve(f, 0);
	scrubbing++;
	return f;
}

static void put_clean(struct frame *f)
{
	spin_guard(&heap_lock);
	insert(f, 0, FRAME_FREE_CLEAN);
	free_frames++;
	scrubbing--;
}

/*
 * One frame: what a wake-up on an idle CPU may have to wait for. One CPU at a
 * time, else they and all who work would stand in line at the lock, which may
 * be very long where the machine is a virtual one. If that CPU gets work,
 * the next that idles, or takes a timer, goes on.
 */
bool heap_scrub_some(void)
{
	struct frame *f;

	if (atomic_xchg(&scrubber, true))
		return false;
	f = take_dirty();
	if (f) {
		memset(frame_virt(f), 0, PAGE_SIZE);
		put_clean(f);
	}
	store_release(&scrubber, false);
	return f;
}

uint64_t heap_free_frames(void)
{
	spin_guard(&heap_lock);
	return free_frames + scrubbing;
}

uint64_t heap_total_frames(void)
{
	return total_frames;
}

void *hv_alloc_pages(unsigned int order, unsigned int flags)
{
	struct frame *f = heap_alloc(order, flags & FRAME_LOW ? 32 : 0,
				     flags & FRAME_ZERO);

	if (!f)
		return NULL;
	f->owner = OWNER_HV;
	f->order = (uint8_t)order;
	return frame_virt(f);
}

void hv_free_pages(void *p, unsigned int order)
{
	if (p)
		heap_free(virt_frame(p), order, false);
}

/*
 * Small objects: pages of equal slots. A slab page's record counts its free
 * slots in `order`; free slots are chained through their first word; pages
 * with free slots are listed by size through the records' links, the chain's
 * head lies in `word`.
 */
#define MIN_SLOT_SHIFT 5
#define SLOT_CLASSES 7 /* 32 .. 2048 */

static uint32_t partial[SLOT_CLASSES];

/* How often the unit is doubled until it is as large. */
static unsigned int doublings(size_t unit, size_t size)
{
	unsigned int n = 0;

	while ((unit << n) < size)
		n++;
	return n;
}

/* stamp of a slab page: its class. No TLB of a guest ever saw the page. */
static struct frame *slab_grow(unsigned int c)
{
	char *p = hv_alloc_pages(0, 0);
	unsigned int n = PAGE_SIZE >> (MIN_SLOT_SHIFT + c), i;
	struct frame *f;

	if (!p)
		return NULL;
	f = virt_frame(p);
	f->word = 0;
	for (i = 0; i < n; i++) {
		*(uint64_t *)(p + i * (32UL << c)) = f->word;
		f->word = (uint64_t)(p + i * (32UL << c));
	}
	f->order = (uint8_t)n;
	f->stamp = c;
	return f;
}

static void *slot_take(unsigned int c)
{
	struct frame *f = record(partial[c]);
	uint64_t *slot = (uint64_t *)f->word;

	f->word = *slot;
	if (--f->order == 0)
		frame_list_remove(&partial[c], f);
	return slot;
}

void *hv_alloc(size_t size)
{
	unsigned int c = doublings(32, size);
	struct frame *f;
	void *p;

	if (c >= SLOT_CLASSES)
		return hv_alloc_pages(doublings(PAGE_SIZE, size), FRAME_ZERO);
	spin_lock(&heap_lock);
	while (!partial[c]) {
		spin_unlock(&heap_lock);
		f = slab_grow(c);
		if (!f)
			return NULL;
		spin_lock(&heap_lock);
		f->free_state = FRAME_SLAB;
		frame_list_push(&partial[c], f);
	}
	p = slot_take(c);
	spin_unlock(&heap_lock);
	memset(p, 0, 32UL << c);
	return p;
}

/* True: that was the last slot in use, and the page is no slab any more. */
static bool slot_give(struct frame *f, void *p)
{
	unsigned int c = f->stamp;

	spin_guard(&heap_lock);
	*(uint64_t *)p = f->word;
	f->word = (uint64_t)p;
	if (f->order++ == 0)
		frame_list_push(&partial[c], f);
	if (f->order < PAGE_SIZE >> (MIN_SLOT_SHIFT + c))
		return false;
	frame_list_remove(&partial[c], f);
	f->word = f->stamp = f->order = 0;
	f->free_state = FRAME_USED;
	return true;
}

void hv_free(void *p)
{
	struct frame *f = p ? virt_frame(p) : NULL;

	if (f && (f->free_state != FRAME_SLAB || slot_give(f, p)))
		heap_free(f, f->order, false);
}
