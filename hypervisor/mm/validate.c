/*
 * What a page table or descriptor page may hold, and which references each of
 * its entries has:
 *
 *	L1 entry   a general reference on the frame it maps, and a writable
 *	           type reference if it maps it writable. Device memory: none.
 *	L2 .. L4   general and type reference (one level below) on the table.
 *
 * Tables name frames of their own domain only, L1 entries also frames of
 * others where the caller has the right to (pg_owner). No superpages, no entry
 * of a table to its own level: so taking a table apart ends after four levels.
 */
#include "domain.h"
#include "features.h"
#include "lib.h"
#include "mm.h"

#define BASE_BITS (PTE_MFN_MASK | PTE_P | PTE_RW | PTE_US | PTE_A | PTE_D | \
		   PTE_SOFT | PTE_NX)
#define L1_BITS (BASE_BITS | PTE_G)
#define CACHE_BITS (PTE_PWT | PTE_PCD | PTE_PSE) /* PSE: PAT in an L1 entry */

/* --- L1 entries --- */

/* Device memory, firmware tables: anything that is not RAM. */
static int mmio_get(const struct domain *d, uint64_t *pte)
{
	if (!d->pv.io_all || mfn_is_hv_mmio(pte_mfn(*pte)))
		return -EPERM;
	/* Bits that this CPU's addresses do not have are reserved. */
	if ((*pte & PTE_MFN_MASK) >> features.maddr_bits)
		return -EINVAL;
	/* Cached access to devices would go wrong; the kernel rarely asks. */
	if (!(*pte & CACHE_BITS))
		*pte |= PTE_PCD | PTE_PWT;
	return 0;
}

static int l1_ram_get(struct domain *d, struct domain *pg_owner,
		      struct frame *f, uint64_t pte)
{
	int rc = 0;

	/* RAM through the cache only: what is checked is what is walked. */
	if ((pte & CACHE_BITS) && !d->pv.io_all)
		return -EINVAL;
	if (pte & PTE_RW)
		rc = frame_take_as(pg_owner, f, TYPE_WRITABLE);
	else if (!frame_take(pg_owner, f))
		rc = -EINVAL;
	/* After the type was taken: a new type forgets it. */
	if (rc == 0 && pg_owner != d)
		frame_note_foreign(f);
	return rc;
}

static int l1_get(struct domain *d, struct domain *pg_owner, uint64_t *pte)
{
	struct frame *f;

	if (*pte & ~(L1_BITS | CACHE_BITS))
		return -EINVAL;
	/* No entry of a guest is global: a CR3 load forgets them all. */
	*pte = (*pte | PTE_US) & ~PTE_G;
	f = frame_of(pte_mfn(*pte));
	if (unlikely(!f))
		return mmio_get(d, pte);
	return l1_ram_get(d, pg_owner, f, *pte);
}

static void l1_put(uint64_t pte)
{
	struct frame *f = frame_of(pte_mfn(pte));

	if (!f)
		return;
	if (pte & PTE_RW)
		frame_put_as(f);
	else
		frame_put(f);
}

/* --- any level --- */

int entry_get(struct domain *d, struct domain *pg_owner, unsigned int level,
	      uint64_t *pte)
{
	struct frame *f;

	if (!(*pte & PTE_P))
		return 0;
	if (level == 1)
		return l1_get(d, pg_owner, pte);
	if (*pte & ~BASE_BITS)
		return -EINVAL;
	*pte |= PTE_US;
	return frame_get_as(d, pte_mfn(*pte), table_type(level - 1), &f);
}

void entry_put(unsigned int level, uint64_t pte)
{
	if (!(pte & PTE_P))
		return;
	if (level == 1)
		l1_put(pte);
	else
		frame_put_as(frame_of(pte_mfn(pte)));
}

/* --- descriptors --- */

/*
 * Code and data segments for ring 3 only; of the system ones, none. A guest
 * that says DPL 0..2 for its kernel's segments gets DPL 3.
 * (AMD64 manual 2, chapter 4.8; Intel SDM 3A, chapter 3.4.5.)
 */
bool descriptor_fix(uint64_t *desc)
{
	uint32_t type = *desc >> 40 & 0xf;
	bool present = *desc >> 47 & 1;
	bool segment = *desc >> 44 & 1;
	bool code = type & 8;

	if (!present)
		return true;
	if (!segment)
		return false; /* gates, TSS, LDT */
	*desc |= 3UL << 45;
	/* Conforming code would run at the caller's ring: none of it. */
	if (code && (type & 4))
		return false;
	/* L and D together is reserved. */
	if (code && (*desc >> 53 & 1) && (*desc >> 54 & 1))
		return false;
	return true;
}

static int validate_descriptors(struct frame *f)
{
	uint64_t *desc = frame_virt(f);
	unsigned int i;

	for (i = 0; i < PAGE_SIZE / 8; i++)
		if (!descriptor_fix(&desc[i]))
			return -EINVAL;
	return 0;
}

/* --- whole tables --- */

/*
 * The hypervisor's slots are the same in every L4; while its entries get or
 * lose their references they are empty, so that those are the guest's alone.
 */
static void set_hv_slots(uint64_t *table, bool ours)
{
	for (unsigned int i = HV_SLOT_FIRST; i < HV_SLOT_END; i++)
		table[i] = ours ? hv_l4[i] : 0;
}

/*
 * At an entry that is not present: how many more to pass. Most tables are
 * mostly empty, so eight of them are looked at at once.
 */
static inline unsigned int more_empty(const uint64_t *table, unsigned int i)
{
	const uint64_t *e = table + i;

	if (i % 8 || ((e[1] | e[2] | e[3] | e[4] | e[5] | e[6] | e[7]) & PTE_P))
		return 0;
	return 7;
}

static void put_entries(unsigned int level, const uint64_t *table,
			unsigned int end)
{
	for (unsigned int i = 0; i < end; i++) {
		if (!(table[i] & PTE_P)) {
			i += more_empty(table, i);
			continue;
		}
		entry_put(level, table[i]);
		if (level > 1)
			preempt_yield();
	}
}

/* All or, on failure, none. */
static int get_entries(struct domain *d, unsigned int level, uint64_t *table)
{
	uint64_t pte;
	int rc;

	for (unsigned int i = 0; i < 512; i++) {
		if (!(table[i] & PTE_P)) {
			i += more_empty(table, i);
			continue;
		}
		pte = table[i];
		rc = level > 1 ? preempt_point() : 0;
		if (rc == 0)
			rc = entry_get(d, d, level, &pte);
		if (unlikely(rc)) {
			put_entries(level, table, i);
			return rc;
		}
		table[i] = pte;
	}
	return 0;
}

int validate_contents(struct frame *f, enum frame_type type)
{
	uint64_t *table = frame_virt(f);
	struct domain *d;
	int rc;

	if (type == TYPE_SEGDESC)
		return validate_descriptors(f);
	d = domain_get(f->owner);
	if (!d)
		return -ESRCH;
	if (type == TYPE_L4)
		set_hv_slots(table, false);
	rc = get_entries(d, table_level(type), table);
	if (rc == 0 && type == TYPE_L4)
		set_hv_slots(table, true);
	domain_put(d);
	return rc;
}

void devalidate_contents(struct frame *f, enum frame_type type)
{
	uint64_t *table = frame_virt(f);

	if (type == TYPE_L4)
		set_hv_slots(table, false);
	put_entries(table_level(type), table, 512);
}
