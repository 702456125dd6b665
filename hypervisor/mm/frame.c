/*
 * The word of a frame: what it is used as, and how often. This file is the
 * security argument of direct paging; nothing else writes the word.
 *
 *	 0-27  general references
 *	28-55  type references
 *	56-58  type (enum frame_type); 58 says that it is a page table
 *	59     VALID     the contents were checked as that type
 *	60     BUSY      somebody checks, or takes apart, the contents
 *	61     PINNED    the owner asked to keep the type
 *	62     ALLOCATED the owner has not given the frame back
 *	63     FOREIGN   was mapped outside its owner since its last type
 *
 * A count whose top bit is set is full: nobody takes another on a guest's
 * behalf, and the other half is room for the hypervisor's own.
 *
 * Invariants:
 *  1. general references > 0 as long as anybody can reach the frame; the frame
 *     goes back to the heap when the last is dropped, and only then.
 *  2. type references <= general references: each holder of a type reference
 *     holds a general one.
 *  3. The type changes only when there is no type reference, in the same
 *     exchange that takes the first one. So a page table or descriptor page is
 *     writable to nobody, and a writable page is nobody's table.
 *  4. BUSY is set with one type reference held, by the one who works on the
 *     contents; all others who want the type wait. It is set in the exchange
 *     that takes the first type reference or begins to drop the last.
 *  5. Between the loss of an old type and the first use as a new one, every
 *     CPU that may hold a stale entry has been flushed (stamp).
 *  6. A table that is VALID holds, for each present entry, the references
 *     that validate.c documents; they are dropped by devalidation only, or
 *     one by one by update.c through an exchange of the entry itself.
 *
 * No locks. Validation passes preemption points; whoever waits for it sleeps.
 */
#include "cpu.h"
#include "domain.h"
#include "heap.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"

#define REF_ONE 1UL
#define REF_MASK 0xfffffffUL
#define REF_FULL (1UL << 27)
#define TYPE_ONE (1UL << 28)
#define TYPE_COUNT_MASK (0xfffffffUL << 28)
#define TYPE_FULL (1UL << 55)
#define TYPE_SHIFT 56
#define TYPE_MASK (7UL << TYPE_SHIFT)
#define F_TABLE (4UL << TYPE_SHIFT)
#define F_VALID (1UL << 59)
#define F_BUSY (1UL << 60)
#define F_PINNED (1UL << 61)
#define F_ALLOCATED (1UL << 62)
#define F_FOREIGN (1UL << 63)

/* One reference of both kinds. */
#define BOTH (REF_ONE + TYPE_ONE)

static enum frame_type word_type(uint64_t w)
{
	return (enum frame_type)((w & TYPE_MASK) >> TYPE_SHIFT);
}

static uint64_t type_bits(enum frame_type type)
{
	return (uint64_t)type << TYPE_SHIFT;
}

static bool is_table(enum frame_type type)
{
	return type >= TYPE_L1;
}

/* --- general references --- */

static bool take_ref(struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	do {
		if ((w & REF_MASK) == 0 || (w & REF_FULL))
			return false;
	} while (!atomic_cmpxchg(&f->word, &w, w + REF_ONE));
	return true;
}

bool frame_take(const struct domain *d, struct frame *f)
{
	if (!take_ref(f))
		return false;
	/* The owner cannot change while we hold a reference. */
	if (likely(f->owner == d->id))
		return true;
	frame_put(f);
	return false;
}

struct frame *frame_get(const struct domain *d, mfn_t mfn)
{
	struct frame *f = frame_of(mfn);

	return f && frame_take(d, f) ? f : NULL;
}

void frame_ref(struct frame *f)
{
	uint64_t old = atomic_add(&f->word, REF_ONE);

	assert((old & REF_MASK) > 0 && (old & REF_MASK) < REF_MASK);
}

static void unlink_from_owner(struct domain *d, struct frame *f)
{
	spin_guard(&d->pages_lock);
	frame_list_remove(d->pages_head == frame_mfn(f).n ? &d->pages_head :
			  &d->pages_done, f);
	d->tot_pages--;
}

