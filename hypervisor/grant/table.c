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

struct grant_table {
	unsigned int frames;    /* in use */
	uint32_t pins;          /* of all entries */
	bool dead;              /* its domain is gone: the last pin frees */
	struct {
		struct grant_entry_v1 *shared; /* one page, frame_share()d */
		struct active *active;         /* one page */
	} page[];               /* [max_frames] */
};

int grant_init_domain(struct domain *d, unsigned int max_frames,
		      unsigned int max_maptrack)
{
	struct grant_table *t;

	if (max_frames == 0 || max_frames > 4096)
		return -EINVAL;
	t = hv_alloc(sizeof(*t) + max_frames * sizeof(t->page[0]));
	if (!t)
		return -ENOMEM;
	spin_init(&d->grant.lock, RANK_GRANT);
	spin_init(&d->grant.track_lock, RANK_GRANT_MAP);
	d->grant.max_frames = max_frames;
	d->grant.max_track = max_maptrack;
	d->grant.table = t;
	/* Who serves others keeps records for it anyway. */
	return d->privileged ? track_prepare(d) : 0;
}

unsigned int grant_max_frames(const struct domain *d)
{
	return d->grant.max_frames;
}

unsigned int grant_frames(struct domain *d)
{
	unsigned int n;

	spin_lock(&d->grant.lock);
	n = d->grant.table ? d->grant.table->frames : 0;
	spin_unlock(&d->grant.lock);
	return n;
}

static int grow(struct domain *d, struct grant_table *t)
{
	void *shared = hv_alloc_pages(0, FRAME_ZERO);
	void *active = hv_alloc_pages(0, FRAME_ZERO);

	if (!shared || !active) {
		if (shared)
			hv_free_pages(shared, 0);
		if (active)
			hv_free_pages(active, 0);
		return -ENOMEM;
	}
	frame_share(shared, d);
	t->page[t->frames].shared = shared;
	t->page[t->frames].active = active;
	t->frames++;
	return 0;
}

int grant_frame(struct domain *d, unsigned int i, mfn_t *mfn)
{
	struct grant_table *t;
	int rc = 0;

	if (i >= d->grant.max_frames)
		return -EINVAL;
	spin_lock(&d->grant.lock);
	t = d->grant.table;
	if (!t || t->dead || domain_is_dying(d))
		rc = -ESRCH;
	while (!rc && t->frames <= i)
		rc = grow(d, t);
	if (!rc)
		*mfn = frame_mfn(virt_frame(t->page[i].shared));
	spin_unlock(&d->grant.lock);
	return rc;
}

static void table_free(struct grant_table *t)
{
	unsigned int i;

	if (!t)
		return;
	for (i = 0; i < t->frames; i++) {
		frame_unshare(t->page[i].shared);
		hv_free_pages(t->page[i].active, 0);
	}
	hv_free(t);
}

/* --- pins: the granter's lock is held --- */

static struct grant_entry_v1 *shared_of(struct grant_table *t, uint32_t ref)
{
	return &t->page[ref / ENTRIES_PER_FRAME]
			.shared[ref % ENTRIES_PER_FRAME];
}

static struct active *active_of(const struct grant_table *t, uint32_t ref)
{
	return &t->page[ref / ENTRIES_PER_FRAME]
			.active[ref % ENTRIES_PER_FRAME];
}

/* Undoes marks that no pin stands for. */
static void clear_marks(struct grant_table *t, uint32_t ref,
			const struct active *a)
{
	uint16_t gone = 0;

	if (!a->writers)
		gone |= GTF_writing;
	if (!a->writers && !a->readers)
		gone |= GTF_reading;
	if (gone)
		(void)atomic_and(&shared_of(t, ref)->flags, (uint16_t)~gone);
}

/*
 * Marks the entry in use, if it grants what is asked, and reads it in the same
 * exchange. The granter may change it at any time: a few tries, then it may
 * wait for itself.
 */
static int mark(struct grant_table *t, uint32_t ref, uint16_t mapper,
		bool write, uint32_t *mfn)
{
	uint64_t *word = (uint64_t *)shared_of(t, ref);
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

static int pin_entry(struct domain *granter, struct grant_table *t,
		     uint32_t ref, uint16_t mapper, bool write,
		     struct frame **f)
{
	struct active *a = active_of(t, ref);
	bool first = !a->readers && !a->writers;
	uint32_t mfn;
	int status;

	if (!first && a->mapper != mapper)
		return GNTST_general_error;
	if ((write ? a->writers : a->readers) == PINS_MAX)
		return GNTST_no_space;
	status = mark(t, ref, mapper, write, &mfn);
	if (status != GNTST_okay)
		return status;

	/* What is pinned counts, not what the entry shows by now. */
	*f = first ? frame_get(granter, MFN(mfn)) : frame_of(MFN(a->mfn));
	if (!*f) {
		clear_marks(t, ref, a);
		return GNTST_bad_page;
	}
	if (first) {
		a->mfn = mfn;
		a->mapper = mapper;
	}
	if (write)
		a->writers++;
	else
		a->readers++;
	t->pins++;
	return GNTST_okay;
}

int grant_pin(struct domain *granter, uint32_t ref, uint16_t mapper,
	      bool write, struct frame **f)
{
	struct grant_table *t;
	int status;

	spin_lock(&granter->grant.lock);
	t = granter->grant.table;
	if (!t || t->dead)
		status = GNTST_bad_domain;
	else if (ref / ENTRIES_PER_FRAME >= t->frames)
		status = GNTST_bad_gntref;
	else
		status = pin_entry(granter, t, ref, mapper, write, f);
	spin_unlock(&granter->grant.lock);
	return status;
}

void grant_unpin(struct domain *granter, uint32_t ref, bool write)
{
	struct grant_table *t, *last = NULL;
	struct frame *f = NULL;
	struct active *a;

	spin_lock(&granter->grant.lock);
	t = granter->grant.table;
	a = active_of(t, ref);
	if (write)
		a->writers--;
	else
		a->readers--;
	if (!a->readers && !a->writers)
		f = frame_of(MFN(a->mfn));
	clear_marks(t, ref, a);
	if (--t->pins == 0 && t->dead) {
		granter->grant.table = NULL;
		last = t;
	}
	spin_unlock(&granter->grant.lock);
	if (f)
		frame_put(f);
	table_free(last);
}

/* The pin keeps the table and what the entry's record says. */
struct frame *grant_pinned(const struct domain *granter, uint32_t ref)
{
	return frame_of(MFN(active_of(granter->grant.table, ref)->mfn));
}

void grant_destroy_domain(struct domain *d)
{
	struct grant_table *t, *last = NULL;

	if (!d->grant.max_frames)
		return; /* its creation did not come that far */
	track_destroy(d);
	spin_lock(&d->grant.lock);
	t = d->grant.table;
	if (t) {
		t->dead = true;
		if (t->pins == 0) {
			d->grant.table = NULL;
			last = t;
		}
	}
	spin_unlock(&d->grant.lock);
	table_free(last);
}
