/*
 * A domain's memory: claimed first, so that two creations at once cannot both
 * count on the same free memory, then populated in extents of 2 MiB and,
 * where those run out, of single pages. Batches stay below some milliseconds
 * of hypervisor time each.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <string.h>

#define BIG_ORDER	9
#define BIG_PAGES	(1u << BIG_ORDER)
#define BIG_BATCH	64u		/* 128 MiB */
#define SMALL_BATCH	1024u		/* 4 MiB */

/* Reserves @pages for the domain; 0 ends the claim. */
static int claim(struct vane *v, uint32_t domid, uint64_t pages)
{
	struct xen_memory_reservation res = {
		.nr_extents = pages, .domid = domid,
	};
	long rc = hv_memory_op(v, XENMEM_claim_pages, &res, sizeof(res));

	return rc == -ENOSYS ? 0 : rc;
}

static void note_frames(uint64_t *p2m, uint64_t mfn, uint64_t count)
{
	for (uint64_t i = 0; i < count; i++)
		p2m[i] = mfn + i;
}

/* Populates from *pfn on, in extents of @order; stops at the first refusal. */
static int populate(struct vane *v, struct build *b, uint64_t *pfn,
		    uint64_t end, unsigned int order, unsigned int batch)
{
	xen_pfn_t *extent = v->hc_data;
	uint64_t each = 1ull << order;

	while (end - *pfn >= each) {
		uint64_t left = (end - *pfn) / each;
		unsigned int want = left < batch ? left : batch;
		long done;

		for (unsigned int i = 0; i < want; i++)
			extent[i] = *pfn + i * each;
		done = hv_populate(v, b->domid, want, order);
		if (done < 0)
			return done;
		for (long i = 0; i < done; i++, *pfn += each)
			note_frames(b->p2m + *pfn, extent[i], each);
		if (done < want)
			return -ENOMEM;
	}
	return 0;
}

int build_populate(struct vane *v, struct build *b)
{
	uint64_t pages = b->layout.nr_pages, pfn = 0, total, free_kib;
	int rc;

	rc = claim(v, b->domid, pages);
	if (!rc) {
		/* Whatever stops the large ones, the small ones decide. */
		(void)populate(v, b, &pfn, pages, BIG_ORDER, BIG_BATCH);
		rc = populate(v, b, &pfn, pages, 0, SMALL_BATCH);
		(void)claim(v, b->domid, 0); /* what is there is there */
	}
	if (rc != -ENOMEM)
		return vane_hv_refused(v, rc, b->config->name, "memory");
	if (vane_host_memory(v, &total, &free_kib))
		free_kib = 0;
	return vane_fail(v, rc, "%s: not enough memory: %llu MiB needed, only "
			 "%llu MiB could be had, %llu MiB are free (others took it "
			 "meanwhile; `vane list` shows them)",
			 b->config->name, (unsigned long long)pages >> 8,
			 (unsigned long long)pfn >> 8,
			 (unsigned long long)free_kib >> 10);
}