/* The last reference is gone: nobody can find the frame any more. */
static void free_frame(struct frame *f, uint64_t w)
{
	struct domain *d;

	assert((w & TYPE_COUNT_MASK) == 0);
	f->stamp = tlb_clock();
	f->word = 0;
	d = domain_get(f->owner);
	assert(d);
	if (f->order != FRAME_SHARED_MARK)
		unlink_from_owner(d, f);
	m2p_set(frame_mfn(f), ~0UL);
	f->order = 0;
	f->owner = OWNER_NONE;
	f->next = f->prev = 0;
	heap_free(f, 0, false);
	domain_put(d);
	domain_put(d); /* the frame's own: see domain_alloc_frames() */
}

void frame_put(struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	do {
		assert((w & REF_MASK) > 0);
	} while (!atomic_cmpxchg(&f->word, &w, w - REF_ONE));
	if (((w - REF_ONE) & REF_MASK) == 0)
		free_frame(f, w - REF_ONE);
}

/* --- types --- */

/* CPUs that may hold entries of the frame's former use. */
static void flush_former_use(struct frame *f, uint64_t w)
{
	uint64_t mask = ~0UL;
	struct domain *d;

	if (!(w & F_FOREIGN)) {
		d = domain_get(f->owner);
		if (d) {
			mask = load_acquire(&d->dirty_cpus);
			domain_put(d);
		}
	}
	mask = tlb_stale(mask, f->stamp);
	if (mask)
		tlb_flush_mask(mask);
}

/* Ends BUSY: the type stands, or the frame has none. */
static void settle(struct frame *f, uint64_t clear, uint64_t set)
{
	uint64_t w = READ_ONCE(f->word);

	while (!atomic_cmpxchg(&f->word, &w, (w & ~(clear | F_BUSY)) | set))
		;
	wake_waiters(&f->word);
}

static void settle_without_type(struct frame *f)
{
	f->stamp = tlb_clock();
	settle(f, TYPE_COUNT_MASK | F_VALID, 0);
}

/*
 * The first type reference. Takes the type with BUSY set, so that from here
 * on nobody can make a mapping of the old kind; then flushes; then looks at the
 * contents. Returns 1 when the exchange lost and the caller must look again.
 */
static int take_new_type(struct frame *f, uint64_t w, enum frame_type type)
{
	enum frame_type old = word_type(w);
	bool change = old != TYPE_NONE && old != type;
	uint64_t n;
	int rc = 0;

	n = (w & ~(TYPE_MASK | F_VALID | F_FOREIGN)) | type_bits(type);
	n += TYPE_ONE;
	if (!change && !is_table(type) && type != TYPE_SEGDESC)
		return atomic_cmpxchg(&f->word, &w, n | F_VALID) ? 0 : 1;
	if (!atomic_cmpxchg(&f->word, &w, n | F_BUSY))
		return 1;
	if (change)
		flush_former_use(f, w);
	if (is_table(type) || type == TYPE_SEGDESC)
		rc = validate_contents(f, type);
	if (rc)
		settle_without_type(f);
	else
		settle(f, 0, F_VALID);
	return rc;
}

int frame_get_type(struct frame *f, enum frame_type type)
{
	uint64_t w = READ_ONCE(f->word);
	int rc;

	for (;;) {
		if (w & F_BUSY) {
			if (word_type(w) != type)
				return -EBUSY;
			wait_for_change(&f->word, w);
			w = READ_ONCE(f->word);
		} else if ((w & TYPE_COUNT_MASK) == 0 &&
			   !(word_type(w) == type && (w & F_VALID))) {
			rc = take_new_type(f, w, type);
			if (rc <= 0)
				return rc;
			w = READ_ONCE(f->word);
		} else if (word_type(w) != type) {
			return -EBUSY;
		} else if (w & TYPE_FULL) {
			return -EOVERFLOW;
		} else if (atomic_cmpxchg(&f->word, &w, w + TYPE_ONE)) {
			return 0;
		}
	}
}

/* The last reference to a table: its entries' references go first. */
static void take_apart(struct frame *f, enum frame_type type)
{
	if (type == TYPE_L4)
		tlb_forget_table(mfn_paddr(frame_mfn(f)));
	devalidate_contents(f, type);
	settle_without_type(f);
}

