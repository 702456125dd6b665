/*
 * Machine frames: who owns one, what it is used as, how often. The whole
 * security argument of direct paging rests on mm/frame.c, which alone writes
 * a frame's word.
 *
 *   general reference   somebody relies on the frame staying what it is
 *   type reference      somebody uses it as its type; a type changes only at
 *                       count 0. Each type reference goes with a general one.
 */
#ifndef PV_FRAME_H
#define PV_FRAME_H

#include "layout.h"
#include "types.h"

struct domain;

enum frame_type {
	TYPE_NONE,     /* not decided */
	TYPE_SEGDESC,  /* descriptors (GDT/LDT) */
	TYPE_WRITABLE, /* mapped writable somewhere */
	TYPE_L1 = 4, TYPE_L2, TYPE_L3, TYPE_L4, /* page tables: one bit tells */
};

/* A page table's level, 1 to 4, and the way back. */
static inline unsigned int table_level(enum frame_type type)
{
	return type - TYPE_L1 + 1;
}

static inline enum frame_type table_type(unsigned int level)
{
	return (enum frame_type)(TYPE_L1 + level - 1);
}

struct frame {
	uint64_t word;       /* mm/frame.c */
	uint32_t next, prev; /* mfns: owner's page list, or a free list */
	uint16_t owner;      /* domid or OWNER_*; stable while referenced */
	uint8_t order;       /* of a free block or hypervisor allocation */
	uint8_t free_state;  /* mm/heap.c */
	uint32_t stamp;      /* mm/tlb.c: clock when it last lost its type */
};

#define OWNER_HV 0x7ff2   /* DOMID_XEN: the hypervisor itself */
#define OWNER_NONE 0x7ff4 /* DOMID_INVALID: free */

/*
 * frame_of(): the record of a RAM frame; NULL for anything that is not RAM.
 * frame_virt(): its place in the direct map; virt_frame() the way back. Inline,
 * since every step of every page-table update takes one; the host tests have
 * machines of their own.
 */
#ifdef PV_HOST_TEST
struct frame *frame_of(mfn_t mfn);
mfn_t frame_mfn(const struct frame *f);
void *frame_virt(const struct frame *f);
struct frame *virt_frame(const void *p);
#else
extern uint64_t frame_limit; /* mm/memory.c: [0, frame_limit) can be read */

/*
 * Holes in the machine's RAM show zeroes, which is the state FRAME_NOT_RAM: no
 * reference is ever taken there.
 */
static inline struct frame *frame_of(mfn_t mfn)
{
	struct frame *f = (struct frame *)FRAME_TABLE_BASE + mfn.n;

	return mfn.n < frame_limit && f->free_state ? f : NULL;
}

static inline mfn_t frame_mfn(const struct frame *f)
{
	return MFN((uint64_t)(f - (const struct frame *)FRAME_TABLE_BASE));
}

static inline void *frame_virt(const struct frame *f)
{
	return (void *)(DIRECT_BASE + mfn_paddr(frame_mfn(f)));
}

static inline struct frame *virt_frame(const void *p)
{
	return (struct frame *)FRAME_TABLE_BASE +
	       (((uint64_t)p - DIRECT_BASE) >> PAGE_SHIFT);
}
#endif

/*
 * General references. frame_get() fails (NULL) when mfn is not RAM, not
 * allocated, or not owned by @d. frame_put() frees the frame with the last
 * reference.
 */
must_check struct frame *frame_get(const struct domain *d, mfn_t mfn);
must_check bool frame_take(const struct domain *d, struct frame *f);
void frame_ref(struct frame *f); /* caller holds one already */
void frame_put(struct frame *f);

/*
 * Type references, on top of a held general one. May sleep while another vCPU
 * validates the same frame, and passes preemption points while it validates:
 * no lock held. 0, -EINVAL (contents not valid as that type), -EBUSY (in use
 * as another type), -EINTR (caller's domain is dying), -EOVERFLOW.
 */
must_check int frame_get_type(struct frame *f, enum frame_type type);
void frame_put_type(struct frame *f);

/* Both at once: 0, -EINVAL/-EPERM if not d's RAM, else as frame_get_type(). */
must_check int frame_get_as(const struct domain *d, mfn_t mfn,
			    enum frame_type type, struct frame **f);
must_check int frame_ref_as(struct frame *f, enum frame_type type);
must_check int frame_take_as(const struct domain *d, struct frame *f,
			     enum frame_type type);
void frame_put_as(struct frame *f); /* type, then general reference */

/* Mapped outside its owner: a change of type then flushes every CPU. */
void frame_note_foreign(struct frame *f);
/*
 * True when, beside the caller's one reference and the allocation's, nobody
 * relies on the frame (decrease_reservation, exchange).
 */
bool frame_only_ours(const struct frame *f);

/* Its type while a type reference is held by somebody, for information. */
enum frame_type frame_type(const struct frame *f);
bool frame_is_pinned(const struct frame *f);
/*
 * Keeps the frame a page table of this level (TYPE_L1..TYPE_L4) until unpinned;
 * takes references of its own. Caller holds a general one. As
 * frame_get_type(); -EINVAL also when it is pinned already.
 */
must_check int frame_pin(struct frame *f, enum frame_type type);

/*
 * Frames of the hypervisor (mm/heap.c): 2^order frames, contiguous; NULL when
 * there is no memory. Contents undefined unless FRAME_ZERO.
 */
#define FRAME_ZERO 1u
#define FRAME_LOW 2u /* below 4 GiB */
void *hv_alloc_pages(unsigned int order, unsigned int flags);
void hv_free_pages(void *p, unsigned int order);
/* Small objects: zeroed; NULL when there is no memory. hv_free(NULL) is fine. */
void *hv_alloc(size_t size);
void hv_free(void *p);
uint64_t heap_free_frames(void); /* awaiting scrub counted as free */
uint64_t heap_total_frames(void);
/* RAM that was nobody's so far, or a boot module: all frames in [start, end). */
void heap_add(paddr_t start, paddr_t end);
/* Scrubs a dirty frame; false: none is left, or another CPU does (idle loop). */
bool heap_scrub_some(void);

/*
 * Frames for a domain: allocated, zeroed, put on its page list, counted
 * against max_pages, each with one general reference (the allocation's) and
 * no type. @address_bits limits the machine address (0: no limit).
 * 0, -ENOMEM, -EINVAL (order), -E2BIG (over max_pages), -ESRCH (dying).
 */
must_check int domain_alloc_frames(struct domain *d, unsigned int order,
				   unsigned int address_bits, mfn_t *first);
/* Gives up the allocation's reference, once: 0, or -EBUSY if it was gone. */
must_check int frame_release(struct frame *f);
/* Moves all of a dead domain's frames back; passes preemption points. */
void domain_release_frames(struct domain *d);

/*
 * A page of the hypervisor's that guest @d may map (shared info, grant
 * frames): owner d, not on its page list, not counted.
 * @p is one page from hv_alloc_pages(0). Unshare drops the hypervisor's use:
 * the page is freed when the guest's last mapping of it goes.
 */
void frame_share(void *p, struct domain *d);
void frame_unshare(void *p);

/* Machine-to-physical table; ~0 for none. */
void m2p_set(mfn_t mfn, uint64_t pfn);
mfn_t max_mfn(void); /* highest frame with a record, plus one */

/* Device memory: uncached mapping of [pa, pa+len); never undone. */
void *map_mmio(paddr_t pa, size_t len);
/* Any machine memory for reading tables at boot (RAM or reserved), cached. */
void *map_boot(paddr_t pa, size_t len);

#endif
