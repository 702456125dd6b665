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

static int host_part_get(const struct gnttab_map_grant_ref *op,
			 struct frame *f)
{
	int rc;

	if (op->flags & GNTMAP_contains_pte)
		rc = map_frame_at_pte(current, op->host_addr, f,
				      pte_flags(op->flags));
	else
		rc = map_frame_at_va(current, op->host_addr, f,
				     pte_flags(op->flags));
	if (rc == -EINVAL)
		return GNTST_bad_virt_addr;
	return rc ? GNTST_general_error : GNTST_okay;
}

static int host_part_put(const struct mapping *m, uint64_t addr)
{
	mfn_t mfn = frame_mfn(grant_pinned(m->granter, m->ref));
	bool write = !(m->flags & GNTMAP_readonly);
	int rc;

	if (m->flags & GNTMAP_contains_pte)
		rc = unmap_frame_at_pte(current, addr, mfn, write);
	else
		rc = unmap_frame_at_va(current, addr, mfn, write, 0);
	return rc ? GNTST_general_error : GNTST_okay;
}

/* A device that may write makes the frame writable, as an entry would. */
static int device_part_get(struct frame *f, bool write)
{
	if (!write)
		return GNTST_okay; /* the pin keeps it */
	frame_ref(f);
	if (frame_get_type(f, TYPE_WRITABLE)) {
		frame_put(f);
		return GNTST_general_error;
	}
	return GNTST_okay;
}

void device_part_put(struct mapping *m)
{
	if ((m->flags & GNTMAP_device_map) && !(m->flags & GNTMAP_readonly))
		frame_put_as(grant_pinned(m->granter, m->ref));
}

/* Both parts, in a record that nobody else sees yet. */
static int make_parts(struct mapping *m, const struct gnttab_map_grant_ref *op,
		      struct frame *f)
{
	int status = GNTST_okay;

	if (op->flags & GNTMAP_device_map)
		status = device_part_get(f, !(op->flags & GNTMAP_readonly));
	if (status == GNTST_okay && op->flags & GNTMAP_host_map) {
		m->flags = op->flags & 0xffff;
		status = host_part_get(op, f);
		if (status != GNTST_okay)
			device_part_put(m);
	}
	return status;
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
	status = make_parts(m, op, f);
	if (status != GNTST_okay)
		goto unpin;

	m->flags = op->flags & 0xffff;
	op->handle = handle;
	op->dev_bus_addr = mfn_paddr(frame_mfn(f));
	track_settle(m);
	return GNTST_okay;
unpin:
	grant_unpin(granter, op->ref, write);
give:
	track_give(d, handle);
put:
	domain_put(granter);
	return status;
}

/* First half: the parts go, their TLB entries may still be there. */
static void undo_parts(struct domain *d, struct unmap *u)
{
	struct mapping *m = track_claim(d, u->handle);
	paddr_t pa;

	u->m = NULL;
	u->parts = 0;
	if (!m) {
		u->status = GNTST_bad_handle;
		return;
	}
	pa = mfn_paddr(frame_mfn(grant_pinned(m->granter, m->ref)));
	u->status = GNTST_okay;
	if (u->dev_bus_addr && u->dev_bus_addr != pa)
		u->status = GNTST_bad_dev_addr;
	else if (u->host_addr && (m->flags & GNTMAP_host_map))
		u->status = host_part_put(m, u->host_addr);
	if (u->status != GNTST_okay) {
		track_settle(m);
		return;
	}
	if (u->host_addr)
		u->parts |= m->flags & GNTMAP_host_map;
	if (u->dev_bus_addr)
		u->parts |= m->flags & GNTMAP_device_map;
	u->m = m;
}

/* Second half, after the flush: the pin goes with the last part. */
static void finish(struct domain *d, struct unmap *u)
{
	struct mapping *m = u->m;
	struct domain *granter;

	if (!m)
		return;
	if (u->parts & GNTMAP_device_map)
		device_part_put(m);
	m->flags &= (uint16_t)~u->parts;
	if (m->flags & MAP_PARTS) {
		track_settle(m);
		return;
	}
	granter = m->granter;
	grant_unpin(granter, m->ref, !(m->flags & GNTMAP_readonly));
	track_give(d, u->handle);
	domain_put(granter);
}

void grant_unmap_batch(struct unmap *u, unsigned int count)
{
	struct domain *d = current->domain;
	bool flush = false;
	unsigned int i;

	for (i = 0; i < count; i++) {
		undo_parts(d, &u[i]);
		flush |= (u[i].parts & GNTMAP_host_map) != 0;
	}
	if (flush)
		tlb_flush_domain(d);
	for (i = 0; i < count; i++)
		finish(d, &u[i]);
}
