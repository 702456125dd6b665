/*
 * Mapping a granted frame into the caller's page tables (host part), keeping it
 * for the caller's devices (device part), and letting go of both. A handle has
 * one pin as long as one of its parts is there.
 */
#include "table.h"
#include "cpu.h"
#include "lib.h"
#include "mm.h"

/* Never executable: what another domain writes is data. */
static uint64_t pte_flags(uint32_t flags)
{
	uint64_t pte = PTE_A | PTE_NX;

	if (!(flags & GNTMAP_readonly))
		pte |= PTE_RW | PTE_D;
	/* bits of the entry that are the guest's to use: 9 to 11 */
	return pte | ((uint64_t)(flags >> _GNTMAP_guest_avail0) << 9 &
		      PTE_AVAIL);
}

/* A device that may write makes the frame writable, as an entry would. */
static void device_part_put(struct mapping *m)
{
	if ((m->flags & GNTMAP_device_map) && !(m->flags & GNTMAP_readonly))
		frame_put_as(grant_pinned(m->granter, m->ref));
}

/* Both parts, in a record that nobody else sees yet. */
static int make_parts(struct mapping *m, const struct gnttab_map_grant_ref *op,
		      struct frame *f)
{
	int rc;

	if (m->flags & GNTMAP_device_map && !(m->flags & GNTMAP_readonly) &&
	    frame_ref_as(f, TYPE_WRITABLE))
		return GNTST_general_error;
	if (!(m->flags & GNTMAP_host_map))
		return GNTST_okay;
	rc = map_frame(current, op->host_addr, m->flags & GNTMAP_contains_pte,
		       f, pte_flags(op->flags));
	if (!rc)
		return GNTST_okay;
	device_part_put(m);
	return rc == -EINVAL ? GNTST_bad_virt_addr : GNTST_general_error;
}

int16_t grant_map(struct gnttab_map_grant_ref *op)
{
	const bool write = !(op->flags & GNTMAP_readonly);
	struct domain *d = current->domain, *granter;
	struct mapping *m;
	struct frame *f;
	uint32_t handle;
	int status;

	if (!(op->flags & MAP_PARTS))
		return GNTST_bad_gntref;
	granter = domain_get(op->dom);
	if (!granter)
		return GNTST_bad_domain;
	status = track_take(d, &handle, &m);
	if (status != GNTST_okay)
		goto put;
	status = grant_pin(granter, op->ref, d->id, write, &f);
	if (status != GNTST_okay)
		goto give;
	m->granter = granter;
	m->ref = op->ref;
	m->flags = op->flags & 0xffff;
	status = make_parts(m, op, f);
	if (status != GNTST_okay)
		goto unpin;

	op->handle = handle;
	op->dev_bus_addr = mfn_paddr(frame_mfn(f));
	track_settle(m);
	return GNTST_okay;
unpin:
	grant_unpin(granter, op->ref, write);
give:
	track_give(d, m, handle);
put:
	domain_put(granter);
	return status;
}

void mapping_drop(struct mapping *m)
{
	struct domain *granter = m->granter;

	device_part_put(m);
	grant_unpin(granter, m->ref, !(m->flags & GNTMAP_readonly));
	domain_put(granter);
}

/*
 * First half: the parts go, their TLB entries may still be there. True when
 * there may be some.
 */
static bool undo_parts(struct domain *d, struct unmap *u)
{
	struct gnttab_unmap_grant_ref *op = &u->op;
	struct mapping *m = track_claim(d, op->handle);
	struct frame *f;

	u->m = NULL;
	op->status = GNTST_bad_handle;
	if (!m)
		return false;
	f = grant_pinned(m->granter, m->ref);
	u->parts = (op->host_addr ? m->flags & GNTMAP_host_map : 0) |
		   (op->dev_bus_addr ? m->flags & GNTMAP_device_map : 0);
	op->status = GNTST_okay;
	if (op->dev_bus_addr && op->dev_bus_addr != mfn_paddr(frame_mfn(f)))
		op->status = GNTST_bad_dev_addr;
	else if (u->parts & GNTMAP_host_map &&
		 unmap_frame(current, op->host_addr,
			     m->flags & GNTMAP_contains_pte, f,
			     !(m->flags & GNTMAP_readonly)))
		op->status = GNTST_general_error;
	if (op->status != GNTST_okay) {
		track_settle(m);
		return false;
	}
	u->m = m;
	return u->parts & GNTMAP_host_map;
}

/* Second half, after the flush: the pin goes with the last part. */
static void finish(struct domain *d, struct unmap *u)
{
	struct mapping *m = u->m;

	if (!m)
		return;
	if (m->flags & MAP_PARTS & ~u->parts) {
		if (u->parts & GNTMAP_device_map)
			device_part_put(m);
		m->flags &= (uint16_t)~u->parts;
		track_settle(m);
		return;
	}
	mapping_drop(m);
	track_give(d, m, u->op.handle);
}

void grant_unmap_batch(struct unmap *u, unsigned int count)
{
	struct domain *d = current->domain;
	bool flush = false;
	unsigned int i;

	for (i = 0; i < count; i++)
		flush |= undo_parts(d, &u[i]);
	if (flush)
		tlb_flush_domain(d);
	for (i = 0; i < count; i++)
		finish(d, &u[i]);
}