void frame_put_type(struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);
	bool last;

	for (;;) {
		assert((w & TYPE_COUNT_MASK) > 0);
		last = (w & TYPE_COUNT_MASK) == TYPE_ONE;
		if (last && is_table(word_type(w))) {
			if (!atomic_cmpxchg(&f->word, &w,
					    (w & ~F_VALID) | F_BUSY))
				continue;
			take_apart(f, word_type(w));
			return;
		}
		/*
		 * Stamped before the count falls: whoever takes the frame as
		 * something else right after must see this stamp.
		 */
		if (last)
			f->stamp = tlb_clock();
		if (atomic_cmpxchg(&f->word, &w, w - TYPE_ONE))
			return;
	}
}

/* Never of any type: as a writable page it needs no check and no flush. */
static bool is_fresh(uint64_t w, enum frame_type type)
{
	return type == TYPE_WRITABLE &&
	       !(w & (TYPE_MASK | TYPE_COUNT_MASK | F_VALID | F_BUSY |
		      F_FOREIGN | REF_FULL));
}

/*
 * In use, or last used, as that type, or fresh, with nothing to check: then
 * one exchange takes both references.
 */
static inline bool get_both(struct frame *f, enum frame_type type)
{
	uint64_t w = READ_ONCE(f->word), as = type_bits(type) | F_VALID;

	do {
		if (((w & (TYPE_MASK | F_VALID | F_BUSY | REF_FULL |
			   TYPE_FULL)) != as && !is_fresh(w, type)) ||
		    (w & REF_MASK) == 0)
			return false;
	} while (!atomic_cmpxchg(&f->word, &w, (w | as) + BOTH));
	return true;
}

int frame_take_as(const struct domain *d, struct frame *f,
		  enum frame_type type)
{
	int rc;

	if (likely(get_both(f, type))) {
		if (likely(f->owner == d->id))
			return 0;
		frame_put_as(f);
		return -EINVAL;
	}
	if (!frame_take(d, f))
		return -EINVAL;
	rc = frame_get_type(f, type);
	if (rc)
		frame_put(f);
	return rc;
}

int frame_get_as(const struct domain *d, mfn_t mfn, enum frame_type type,
		 struct frame **out)
{
	struct frame *f = frame_of(mfn);
	int rc = f ? frame_take_as(d, f, type) : -EINVAL;

	if (rc == 0)
		*out = f;
	return rc;
}

int frame_ref_as(struct frame *f, enum frame_type type)
{
	int rc;

	if (likely(get_both(f, type)))
		return 0;
	frame_ref(f);
	rc = frame_get_type(f, type);
	if (rc)
		frame_put(f);
	return rc;
}

/* The last type reference, or what lost a race: one step at a time. */
static no_inline void put_last_as(struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	do {
		if ((w & TYPE_COUNT_MASK) != TYPE_ONE || (w & F_TABLE)) {
			frame_put_type(f);
			frame_put(f);
			return;
		}
		f->stamp = tlb_clock(); /* as in frame_put_type() */
	} while (!atomic_cmpxchg(&f->word, &w, w - BOTH));
	if ((w & REF_MASK) == REF_ONE)
		free_frame(f, w - BOTH);
}

void frame_put_as(struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	if (likely((w & TYPE_COUNT_MASK) > TYPE_ONE) &&
	    likely(atomic_cmpxchg(&f->word, &w, w - BOTH)))
		return;
	put_last_as(f);
}

unsigned int frame_get_table(const struct domain *d, mfn_t mfn,
			     struct frame **out)
{
	struct frame *f = frame_of(mfn);
	uint64_t w;

	if (unlikely(!f))
		return 0;
	w = READ_ONCE(f->word);
	do {
		if ((w & (F_TABLE | F_VALID | F_BUSY | REF_FULL |
			  TYPE_FULL)) != (F_TABLE | F_VALID) ||
		    (w & TYPE_COUNT_MASK) == 0)
			return 0;
	} while (!atomic_cmpxchg(&f->word, &w, w + BOTH));
	if (likely(f->owner == d->id)) {
		*out = f;
		return table_level(word_type(w));
	}
	frame_put_as(f);
	return 0;
}

enum frame_type frame_type(const struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	return (w & TYPE_COUNT_MASK) ? word_type(w) : TYPE_NONE;
}

bool frame_is_pinned(const struct frame *f)
{
	return READ_ONCE(f->word) & F_PINNED;
}

void frame_note_foreign(struct frame *f)
{
	if (!(READ_ONCE(f->word) & F_FOREIGN))
		(void)atomic_or(&f->word, F_FOREIGN);
}

/* --- pins: caller holds a general reference of its own --- */

