/*
 * Walking a guest's page tables by software, through the direct map. The
 * tables above the one that is read are held by the loaded L4's references; an
 * entry that changes under the walk makes it see the old or the new state of
 * the guest's own tables, both of which were valid.
 */
#include "atomic.h"
#include "domain.h"
#include "guest.h"
#include "mm.h"

static uint64_t *table_of(uint64_t pte)
{
	return (uint64_t *)(DIRECT_BASE + (pte & PTE_MFN_MASK));
}

static inline uint64_t step(uint64_t pte, uint64_t va, unsigned int level)
{
	return READ_ONCE(table_of(pte)[pt_index(va, level)]);
}

/* The L1 table's own entry in its L2; 0 when there is none. No superpages. */
static inline uint64_t walk_to_l2e(paddr_t cr3, uint64_t va)
{
	uint64_t e = step(cr3, va, 4);

	if (likely(e & PTE_P))
		e = step(e, va, 3);
	if (likely(e & PTE_P))
		e = step(e, va, 2);
	return likely(e & PTE_P) ? e : 0;
}

bool guest_walk(paddr_t cr3, uint64_t va, uint64_t *pte)
{
	uint64_t e;

	if (!guest_range_ok(va, 1) || !va_canonical(va))
		return false;
	e = walk_to_l2e(cr3, va);
	if (!e)
		return false;
	*pte = step(e, va, 1);
	return *pte & PTE_P;
}

struct frame *guest_l1_frame(const struct domain *d, mfn_t mfn)
{
	struct frame *f;
	unsigned int level = frame_get_table(d, mfn, &f);

	if (likely(level == 1))
		return f;
	if (level)
		frame_put_as(f);
	return NULL;
}

uint64_t *guest_l1_entry(struct vcpu *v, uint64_t va, struct frame **table)
{
	uint64_t e;

	if (!guest_range_ok(va, 1) || !va_canonical(va))
		return NULL;
	e = walk_to_l2e(v->pv.kernel_cr3, va);
	/* Another vCPU may have unhooked the table meanwhile. */
	*table = e ? guest_l1_frame(v->domain, pte_mfn(e)) : NULL;
	return *table ? &table_of(e)[pt_index(va, 1)] : NULL;
}
