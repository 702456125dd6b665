/*
 * The P2M list of a living domain: which machine frame is behind each of its
 * own frames. Its kernel keeps the list and publishes where it lies in the
 * shared info page: as a range of its virtual addresses, or, as older kernels
 * do, as a tree of frames. Both are the guest's word: every frame of them is
 * mapped as a frame of that domain, so that nonsense in them fails to map.
 * Facts: struct arch_shared_info in <xen/arch-x86/xen.h>.
 */
#include "toolstack/libvane/p2m.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "toolstack/sys/privcmd.h"

#define ENTRIES		(PAGE_SIZE / sizeof(uint64_t))
#define PRESENT		1u
#define FRAME(e)	((e) >> PAGE_SHIFT & 0xffffffffff)
#define MAX_PAGES	(1ull << 28)	/* 1 TiB: what a list may claim */

static void *map_one(struct vane *v, uint32_t domid, uint64_t mfn)
{
	return privcmd_map_foreign(v->privcmd, domid, PROT_READ, &mfn, 1,
				   NULL);
}

/* Entry @i of the table in frame *@mfn, put in its place. */
static int look_up(struct vane *v, uint32_t domid, uint64_t *mfn,
		   unsigned int i)
{
	uint64_t *table = map_one(v, domid, *mfn), found;

	if (!table)
		return -errno;
	found = table[i];
	privcmd_unmap(table, 1);
	*mfn = found;
	return 0;
}

/* The frame behind @va, by the page tables below @cr3. */
static int walk(struct vane *v, uint32_t domid, uint64_t cr3, uint64_t va,
		uint64_t *mfn)
{
	uint64_t at = cr3;

	for (int shift = 39; shift >= 12; shift -= 9) {
		int rc = look_up(v, domid, &at, va >> shift & (ENTRIES - 1));

		if (rc)
			return rc;
		if (!(at & PRESENT))
			return -EFAULT;
		at = FRAME(at);
	}
	*mfn = at;
	return 0;
}

/* Copies one frame of the list to its place. */
static int copy_page(struct vane *v, uint32_t domid, uint64_t mfn,
		     struct p2m *p2m, uint64_t page)
{
	uint64_t first = page * ENTRIES, n = p2m->count - first;
	uint64_t *list = map_one(v, domid, mfn);

	if (!list)
		return -errno;
	memcpy(p2m->mfn + first, list,
	       (n < ENTRIES ? n : ENTRIES) * sizeof(*list));
	privcmd_unmap(list, 1);
	return 0;
}

/* The list lies at @arch's virtual address. */
static int read_linear(struct vane *v, uint32_t domid,
		       const struct arch_shared_info *arch, struct p2m *p2m)
{
	uint64_t cr3 = FRAME(arch->p2m_cr3), mfn;
	int rc = 0;

	for (uint64_t page = 0; !rc && page * ENTRIES < p2m->count; page++) {
		rc = walk(v, domid, cr3, arch->p2m_vaddr + page * PAGE_SIZE,
			  &mfn);
		if (!rc)
			rc = copy_page(v, domid, mfn, p2m, page);
	}
	return rc;
}

/* Frames of frames of the list. */
static int read_tree(struct vane *v, uint32_t domid,
		     const struct arch_shared_info *arch, struct p2m *p2m)
{
	int rc = 0;

	for (uint64_t page = 0; !rc && page * ENTRIES < p2m->count; page++) {
		uint64_t mfn = arch->pfn_to_mfn_frame_list_list;

		if (page / ENTRIES >= ENTRIES)
			return -E2BIG;
		rc = look_up(v, domid, &mfn, page / ENTRIES);
		if (!rc)
			rc = look_up(v, domid, &mfn, page % ENTRIES);
		if (!rc)
			rc = copy_page(v, domid, mfn, p2m, page);
	}
	return rc;
}

int p2m_read(struct vane *v, uint32_t domid, uint64_t shared_info_mfn,
	     struct p2m *p2m)
{
	struct arch_shared_info arch;
	shared_info_t *shared = map_one(v, domid, shared_info_mfn);
	struct p2m got;
	int rc;

	if (!shared)
		return -errno;
	arch = shared->arch;
	privcmd_unmap(shared, 1);
	if (!arch.max_pfn || arch.max_pfn > MAX_PAGES ||
	    (!arch.p2m_cr3 && !arch.pfn_to_mfn_frame_list_list))
		return -ENODATA;
	got.count = arch.max_pfn;
	got.mfn = calloc(got.count, sizeof(*got.mfn));
	if (!got.mfn)
		return -ENOMEM;
	rc = arch.p2m_cr3 ? read_linear(v, domid, &arch, &got) :
		read_tree(v, domid, &arch, &got);
	if (rc)
		free(got.mfn);
	else
		*p2m = got;
	return rc;
}
