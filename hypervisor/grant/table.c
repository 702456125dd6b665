/*
 * A domain's own grants: the pages in which it writes them, and the pins that
 * others have on them. Locks: the granter's grant.lock for everything here. It
 * is held for a bounded stretch, never while a frame changes its type.
 */
#include "table.h"
#include "lib.h"

#define ENTRIES_PER_FRAME (PAGE_SIZE / sizeof(struct grant_entry_v1))
#define PIN_TRIES 8
#define PINS_MAX 255

/* What is pinned: one for each entry. */
struct active {
	uint32_t mfn;     /* referenced */
	uint16_t mapper;
	uint8_t readers, writers;
};

static_assert(sizeof(struct active) == sizeof(struct grant_entry_v1),
	      "a page of active entries for a page of entries");

struct grant_page {
	struct grant_entry_v1 *shared; /* one page, frame_share()d */
	struct active *active;         /* one page */
};

int grant_init_domain(struct domain *d, unsigned int max_frames,
		      unsigned int max_maptrack)
{
	struct grant_domain *g = &d->grant;

	if (max_frames == 0 || max_frames > 4096)
		return -EINVAL;
	g->page = hv_alloc(max_frames * sizeof(*g->page));
	if (!g->page)
		return -ENOMEM;
	spin_init(&g->lock, RANK_GRANT);
	spin_init(&g->track_lock, RANK_GRANT_MAP);
	g->max_frames = max_frames;
	g->max_track = max_maptrack;
	g->track_free = NO_HANDLE;
	/* Who serves others keeps records for it anyway. */
	return d->privileged && track_grow(g) ? -ENOMEM : 0;
}

static int grow(struct domain *d)
{
	struct grant_page *p = &d->grant.page[d->grant.frames];

	p->shared = hv_alloc_pages(0, FRAME_ZERO);
	p->active = hv_alloc_pages(0, FRAME_ZERO);
	if (!p->shared || !p->active) {
		hv_free_pages(p->shared, 0);
		hv_free_pages(p->active, 0);
		return -ENOMEM;
	}
	frame_share(p->shared, d);
	d->grant.frames++;
	return 0;
}

int grant_frame(struct domain *d, uint64_t i, mfn_t *mfn)
{
	struct grant_domain *g = &d->grant;
	int rc;

	if (i >= g->max_frames)
		return -EINVAL;
	spin_guard(&g->lock);
	if (g->dead || domain_is_dying(d))
		return -ESRCH;
	while (g->frames <= i) {
		rc = grow(d);
		if (rc)
			return rc;
	}
	*mfn = frame_mfn(virt_frame(g->page[i].shared));
	return 0;
}

/* Who shares nothing any more sees no marks: unpinning leaves them out. */
void grant_destroy_domain(struct domain *d)
{
	struct grant_domain *g = &d->grant;
	unsigned int i;

	track_destroy(d);
	spin_lock(&g->lock);
	g->dead = true;
	spin_unlock(&g->lock);
	for (i = 0; i < g->frames; i++)
		frame_unshare(g->page[i].shared);
}

void grant_free_domain(struct domain *d)
{
	struct grant_domain *g = &d->grant;

	while (g->frames > 0)
		hv_free_pages(g->page[--g->frames].active, 0);
	hv_free(g->page);
}

/* --- pins: the granter's lock is held --- */

static struct grant_entry_v1 *shared_of(struct grant_domain *g, uint32_t ref)
{
	return &g->page[ref / ENTRIES_PER_FRAME]
			.shared[ref % ENTRIES_PER_FRAME];
}

static struct active *active_of(const struct grant_domain *g, uint32_t ref)
{
	return &g->page[ref / ENTRIES_PER_FRAME]
			.active[ref % ENTRIES_PER_FRAME];
}

/* Undoes marks that no pin stands for. */
static void clear_marks(struct grant_domain *g, uint32_t ref,
			const struct active *a)
{
	uint16_t gone = 0;

	if (!a->writers)
		gone |= GTF_writing;
	if (!a->writers && !a->readers)
		gone |= GTF_reading;
	if (gone)
		(void)atomic_and(&shared_of(g, ref)->flags, (uint16_t)~gone);
}

/*
 * Marks the entry in use, if it grants what is asked, and reads it in the same
 * exchange. The granter may change it at any time: a few tries, then it may
 * wait for itself.
 */
static int mark(struct grant_domain *g, uint32_t ref, uint16_t mapper,
		bool write, uint32_t *mfn)
{
	uint64_t *word = (uint64_t *)shared_of(g, ref);
	union {
		uint64_t word;
		struct grant_entry_v1 entry;
	} old, marked;
	unsigned int i;

	old.word = READ_ONCE(*word);
	for (i = 0; i < PIN_TRIES; i++) {
		if ((old.entry.flags & GTF_type_mask) != GTF_permit_access ||
		    old.entry.domid != mapper ||
		    (write && old.entry.flags & GTF_readonly))
			return GNTST_general_error;
		marked = old;
		marked.entry.flags |= GTF_reading | (write ? GTF_writing : 0);
		if (marked.word == old.word ||
		    atomic_cmpxchg(word, &old.word, marked.word)) {
			*mfn = marked.entry.frame;
			return GNTST_okay;
		}
	}
	return GNTST_eagain;
}

static int pin_entry(struct domain *granter, uint32_t ref, uint16_t mapper,
		     bool write, struct frame **f)
{
	struct grant_domain *g = &granter->grant;
	struct active *a = active_of(g, ref);
	uint8_t *pins = write ? &a->writers : &a->readers;
	bool first = !a->readers && !a->writers;
	uint32_t mfn;
	int status;

	if (!first && a->mapper != mapper)
		return GNTST_general_error;
	if (*pins == PINS_MAX)
		return GNTST_no_space;
	status = mark(g, ref, mapper, write, &mfn);
	if (status != GNTST_okay)
		return status;

	/* What is pinned counts, not what the entry shows by now. */
	*f = first ? frame_get(granter, MFN(mfn)) : frame_of(MFN(a->mfn));
	if (!*f) {
		clear_marks(g, ref, a);
		return GNTST_bad_page;
	}
	if (first) {
		a->mfn = mfn;
		a->mapper = mapper;
	}
	++*pins;
	return GNTST_okay;
}

int grant_pin(struct domain *granter, uint32_t ref, uint16_t mapper,
	      bool write, struct frame **f)
{
	struct grant_domain *g = &granter->grant;

	spin_guard(&g->lock);
	if (g->dead)
		return GNTST_bad_domain;
	if (ref / ENTRIES_PER_FRAME >= g->frames)
		return GNTST_bad_gntref;
	return pin_entry(granter, ref, mapper, write, f);
}

void grant_unpin(struct domain *granter, uint32_t ref, bool write)
{
	struct grant_domain *g = &granter->grant;
	struct active *a = active_of(g, ref);
	struct frame *f = NULL;

	spin_lock(&g->lock);
	if (write)
		a->writers--;
	else
		a->readers--;
	if (!a->readers && !a->writers)
		f = frame_of(MFN(a->mfn));
	if (!g->dead)
		clear_marks(g, ref, a);
	spin_unlock(&g->lock);
	if (f)
		frame_put(f);
}

/* The pin keeps what the entry's record says. */
struct frame *grant_pinned(const struct domain *granter, uint32_t ref)
{
	return frame_of(MFN(active_of(&granter->grant, ref)->mfn));
}
