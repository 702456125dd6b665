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

static_assert(PER_PAGE == 256, "records in a page");

static struct mapping *record(const struct grant_domain *g, uint32_t handle)
{
	return &g->track[handle / PER_PAGE][handle % PER_PAGE];
}

/* The records of a page become free, the first one first. */
static void chain(struct grant_domain *g, uint32_t page)
{
	uint32_t i, handle = page * PER_PAGE;

	for (i = 0; i < PER_PAGE; i++)
		g->track[page][i].ref = handle + i + 1;
	g->track[page][PER_PAGE - 1].ref = g->track_free;
	g->track_free = handle;
}

int track_grow(struct grant_domain *g)
{
	if (!g->track)
		g->track = hv_alloc(g->max_track * sizeof(*g->track));
	if (!g->track || g->track_pages == g->max_track)
		return GNTST_no_space;
	g->track[g->track_pages] = hv_alloc_pages(0, FRAME_ZERO);
	if (!g->track[g->track_pages])
		return GNTST_no_space;
	chain(g, g->track_pages++);
	return GNTST_okay;
}

int track_take(struct domain *d, uint32_t *handle, struct mapping **m)
{
	struct grant_domain *g = &d->grant;

	spin_guard(&g->track_lock);
	if (g->track_free == NO_HANDLE && track_grow(g) != GNTST_okay)
		return GNTST_no_space;
	*handle = g->track_free;
	*m = record(g, *handle);
	g->track_free = (*m)->ref;
	(*m)->busy = 1;
	g->track_used++;
	return GNTST_okay;
}

/*
 * When nothing is mapped one page of records is enough again. The others go, so
 * that a domain that served many at once does not keep what it needed then.
 */
void track_give(struct domain *d, struct mapping *m, uint32_t handle)
{
	struct grant_domain *g = &d->grant;

	spin_guard(&g->track_lock);
	*m = (struct mapping){ .ref = g->track_free };
	g->track_free = handle;
	if (--g->track_used == 0 && g->track_pages > 1) {
		while (g->track_pages > 1)
			hv_free_pages(g->track[--g->track_pages], 0);
		g->track_free = NO_HANDLE;
		chain(g, 0);
	}
}

struct mapping *track_claim(struct domain *d, uint32_t handle)
{
	struct grant_domain *g = &d->grant;
	struct mapping *m;

	spin_guard(&g->track_lock);
	if (handle / PER_PAGE >= g->track_pages)
		return NULL;
	m = record(g, handle);
	if (load_acquire(&m->busy) || !m->granter)
		return NULL;
	m->busy = 1;
	return m;
}

/*
 * The entries in its page tables keep their references until the tables go;
 * no CPU runs on those tables any more, so the pins need not wait for it.
 */
void track_destroy(struct domain *d)
{
	struct grant_domain *g = &d->grant;
	uint32_t page, i;

	for (page = 0; page < g->track_pages; page++) {
		for (i = 0; i < PER_PAGE; i++)
			if (g->track[page][i].granter) {
				mapping_drop(&g->track[page][i]);
				preempt_yield();
			}
		hv_free_pages(g->track[page], 0);
		preempt_yield();
	}
	hv_free(g->track);
}
