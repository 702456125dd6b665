/*
 * What a domain has mapped of others: a record for each mapping, found by its
 * handle. A record is free, busy (one vCPU makes or undoes the mapping and
 * nobody else may touch it), or settled. Only the mapper's own vCPUs come here,
 * and the reaper when they are gone.
 *
 * The domain's track_lock guards the free list, and every record's flags and
 * busy; a busy record's other fields belong to the one who made it so.
 */
#include "table.h"
#include "lib.h"
#include "sched.h"

#define PER_PAGE (PAGE_SIZE / sizeof(struct mapping))
#define NO_HANDLE (~0u)

static_assert(PER_PAGE == 256, "records in a page");

struct maptrack {
	uint32_t pages;           /* that exist */
	uint32_t used;            /* records that are not free */
	uint32_t first_free;      /* handle, or NO_HANDLE */
	struct mapping *page[];   /* [max_track] */
};

static struct mapping *record(const struct maptrack *t, uint32_t handle)
{
	return &t->page[handle / PER_PAGE][handle % PER_PAGE];
}

/* Another page of free records; track_lock held. */
static int add_page(struct domain *d)
{
	struct maptrack *t = d->grant.track;
	struct mapping *p;
	uint32_t i;

	if (!t) {
		t = hv_alloc(sizeof(*t) +
			     d->grant.max_track * sizeof(t->page[0]));
		if (!t)
			return GNTST_no_space;
		t->first_free = NO_HANDLE;
		d->grant.track = t;
	}
	if (t->pages == d->grant.max_track)
		return GNTST_no_space;
	p = hv_alloc_pages(0, FRAME_ZERO);
	if (!p)
		return GNTST_no_space;

	t->page[t->pages] = p;
	for (i = 0; i < PER_PAGE; i++)
		p[i].ref = t->pages * PER_PAGE + i + 1;
	p[PER_PAGE - 1].ref = t->first_free;
	t->first_free = t->pages++ * PER_PAGE;
	return GNTST_okay;
}

int track_prepare(struct domain *d)
{
	int status;

	spin_lock(&d->grant.track_lock);
	status = add_page(d);
	spin_unlock(&d->grant.track_lock);
	return status == GNTST_okay ? 0 : -ENOMEM;
}

/*
 * Nothing is mapped: one page of records is enough again. The others go, so
 * that a domain that served many at once does not keep what it needed then.
 */
static void shrink(struct maptrack *t)
{
	uint32_t i;

	while (t->pages > 1)
		hv_free_pages(t->page[--t->pages], 0);
	for (i = 0; i < PER_PAGE; i++)
		t->page[0][i].ref = i + 1;
	t->page[0][PER_PAGE - 1].ref = NO_HANDLE;
	t->first_free = 0;
}

int track_take(struct domain *d, uint32_t *handle, struct mapping **m)
{
	struct maptrack *t;
	int status = GNTST_okay;

	spin_lock(&d->grant.track_lock);
	if (!d->grant.track || d->grant.track->first_free == NO_HANDLE)
		status = add_page(d);
	if (status == GNTST_okay) {
		t = d->grant.track;
		*handle = t->first_free;
		*m = record(t, *handle);
		t->first_free = (*m)->ref;
		(*m)->busy = 1;
		t->used++;
	}
	spin_unlock(&d->grant.track_lock);
	return status;
}

/* Pairs with the load in track_claim(): the record is complete before. */
void track_settle(struct mapping *m)
{
	store_release(&m->busy, 0);
}

void track_give(struct domain *d, uint32_t handle)
{
	struct maptrack *t = d->grant.track;

	spin_lock(&d->grant.track_lock);
	*record(t, handle) = (struct mapping){ .ref = t->first_free };
	t->first_free = handle;
	if (--t->used == 0 && t->pages > 1)
		shrink(t);
	spin_unlock(&d->grant.track_lock);
}

struct mapping *track_claim(struct domain *d, uint32_t handle)
{
	struct mapping *m = NULL;

	spin_lock(&d->grant.track_lock);
	if (d->grant.track && handle / PER_PAGE < d->grant.track->pages) {
		m = record(d->grant.track, handle);
		if (load_acquire(&m->busy) || !m->granter)
			m = NULL;
		else
			m->busy = 1;
	}
	spin_unlock(&d->grant.track_lock);
	return m;
}

/*
 * The entries in its page tables keep their references until the tables go;
 * no CPU runs on those tables any more, so the pins need not wait for it.
 */
void track_destroy(struct domain *d)
{
	struct maptrack *t = d->grant.track;
	struct mapping *m;
	uint32_t i;

	if (!t)
		return;
	for (i = 0; i < t->pages * PER_PAGE; i++) {
		m = record(t, i);
		if (m->granter) {
			device_part_put(m);
			grant_unpin(m->granter, m->ref,
				    !(m->flags & GNTMAP_readonly));
			domain_put(m->granter);
			preempt_yield();
		}
		if (i % PER_PAGE == PER_PAGE - 1) {
			hv_free_pages(t->page[i / PER_PAGE], 0);
			preempt_yield();
		}
	}
	d->grant.track = NULL;
	hv_free(t);
}
