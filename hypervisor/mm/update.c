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

static uint64_t *entry_of(struct frame *table, unsigned int index)
{
	return (uint64_t *)frame_virt(table) + index;
}

/* The frame stays the same and so do its references. */
static bool same_references(uint64_t old, uint64_t val)
{
	return (old & val & PTE_P) && ((old ^ val) & ~HARMLESS) == 0;
}

static uint64_t merge_ad(uint64_t old, uint64_t val, unsigned int flags)
{
	if ((flags & UPDATE_PRESERVE_AD) && (old & PTE_P))
		val |= old & (PTE_A | PTE_D);
	return val;
}

int table_update(struct domain *d, struct domain *pg_owner,
		 struct frame *table, unsigned int level, unsigned int index,
		 uint64_t val, unsigned int flags)
{
	uint64_t *e = entry_of(table, index);
	uint64_t old = READ_ONCE(*e), new_;
	int rc;

	if (level == 4 && index >= HV_SLOT_FIRST && index < HV_SLOT_END)
		return -EINVAL;
	if (level == 1 && (val & PTE_P))
		val = (val | PTE_US) & ~PTE_G;
	for (;;) {
		new_ = merge_ad(old, val, flags);
		if (level == 1 && same_references(old, new_)) {
			if (old == new_ || atomic_cmpxchg(e, &old, new_))
				return 0;
			continue;
		}
		rc = entry_get(d, pg_owner, level, &new_);
		if (rc)
			return rc;
		if (atomic_cmpxchg(e, &old, new_))
			break;
		entry_put(d, level, new_);
	}
	entry_put(d, level, old);
	/* Of leaves the guest itself flushes: the ABI. */
	if (level > 1 && (old & PTE_P))
		tlb_flush_domain(d);
	return 0;
}

int l1_cmpxchg(struct domain *d, struct frame *table, unsigned int index,
	       uint64_t old, uint64_t val)
{
	uint64_t *e = entry_of(table, index);
	int rc;

	if (val & PTE_P)
		val = (val | PTE_US) & ~PTE_G;
	if (same_references(old, val))
		return atomic_cmpxchg(e, &old, val) ? 0 : -EAGAIN;
	rc = entry_get(d, d, 1, &val);
	if (rc)
		return rc;
	if (!atomic_cmpxchg(e, &old, val)) {
		entry_put(d, 1, val);
		return -EAGAIN;
	}
	entry_put(d, 1, old);
	return 0;
}

/* --- frames of other domains, for grants --- */

/* Puts an entry for f in place of whatever stands there. */
static int put_frame_entry(struct domain *d, struct frame *table,
			   unsigned int index, struct frame *f, uint64_t flags)
{
	uint64_t *e = entry_of(table, index);
	uint64_t old = READ_ONCE(*e);
	uint64_t val = mfn_paddr(frame_mfn(f)) | flags | PTE_P | PTE_US;
	int rc;

	frame_ref(f);
	if (flags & PTE_RW) {
		rc = frame_get_type(f, TYPE_WRITABLE);
		if (rc) {
			frame_put(f);
			return rc;
		}
	}
	frame_note_foreign(f);
	while (!atomic_cmpxchg(e, &old, val))
		;
	entry_put(d, 1, old);
	return 0;
}

static int take_frame_entry(struct domain *d, struct frame *table,
			    unsigned int index, mfn_t mfn, bool writable,
			    uint64_t new_pte)
{
	uint64_t *e = entry_of(table, index);
	uint64_t old = READ_ONCE(*e);

	do {
		if (!(old & PTE_P) || pte_mfn(old).n != mfn.n ||
		    !(old & PTE_RW) == writable)
			return -EINVAL;
	} while (!atomic_cmpxchg(e, &old, new_pte));
	entry_put(d, 1, old);
	return 0;
}

int map_frame_at_va(struct vcpu *v, uint64_t va, struct frame *f,
		    uint64_t flags)
{
	struct frame *table = guest_l1_table(v, va);
	int rc;

	if (!table)
		return -EINVAL;
	rc = put_frame_entry(v->domain, table, pt_index(va, 1), f, flags);
	frame_put_as(table);
	return rc;
}

int unmap_frame_at_va(struct vcpu *v, uint64_t va, mfn_t mfn, bool writable,
		      uint64_t new_pte)
{
	struct frame *table = guest_l1_table(v, va);
	int rc;

	if (!table)
		return -EINVAL;
	rc = take_frame_entry(v->domain, table, pt_index(va, 1), mfn, writable,
			      new_pte);
	frame_put_as(table);
	return rc;
}

/* The L1 table at a machine address, with references; NULL: it is none. */
static struct frame *l1_table_at(struct vcpu *v, paddr_t pte_ma)
{
	if (pte_ma & 7)
		return NULL;
	return guest_l1_frame(v->domain, paddr_mfn(pte_ma));
}

int map_frame_at_pte(struct vcpu *v, paddr_t pte_ma, struct frame *f,
		     uint64_t flags)
{
	struct frame *table = l1_table_at(v, pte_ma);
	int rc;

	if (!table)
		return -EINVAL;
	rc = put_frame_entry(v->domain, table, pte_ma % PAGE_SIZE / 8, f,
			     flags);
	frame_put_as(table);
	return rc;
}

int unmap_frame_at_pte(struct vcpu *v, paddr_t pte_ma, mfn_t mfn,
		       bool writable)
{
	struct frame *table = l1_table_at(v, pte_ma);
	int rc;

	if (!table)
		return -EINVAL;
	rc = take_frame_entry(v->domain, table, pte_ma % PAGE_SIZE / 8, mfn,
			      writable, 0);
	frame_put_as(table);
	return rc;
}
