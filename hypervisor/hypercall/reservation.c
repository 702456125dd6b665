/*
 * Memory going to and from domains: populate_physmap, increase and decrease of
 * the reservation, and exchange of frames for others that lie better.
 *
 * Lists are read and written extent by extent; between two extents others may
 * run. A call that stops in the middle (no memory, bad address, its domain is
 * dying) answers how many extents it did: each of those is done completely,
 * and nothing of the next has begun.
 */
#include "reservation.h"
#include "cpu.h"
#include "frame.h"
#include "guest.h"
#include <xen/memory.h>

/*
 * 2 MiB: the most that is allocated and cleared without a look at others, and
 * whose frames an exchange holds all together. Kernels and tools ask for no
 * more at once, and fall back to less when they get nothing.
 */
#define ORDER_MAX 9

static void set_pfns(mfn_t mfn, uint64_t pfn, unsigned int order)
{
	uint64_t i;

	for (i = 0; i < 1UL << order; i++)
		m2p_set(MFN(mfn.n + i), pfn + i);
}

/* Its owner gives a frame up. Who has it mapped keeps it until he lets go. */
static int release_held(struct frame *f)
{
	int rc = frame_release(f);

	if (!rc)
		m2p_set(frame_mfn(f), ~0UL);
	frame_put(f);
	return rc;
}

static int release_one(struct domain *d, mfn_t mfn)
{
	struct frame *f = frame_get(d, mfn);

	return f ? release_held(f) : -EINVAL;
}

/* Gives frames back that were just allocated; their owner may be quicker. */
static void unallocate(struct domain *d, mfn_t mfn, unsigned int order)
{
	uint64_t i;

	for (i = 0; i < 1UL << order; i++)
		(void)!release_one(d, MFN(mfn.n + i));
}

/* An extent of new frames, told in the list, where its name may stand. */
static int give_extent(struct domain *d, const struct xen_memory_reservation *r,
		       uint64_t i, bool named)
{
	unsigned int bits = XENMEMF_get_address_bits(r->mem_flags);
	xen_pfn_t n;
	mfn_t mfn;
	int rc;

	if (named && copy_from_handle(&n, r->extent_start, i, 1))
		return -EFAULT;
	rc = domain_alloc_frames(d, r->extent_order, bits, &mfn);
	if (rc)
		return rc;
	if (named)
		set_pfns(mfn, n, r->extent_order);
	else if (handle_null(r->extent_start))
		return 0;
	n = mfn.n;
	rc = copy_to_handle(r->extent_start, i, &n, 1);
	if (rc)
		unallocate(d, mfn, r->extent_order);
	return rc;
}

static int increase_one(struct domain *d,
			const struct xen_memory_reservation *r, uint64_t i)
{
	return give_extent(d, r, i, false);
}

static int populate_one(struct domain *d,
			const struct xen_memory_reservation *r, uint64_t i)
{
	return give_extent(d, r, i, true);
}

static int decrease_one(struct domain *d,
			const struct xen_memory_reservation *r, uint64_t i)
{
	xen_pfn_t first;
	uint64_t k;
	int rc;

	rc = copy_from_handle(&first, r->extent_start, i, 1);
	for (k = 0; !rc && k < 1UL << r->extent_order; k++)
		rc = release_one(d, MFN(first + k));
	return rc;
}

typedef int extent_fn(struct domain *d, const struct xen_memory_reservation *r,
		      uint64_t i);

static long each_extent(struct domain *d,
			const struct xen_memory_reservation *r, extent_fn *one)
{
	uint64_t done = 0;

	if (r->extent_order > ORDER_MAX)
		return 0;
	while (done < r->nr_extents && !one(d, r, done)) {
		done++;
		if (preempt_point())
			break;
	}
	return done;
}

long reservation_increase(struct domain *d, void *arg)
{
	return each_extent(d, arg, increase_one);
}

long reservation_populate(struct domain *d, void *arg)
{
	return each_extent(d, arg, populate_one);
}

long reservation_decrease(struct domain *d, void *arg)
{
	return each_extent(d, arg, decrease_one);
}

/*
 * One round of an exchange: 2^order frames go and as many come, as one extent
 * or many on either side.
 */
struct round {
	struct domain *d;
	struct xen_memory_exchange *x;
	unsigned int order;
	uint64_t in, out;  /* first extent of it in the lists */
	uint64_t n_in, n_out; /* extents of a round */
	struct frame **going; /* [1 << order], each with a reference */
	uint64_t held;
	uint64_t *coming;  /* first mfn of each new extent */
	uint64_t got;
};

/* Takes hold of the frames that go; nobody else may rely on one of them. */
static int hold_going(struct round *r)
{
	const uint64_t size = 1UL << r->x->in.extent_order;
	struct frame *f;
	xen_pfn_t first;
	uint64_t i, k;

	for (i = 0; i < r->n_in; i++) {
		if (copy_from_handle(&first, r->x->in.extent_start, r->in + i,
				     1))
			return -EFAULT;
		for (k = 0; k < size; k++) {
			f = frame_get(r->d, MFN(first + k));
			if (!f)
				return -EINVAL;
			r->going[r->held++] = f;
			if (!frame_only_ours(f))
				return -EBUSY;
		}
	}
	return 0;
}