int frame_pin(struct frame *f, enum frame_type type)
{
	int rc = frame_ref_as(f, type);

	if (rc)
		return rc;
	if (atomic_or(&f->word, F_PINNED) & F_PINNED) {
		frame_put_as(f);
		return -EINVAL;
	}
	return 0;
}

int frame_unpin(struct frame *f)
{
	if (!(atomic_and(&f->word, ~F_PINNED) & F_PINNED))
		return -EINVAL;
	frame_put_as(f);
	return 0;
}

/* --- frames of a domain --- */

static void assign(struct domain *d, struct frame *f)
{
	f->owner = d->id;
	f->order = 0;
	frame_list_push(&d->pages_head, f);
	d->tot_pages++;
	/* Published last: from here on frame_get() finds it. */
	store_release(&f->word, REF_ONE | F_ALLOCATED);
}

static int check_room(const struct domain *d, uint64_t n)
{
	uint64_t limit = d->max_pages + d->exchanging;

	if (domain_is_dying(d))
		return -ESRCH;
	if (d->tot_pages > limit || n > limit - d->tot_pages)
		return -E2BIG;
	return 0;
}

int domain_alloc_frames(struct domain *d, unsigned int order,
			unsigned int address_bits, mfn_t *first)
{
	uint64_t n = 1UL << order, i;
	struct frame *f;
	int rc;

	if (order > MAX_ORDER)
		return -EINVAL;
	/* What the first domain finds at boot is nobody's secret. */
	f = heap_alloc(order, address_bits, !(d->privileged &&
					      d->state == DOM_BUILDING));
	if (!f)
		return -ENOMEM;
	spin_lock(&d->pages_lock);
	rc = check_room(d, n);
	/* Each frame keeps its owner's structure: dropped in free_frame(). */
	if (rc == 0)
		(void)atomic_add(&d->refs, (uint32_t)n);
	for (i = n; rc == 0 && i > 0; i--)
		assign(d, f + i - 1);
	spin_unlock(&d->pages_lock);
	if (rc) {
		heap_free(f, order, true);
		return rc;
	}
	*first = frame_mfn(f);
	return 0;
}

int frame_release(struct frame *f)
{
	if (!(atomic_and(&f->word, ~F_ALLOCATED) & F_ALLOCATED))
		return -EBUSY;
	frame_put(f);
	return 0;
}

/* References of the caller's own: none but the allocation's and this one. */
bool frame_only_ours(const struct frame *f)
{
	uint64_t w = READ_ONCE(f->word);

	return (w & REF_MASK) == 2 && (w & F_ALLOCATED) &&
	       !(w & TYPE_COUNT_MASK);
}

/* The list's first frame; the last one, if still there, goes to the other. */
static struct frame *next_of_dead(struct domain *d, const struct frame *last)
{
	struct frame *f;

	spin_guard(&d->pages_lock);
	while (d->pages_head) {
		f = frame_of(MFN(d->pages_head));
		/* Its last reference may be going elsewhere right now. */
		if (f != last && take_ref(f))
			return f;
		frame_list_remove(&d->pages_head, f);
		frame_list_push(&d->pages_done, f);
	}
	return NULL;
}

/*
 * Nobody runs in the domain any more, and nothing is allocated to it. A frame
 * that tables still name goes with the last of those, whose pin goes here too.
 * What foreign mappings hold stays on the list until they go.
 */
void domain_release_frames(struct domain *d)
{
	struct frame *f = NULL;

	while ((f = next_of_dead(d, f)) != NULL) {
		(void)!frame_unpin(f); /* most are not pinned */
		(void)!frame_release(f); /* the guest may have given it back */
		frame_put(f);
		preempt_yield();
	}
	spin_guard(&d->pages_lock);
	d->pages_head = d->pages_done;
	d->pages_done = 0;
}

/* --- the hypervisor's pages in guests --- */

void frame_share(void *p, struct domain *d)
{
	struct frame *f = virt_frame(p);

	f->owner = d->id;
	f->order = FRAME_SHARED_MARK;
	(void)atomic_add(&d->refs, 1);
	/* Writable for ever: never a table. */
	store_release(&f->word, REF_ONE | TYPE_ONE | F_VALID |
				type_bits(TYPE_WRITABLE));
}

void frame_unshare(void *p)
{
	frame_put_as(virt_frame(p));
}
