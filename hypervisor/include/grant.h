/* Grant tables, version 1 (grant/). */
#ifndef PV_GRANT_H
#define PV_GRANT_H

#include "types.h"
#include "spinlock.h"

struct domain;
struct mapping;

struct grant_domain {
	/* What it grants, in pages (grant/table.c): RANK_GRANT. */
	struct spinlock lock;
	bool dead;                /* gives nobody anything more */
	unsigned int frames, max_frames;
	struct grant_page *page;  /* [max_frames] */
	/* What it has mapped (grant/track.c): RANK_GRANT_MAP. */
	struct spinlock track_lock;
	uint32_t track_pages, max_track;
	uint32_t track_used;      /* records that are not free */
	uint32_t track_free;      /* handle of the first free one */
	struct mapping **track;   /* [max_track] */
};

/* Limits in pages: of the table, and of records of its own mappings. */
must_check int grant_init_domain(struct domain *d, unsigned int max_frames,
				 unsigned int max_maptrack);
/*
 * Lets go of every mapping that d made, and refuses new ones of its own grants;
 * what others have mapped stays so, with a reference on d. Passes preemption
 * points. The rest of the table goes with the structure.
 */
void grant_destroy_domain(struct domain *d);
void grant_free_domain(struct domain *d);
/*
 * The mfn of shared frame i, grown to it: 0, -EINVAL (beyond the limit),
 * -ENOMEM, -ESRCH (dying).
 */
must_check int grant_frame(struct domain *d, uint64_t i, mfn_t *mfn);
/*
 * hypercall/grant.c: writes those of frames [first, first + n) to the caller's
 * list, with preemption points. 0, as above, -EFAULT, -EINTR.
 */
must_check int grant_list_frames(struct domain *d, uint64_t first, uint32_t n,
				 XEN_GUEST_HANDLE(xen_pfn_t) list);

#endif
