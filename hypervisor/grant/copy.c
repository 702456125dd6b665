/*
 * Copying between frames, each named by its machine frame (the caller's own)
 * or by a grant, which is pinned for as long as the copy takes.
 */
#include "table.h"
#include "cpu.h"
#include "lib.h"

struct side {
	struct domain *granter; /* referenced, of a pinned grant; or NULL */
	uint32_t ref;
	bool write;
	struct frame *f;        /* own frame: referenced; pinned otherwise */
};

static int side_get_frame(struct side *s, const struct gnttab_copy_ptr *p)
{
	struct domain *d = current->domain;
	const mfn_t mfn = MFN(p->u.gmfn);

	s->granter = NULL;
	if (p->domid != DOMID_SELF && p->domid != d->id)
		return GNTST_permission_denied;
	if (s->write)
		return frame_get_as(d, mfn, TYPE_WRITABLE, &s->f) ?
		       GNTST_bad_page : GNTST_okay;
	s->f = frame_get(d, mfn);
	return s->f ? GNTST_okay : GNTST_bad_page;
}

static int side_get(struct side *s, const struct gnttab_copy_ptr *p,
		    bool is_grant, bool write)
{
	int status;

	s->write = write;
	if (!is_grant)
		return side_get_frame(s, p);
	s->ref = p->u.ref;
	s->granter = domain_get(p->domid);
	if (!s->granter)
		return GNTST_bad_domain;
	status = grant_pin(s->granter, s->ref, current->domain->id, write,
			   &s->f);
	/* Others copy under the same pin: a reference for each type's. */
	if (status == GNTST_okay && write &&
	    frame_ref_as(s->f, TYPE_WRITABLE)) {
		grant_unpin(s->granter, s->ref, write);
		status = GNTST_bad_page;
	}
	if (status != GNTST_okay)
		domain_put(s->granter);
	return status;
}

static void side_put(struct side *s)
{
	if (s->write)
		frame_put_as(s->f);
	else if (!s->granter)
		frame_put(s->f);
	if (s->granter) {
		grant_unpin(s->granter, s->ref, s->write);
		domain_put(s->granter);
	}
}

int16_t grant_copy(const struct gnttab_copy *op)
{
	struct side src, dst;
	int status;

	if (op->source.offset + op->len > (int)PAGE_SIZE ||
	    op->dest.offset + op->len > (int)PAGE_SIZE)
		return GNTST_bad_copy_arg;
	status = side_get(&src, &op->source, op->flags & GNTCOPY_source_gref,
			  false);
	if (status != GNTST_okay)
		return status;
	status = side_get(&dst, &op->dest, op->flags & GNTCOPY_dest_gref,
			  true);
	if (status == GNTST_okay) {
		memcpy((char *)frame_virt(dst.f) + op->dest.offset,
		       (char *)frame_virt(src.f) + op->source.offset,
		       op->len);
		side_put(&dst);
	}
	side_put(&src);
	return status;
}
