/*
 * Inside grant/: pins, and records of mappings.
 *
 * A grant entry lies in memory that the granter shares with us, and says who
 * may have which frame. When it is first used we copy what it says (struct
 * active), mark it in use (GTF_reading, GTF_writing) and hold a reference on
 * the frame: that is a pin. As long as a pin is there, the entry means what was
 * pinned, whatever the granter writes into it.
 *
 * Whoever maps a grant holds one pin for each handle. References of an entry
 * in a page table are the entry's own (mm/update.c). Letting go: first the
 * entry, then TLBs, then the pin, then the pin's reference; so a granter that
 * sees its grant unused may use the page for anything.
 */
#ifndef PV_GRANT_TABLE_H
#define PV_GRANT_TABLE_H

#include "domain.h"
#include "frame.h"
#include "grant.h"

#include <xen/grant_table.h>

/*
 * grant/table.c. The frame that grant @ref of @granter gives to domain
 * @mapper; GNTST_okay or why not. The frame stays as long as the pin; who has a
 * pin has a reference on the granter, which keeps the record of it.
 */
must_check int grant_pin(struct domain *granter, uint32_t ref,
			 uint16_t mapper, bool write, struct frame **f);
void grant_unpin(struct domain *granter, uint32_t ref, bool write);
/* Of a grant that the caller has pinned. */
struct frame *grant_pinned(const struct domain *granter, uint32_t ref);

/* grant/track.c: one mapping of a grant, known to its mapper by a handle. */
struct mapping {
	struct domain *granter; /* referenced; NULL: a free record */
	uint32_t ref;           /* next free handle, in a free record */
	uint16_t flags;         /* GNTMAP_* below 16; parts still there */
	uint16_t busy;          /* being made or undone */
};

#define NO_HANDLE (~0u)
#define MAP_PARTS (GNTMAP_host_map | GNTMAP_device_map)

/* Another page of records; track_lock held. GNTST_okay or GNTST_no_space. */
must_check int track_grow(struct grant_domain *g);
/* A free record, busy: GNTST_okay or GNTST_no_space. */
must_check int track_take(struct domain *d, uint32_t *handle,
			  struct mapping **m);
/*
 * It is a mapping from here on, or still one: anybody may unmap it. Pairs with
 * the load in track_claim(): the record is complete before.
 */
static inline void track_settle(struct mapping *m)
{
	store_release(&m->busy, 0);
}

void track_give(struct domain *d, struct mapping *m, uint32_t handle);
/*
 * A mapping for undoing, busy until settled or given back. NULL: no such
 * handle, or somebody else undoes it.
 */
struct mapping *track_claim(struct domain *d, uint32_t handle);
/* Lets go of everything that a dead domain had mapped. */
void track_destroy(struct domain *d);

/* grant/map.c: lets go of what a mapping still holds but its entry. */
void mapping_drop(struct mapping *m);

/* Sub-operations: a status for each, GNTST_*. */
int16_t grant_map(struct gnttab_map_grant_ref *op);
int16_t grant_copy(const struct gnttab_copy *op);

/* Unmapping goes in batches, one TLB flush for each. */
#define UNMAP_BATCH 32
struct unmap {
	struct gnttab_unmap_grant_ref op;
	struct mapping *m; /* claimed; NULL: nothing to finish */
	uint16_t parts;    /* undone now */
};
void grant_unmap_batch(struct unmap *u, unsigned int count);

#endif