/* The limit does not count what is about to go. */
static void allow(struct domain *d, int64_t pages)
{
	spin_guard(&d->pages_lock);
	d->exchanging += pages;
}

static int get_coming(struct round *r)
{
	unsigned int bits = XENMEMF_get_address_bits(r->x->out.mem_flags);
	mfn_t mfn;
	int rc = 0;

	allow(r->d, 1L << r->order);
	while (!rc && r->got < r->n_out) {
		rc = domain_alloc_frames(r->d, r->x->out.extent_order, bits,
					 &mfn);
		if (!rc)
			r->coming[r->got++] = mfn.n;
	}
	allow(r->d, -(1L << r->order));
	return rc;
}

/* Names the new frames to the guest, and tells it where they are. */
static int publish(struct round *r)
{
	xen_pfn_t pfn, mfn;
	uint64_t i;

	for (i = 0; i < r->got; i++) {
		mfn = r->coming[i];
		if (copy_from_handle(&pfn, r->x->out.extent_start, r->out + i,
				     1) ||
		    copy_to_handle(r->x->out.extent_start, r->out + i, &mfn,
				   1))
			return -EFAULT;
		set_pfns(MFN(mfn), pfn, r->x->out.extent_order);
	}
	return 0;
}

/* Lets go of what is held; @give_up: and of the frames themselves. */
static void let_go(struct round *r, bool give_up)
{
	while (r->held > 0)
		if (give_up)
			(void)!release_held(r->going[--r->held]);
		else
			frame_put(r->going[--r->held]);
}

static int exchange_round(struct round *r)
{
	int rc;

	r->held = r->got = 0;
	rc = hold_going(r);
	if (!rc)
		rc = get_coming(r);
	if (!rc)
		rc = publish(r);
	let_go(r, rc == 0);
	while (rc && r->got > 0)
		unallocate(r->d, MFN(r->coming[--r->got]),
			   r->x->out.extent_order);
	return rc;
}

/* The whole list may be a guest's: an exchange should not stop half-way. */
static bool list_ok(const struct xen_memory_reservation *r)
{
	return r->nr_extents < 1UL << 40 &&
	       guest_range_ok(handle_va(r->extent_start),
			      r->nr_extents * sizeof(xen_pfn_t));
}

static int exchange_check(const struct xen_memory_exchange *x)
{
	unsigned int in = x->in.extent_order, out = x->out.extent_order;

	if (x->in.domid != x->out.domid || x->nr_exchanged != 0)
		return -EINVAL;
	if (in > ORDER_MAX || out > ORDER_MAX)
		return -EPERM;
	if (x->in.nr_extents > ~0UL >> in || x->out.nr_extents > ~0UL >> out ||
	    x->in.nr_extents << in != x->out.nr_extents << out)
		return -EINVAL;
	if (!list_ok(&x->in) || !list_ok(&x->out))
		return -EFAULT;
	/* whole rounds only */
	return x->in.nr_extents << in & ((1UL << max(in, out)) - 1) ?
	       -EINVAL : 0;
}

static int exchange_all(struct domain *d, struct xen_memory_exchange *x)
{
	const uint64_t in_count = x->in.nr_extents;
	struct round r = { .d = d, .x = x };
	unsigned int pages_order;
	int rc = 0;

	r.order = max(x->in.extent_order, x->out.extent_order);
	r.n_in = 1UL << (r.order - x->in.extent_order);
	r.n_out = 1UL << (r.order - x->out.extent_order);
	/* two words for each frame of a round */
	pages_order = r.order > 8 ? r.order - 8 : 0;
	r.going = hv_alloc_pages(pages_order, 0);
	if (!r.going)
		return -ENOMEM;
	r.coming = (uint64_t *)(r.going + (1UL << r.order));

	while (!rc && x->nr_exchanged < in_count) {
		rc = exchange_round(&r);
		if (rc)
			break;
		r.in += r.n_in;
		r.out += r.n_out;
		x->nr_exchanged = r.in;
		rc = preempt_point();
	}
	hv_free_pages(r.going, pages_order);
	return x->nr_exchanged == in_count ? 0 : rc;
}

long reservation_exchange(struct domain *d, void *arg)
{
	int rc = exchange_check(arg);

	return rc ? rc : exchange_all(d, arg);
}

/*
 * A claim asks whether a domain about to be built will fit; nothing else is
 * being built meanwhile by our tools, so nothing is set aside.
 */
long reservation_claim(struct domain *d, void *arg)
{
	const struct xen_memory_reservation *r = arg;
	uint64_t have = READ_ONCE(d->tot_pages);

	if (!handle_null(r->extent_start) || r->extent_order)
		return -EINVAL;
	return r->nr_extents > have &&
	       r->nr_extents - have > heap_free_frames() ? -ENOMEM : 0;
}
