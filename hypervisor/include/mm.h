/*
 * Inside mm/ and its neighbours: page-table entries, the hypervisor's own
 * mappings, TLB upkeep, validation.
 */
#ifndef PV_MM_H
#define PV_MM_H

#include "frame.h"
#include "layout.h"

struct domain;
struct vcpu;

#define PTE_P 0x1UL
#define PTE_RW 0x2UL
#define PTE_US 0x4UL
#define PTE_PWT 0x8UL
#define PTE_PCD 0x10UL
#define PTE_A 0x20UL
#define PTE_D 0x40UL
#define PTE_PSE 0x80UL  /* PAT in an L1 entry */
#define PTE_G 0x100UL
#define PTE_AVAIL 0xe00UL
#define PTE_SOFT 0x7ff0000000000e00UL /* software's, as the ABI has them */
#define PTE_NX 0x8000000000000000UL
#define PTE_MFN_MASK 0x000ffffffffff000UL

static inline mfn_t pte_mfn(uint64_t pte)
{
	return MFN((pte & PTE_MFN_MASK) >> PAGE_SHIFT);
}

/* mm/memory.c */
void memory_init(void);              /* boot CPU: final tables, heap */
paddr_t hv_cr3(void);                /* tables without any guest */
extern uint64_t *hv_l4;
extern mfn_t zero_mfn;               /* a page of zeroes */
/* L1 entries of a CPU's descriptor window (made on first use). */
uint64_t *map_desc_windows(unsigned int cpu);
bool mfn_is_hv_mmio(mfn_t mfn);      /* device memory kept from all guests */
void mmio_reserve(paddr_t pa, size_t len); /* at boot: as above */

/* mm/tlb.c */
void tlb_flush_local(void);
/* Everything that CPUs in mask may hold; returns when they have done so. */
void tlb_flush_mask(uint64_t mask);
void tlb_flush_domain(struct domain *d); /* where d has run */
uint32_t tlb_clock(void);
/* CPUs in mask that have not flushed since stamp. */
uint64_t tlb_stale(uint64_t mask, uint32_t stamp);
void tlb_load_cr3(paddr_t cr3);      /* a full flush, by loading */
void tlb_poll(void);                 /* serves requests of others */
/* This CPU leaves all guest tables: nothing of a guest's can be stale here. */
void tlb_leave_guests(void);
/* From v to the idle vCPU or a thread: tables and TLB stay. */
void tlb_keep(struct vcpu *v);
/*
 * To v; last is the guest vCPU that ran before, or NULL. A full flush, unless
 * this CPU has kept v's tables and nobody asked for one since.
 */
void tlb_enter_guest(struct vcpu *v, struct vcpu *last);
/* A flush on the CPU where v runs, as a mask; later if v does not run: 0. */
uint64_t tlb_flush_vcpu(struct vcpu *v);
/* An L4 table ends: CPUs that have kept it leave it. */
void tlb_forget_table(paddr_t cr3);

/* mm/pagetable.c: the guest's own tables, as the running vCPU has them. */
/*
 * The L1 entry of va in v's kernel tables, and its table with both references;
 * NULL: there is none.
 */
uint64_t *guest_l1_entry(struct vcpu *v, uint64_t va, struct frame **table);
/* The frame, with both references, if it is an L1 table of d in use. */
struct frame *guest_l1_frame(const struct domain *d, mfn_t mfn);
/* Reads the leaf entry that maps va under cr3; false: not mapped. */
bool guest_walk(paddr_t cr3, uint64_t va, uint64_t *pte);
static inline unsigned int pt_index(uint64_t va, unsigned int level)
{
	return va >> (12 + 9 * (level - 1)) & 511;
}

/* mm/validate.c: contents of a frame as a type; mm/frame.c calls these. */
must_check int validate_contents(struct frame *f, enum frame_type type);
void devalidate_contents(struct frame *f, enum frame_type type);
/*
 * References for one entry of a table of domain d at level 1..4 that names
 * frames of pg_owner; *pte is adjusted to what may be installed.
 */
must_check int entry_get(struct domain *d, struct domain *pg_owner,
			 unsigned int level, uint64_t *pte);
void entry_put(unsigned int level, uint64_t pte);
bool descriptor_fix(uint64_t *desc); /* false: refused */

/*
 * mm/update.c. An entry is named by its place in the direct map; the caller
 * holds a type reference on its table, of domain d. Of the old entry the bits in
 * keep (accessed, dirty, or 0) go over to the new one.
 */
must_check int table_update(struct domain *d, struct domain *pg_owner,
			    unsigned int level, uint64_t *e, uint64_t val,
			    uint64_t keep);
/* Compare-and-exchange on an L1 entry, for ptwr: -EAGAIN if it is not old. */
must_check int l1_cmpxchg(struct domain *d, uint64_t *e, uint64_t old,
			  uint64_t val);
/*
 * Frames of others in a guest's tables, for grants. Where: the entry that maps
 * the virtual address @addr or, @by_pte, lies at that machine address. References
 * of the frame are the entry's, as for any mapping. Unmapping wants to find
 * what was mapped. 0, -EINVAL, or as frame_ref_as().
 */
must_check int map_frame(struct vcpu *v, uint64_t addr, bool by_pte,
			 struct frame *f, uint64_t flags);
must_check int unmap_frame(struct vcpu *v, uint64_t addr, bool by_pte,
			   struct frame *f, bool writable);

/* mm/frame.c, beyond frame.h */
must_check int frame_unpin(struct frame *f);
/*
 * A page table of d that is in use: its level, with both references (to be
 * dropped by frame_put_as()); 0 and no reference if it is none.
 */
unsigned int frame_get_table(const struct domain *d, mfn_t mfn,
			     struct frame **f);

#endif
