/*
 * Changing one entry of a live table. There is no lock: the references of the
 * new entry are taken first, then the entry is exchanged if it is still what
 * was read, then the references of exactly that old entry are dropped. So two
 * vCPUs that change the same entry each drop what they replaced.
 *
 * The caller holds a type reference on the table, which keeps it valid.
 */
#include "domain.h"
#include "lib.h"
#include "mm.h"

/* Bits of a present L1 entry that change without a look at the frame. */
#define HARMLESS (PTE_A | PTE_D | PTE_SOFT | PTE_NX)

/* What a leaf is given besides: no entry of a guest's is global. */
static uint64_t leaf(uint64_t val)
{
	return val & PTE_P ? (val | PTE_US) & ~PTE_G : val;
}

/* The frame stays the same and so do its references. */
static bool same_references(uint64_t old, uint64_t val)
{
	return (old & val & PTE_P) && ((old ^ val) & ~HARMLESS) == 0;
}

/* The general case, after any race: new references, exchange, old ones. */
static no_inline int replace(struct domain *d, struct domain *pg_owner,
			    unsigned int level, uint64_t *e, uint64_t val,
			    uint64_t keep)
{
	uint64_t old = READ_ONCE(*e), new_;
	int rc;

	for (;;) {
		new_ = val | (old & PTE_P ? old & keep : 0);
		rc = entry_get(d, pg_owner, level, &new_);
		if (rc)
			return rc;
		if (atomic_cmpxchg(e, &old, new_))
			break;
		entry_put(level, new_);
	}
	entry_put(level, old);
	/* Of leaves the guest itself flushes: the ABI. */
	if (level > 1 && (old & PTE_P))
		tlb_flush_domain(d);
	return 0;
}

int table_update(struct domain *d, struct domain *pg_owner,
		 unsigned int level, uint64_t *e, uint64_t val, uint64_t keep)
{
	unsigned int slot = (uintptr_t)e % PAGE_SIZE / 8;
	uint64_t old, new_;

	if (likely(level == 1)) {
		old = READ_ONCE(*e);
		val = leaf(val);
		new_ = val | (old & keep);
		if (same_references(old, val) &&
		    (old == new_ || atomic_cmpxchg(e, &old, new_)))
			return 0;
	} else if (level == 4 && slot >= HV_SLOT_FIRST && slot < HV_SLOT_END) {
		return -EINVAL;
	}
	return replace(d, pg_owner, level, e, val, keep);
}

int l1_cmpxchg(struct domain *d, uint64_t *e, uint64_t old, uint64_t val)
{
	int rc;

	val = leaf(val);
	if (same_references(old, val))
		return atomic_cmpxchg(e, &old, val) ? 0 : -EAGAIN;
	rc = entry_get(d, d, 1, &val);
	if (rc)
		return rc;
	if (!atomic_cmpxchg(e, &old, val)) {
		entry_put(1, val);
		return -EAGAIN;
	}
	entry_put(1, old);
	return 0;
}

/* --- frames of other domains, for grants --- */

/* The L1 entry with both references of its table; NULL: there is none. */
static uint64_t *entry_of(struct vcpu *v, uint64_t addr, bool by_pte,
			  struct frame **table)
{
	if (!by_pte)
		return guest_l1_entry(v, addr, table);
	if (addr & 7)
		return NULL;
	*table = guest_l1_frame(v->domain, paddr_mfn(addr));
	return *table ? (uint64_t *)frame_virt(*table) + addr % PAGE_SIZE / 8 :
	       NULL;
}

int map_frame(struct vcpu *v, uint64_t addr, bool by_pte, struct frame *f,
	      uint64_t flags)
{
	struct frame *table;
	uint64_t *e = entry_of(v, addr, by_pte, &table);
	int rc = 0;

	if (!e)
		return -EINVAL;
	if (flags & PTE_RW)
		rc = frame_ref_as(f, TYPE_WRITABLE);
	else
		frame_ref(f);
	if (!rc) {
		frame_note_foreign(f);
		entry_put(1, atomic_xchg(e, mfn_paddr(frame_mfn(f)) | flags |
					 PTE_P | PTE_US));
	}
	frame_put_as(table);
	return rc;
}

int unmap_frame(struct vcpu *v, uint64_t addr, bool by_pte, struct frame *f,
		bool writable)
{
	struct frame *table;
	uint64_t *e = entry_of(v, addr, by_pte, &table), old;
	int rc = -EINVAL;

	if (!e)
		return -EINVAL;
	old = READ_ONCE(*e);
	while (rc && old & PTE_P && pte_mfn(old).n == frame_mfn(f).n &&
	       !(old & PTE_RW) == !writable)
		if (atomic_cmpxchg(e, &old, 0))
			rc = 0;
	if (!rc)
		entry_put(1, old);
	frame_put_as(table);
	return rc;
}
