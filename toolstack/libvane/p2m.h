/*
 * The P2M list of a living domain.
 */
#ifndef TOOLSTACK_LIBVANE_P2M_H
#define TOOLSTACK_LIBVANE_P2M_H

#include "toolstack/libvane/internal.h"

struct p2m {
	uint64_t *mfn;			/* by the domain's own frame number */
	uint64_t count;
};

/* Whether an entry is a frame of the domain's own. */
static inline bool p2m_is_frame(uint64_t entry)
{
	return entry >> 40 == 0 && entry;
}

/*
 * Reads the list of a domain that does not run. @p2m->mfn is freed by
 * free(). -ENODATA: its kernel publishes none. Tells nothing.
 */
int p2m_read(struct vane *v, uint32_t domid, uint64_t shared_info_mfn,
	     struct p2m *p2m);

#endif
