/* Grant tables, version 1 (grant/). */
#ifndef PV_GRANT_H
#define PV_GRANT_H

#include "types.h"
#include "spinlock.h"

struct domain;
struct grant_table;
struct maptrack;

struct grant_domain {
	/* What it grants: RANK_GRANT. NULL before and after its time. */
	struct spinlock lock;
	struct grant_table *table;
	unsigned int max_frames;
	/* What it has mapped: RANK_GRANT_MAP. */
	struct spinlock track_lock;
	struct maptrack *track;
	unsigned int max_track;
};

/* Limits in pages: of the table, and of records of its own mappings. */
must_check int grant_init_domain(struct domain *d, unsigned int max_frames,
				 unsigned int max_maptrack);
/*
 * Lets go of every mapping that d made, and refuses new ones of its own grants;
 * its table stays as long as others have something mapped through it. Passes
 * preemption points.
 */
void grant_destroy_domain(struct domain *d);
/*
 * For acquire_resource and the builder: mfn of shared frame i, grown to it.
 * 0, -EINVAL (beyond the limit), -ENOMEM, -ESRCH (dying).
 */
must_check int grant_frame(struct domain *d, unsigned int i, mfn_t *mfn);
unsigned int grant_max_frames(const struct domain *d);
unsigned int grant_frames(struct domain *d); /* in use now */

#endif
