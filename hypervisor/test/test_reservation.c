/*
 * Reservations by memory_op: every extent is done or not begun; an exchange
 * gives nothing away before all of its round is at hand, and leaves counts and
 * limits as they were when it fails. Lists are the guest's memory and change
 * under us.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "boot.h"
#include "hypercall.h"
#include "world.h"
#include <xen/memory.h>

#define BAD ((xen_pfn_t *)8) /* the first page faults */

static struct domain *p, *d; /* privileged; ordinary */
static uint64_t before;

static int setup(void **state)
{
	p = world_domain(0, 1, true);
	d = world_domain(1, 1, false);
	world_run(d, 0);
	before = world_free_pages();
	return 0;
}

static int teardown(void **state)
{
	world_end();
	return 0;
}

struct boot_info boot_info;

int grant_list_frames(struct domain *of, uint64_t first, uint32_t n,
		      XEN_GUEST_HANDLE(xen_pfn_t) list)
{
	return -EINVAL;
}

/* None of these operations asks for it. */
bool domain_use(struct domain *of)
{
	return false;
}

void domain_unuse(struct domain *of)
{
}

long hypercall_unknown(const char *family, uint64_t op)
{
	return -ENOSYS;
}

static long call(unsigned int op, void *arg)
{
	return hc_memory_op(op, (uint64_t)arg, 0, 0, 0);
}

static long change(unsigned int op, xen_pfn_t *list, uint64_t n,
		   unsigned int order, uint16_t domid)
{
	struct xen_memory_reservation r = {
		.nr_extents = n, .extent_order = order, .domid = domid,
	};

	r.extent_start.p = list;
	return call(op, &r);
}

static long populate(xen_pfn_t *list, uint64_t n, unsigned int order)
{
	return change(XENMEM_populate_physmap, list, n, order, DOMID_SELF);
}

static long decrease(xen_pfn_t *list, uint64_t n, unsigned int order)
{
	return change(XENMEM_decrease_reservation, list, n, order,
		      DOMID_SELF);
}

static long exchange(xen_pfn_t *in, uint64_t n_in, unsigned int in_order,
		     xen_pfn_t *out, uint64_t n_out, unsigned int out_order,
		     unsigned int bits, uint64_t *done)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = n_in, .extent_order = in_order,
			.domid = DOMID_SELF },
		.out = { .nr_extents = n_out, .extent_order = out_order,
			 .domid = DOMID_SELF, .mem_flags = bits },
	};
	long rc;

	x.in.extent_start.p = in;
	x.out.extent_start.p = out;
	rc = call(XENMEM_exchange, &x);
	*done = x.nr_exchanged;
	return rc;
}

static void populate_and_decrease(void **state)
{
	xen_pfn_t list[4] = { 100, 200, 300, 400 };
	unsigned int i;

	assert_int_equal(populate(list, 4, 1), 4);
	assert_int_equal(d->tot_pages, 8);
	for (i = 0; i < 4; i++) {
		assert_int_equal(m2p_get(MFN(list[i])), 100 * (i + 1));
		assert_int_equal(m2p_get(MFN(list[i] + 1)), 100 * (i + 1) + 1);
	}
	assert_int_equal(decrease(list, 4, 1), 4);
	assert_int_equal(d->tot_pages, 0);
	assert_int_equal(world_free_pages(), before);
	assert_int_equal(m2p_get(MFN(list[0])), ~0UL);
	/* once only */
	assert_int_equal(decrease(list, 4, 1), 0);
}

static void short_counts(void **state)
{
	xen_pfn_t list[8] = { 1, 2, 3, 4, 5, 6, 7, 8 };

	d->max_pages = 5;
	assert_int_equal(populate(list, 8, 0), 5);
	assert_int_equal(list[5], 6); /* not touched */
	assert_int_equal(d->tot_pages, 5);
	list[2] = 3; /* is no frame of ours */
	assert_int_equal(decrease(list, 5, 0), 2);
	assert_int_equal(d->tot_pages, 3);
}

static void bad_lists(void **state)
{
	xen_pfn_t list[2] = { 1, 2 };

	assert_int_equal(populate(BAD, 3, 0), 0);
	assert_int_equal(decrease(BAD, 3, 0), 0);
	assert_int_equal(change(XENMEM_increase_reservation, BAD, 3, 0,
				DOMID_SELF), 0);
	assert_int_equal(world_free_pages(), before);
	assert_int_equal(populate(list, 1, 10), 0); /* more than 2 MiB */
	assert_int_equal(populate(list, 1, 64), 0);
	assert_int_equal(populate(list, 1, ~0u), 0);
	assert_int_equal(call(XENMEM_populate_physmap, (void *)8),
			 -EFAULT);
	assert_int_equal(world_free_pages(), before);
}

static void for_others(void **state)
{
	xen_pfn_t list[1] = { 1 };

	assert_int_equal(change(XENMEM_populate_physmap, list, 1, 0, 0),
			 -EPERM);
	assert_int_equal(change(XENMEM_populate_physmap, list, 1, 0, 7),
			 -ESRCH);
	world_run(p, 0);
	assert_int_equal(change(XENMEM_populate_physmap, list, 1, 0, 1), 1);
	assert_int_equal(d->tot_pages, 1);
	assert_int_equal(p->tot_pages, 0);
	assert_int_equal(change(XENMEM_decrease_reservation, list, 1, 0, 0),
			 0); /* not that domain's */
	d->state = DOM_DYING;
	assert_int_equal(change(XENMEM_populate_physmap, list, 1, 0, 1), 0);
	d->state = DOM_ALIVE;
}

/* Tables stay what they are when the owner gives them back. */
static void decrease_of_used(void **state)
{
	xen_pfn_t l1 = world_l1(d).n;

	assert_int_equal(decrease(&l1, 1, 0), 1);
	assert_int_equal(frame_type(frame_of(MFN(l1))), TYPE_L1);
	assert_int_equal(decrease(&l1, 1, 0), 0);
}

static int die(void)
{
	return -EINTR;
}

static void interrupted(void **state)
{
	xen_pfn_t list[4] = { 1, 2, 3, 4 };

	world_preempt = die;
	assert_int_equal(populate(list, 4, 0), 1);
	assert_int_equal(d->tot_pages, 1); /* that one is whole */
	assert_int_equal(m2p_get(MFN(list[0])), 1);
}

/* --- exchange --- */

static void exchange_works(void **state)
{
	xen_pfn_t list[4] = { 10, 11, 12, 13 }, in[4], out = 10;
	uint64_t done;
	unsigned int i;

	assert_int_equal(populate(list, 4, 0), 4);
	d->max_pages = 4; /* a full domain may exchange, too */
	memcpy(in, list, sizeof(in));
	assert_int_equal(exchange(in, 4, 0, &out, 1, 2, 32, &done), 0);
	assert_int_equal(done, 4);
	assert_int_equal(out & 3, 0);
	for (i = 0; i < 4; i++)
		assert_int_equal(m2p_get(MFN(out + i)), 10 + i);
	assert_int_equal(d->tot_pages, 4);
	assert_int_equal(d->exchanging, 0);
	in[0] = out; /* and back to single pages */
	list[0] = 20;
	list[1] = 30;
	list[2] = 40;
	list[3] = 50;
	assert_int_equal(exchange(in, 1, 2, list, 4, 0, 0, &done), 0);
	assert_int_equal(done, 1);
	assert_int_equal(m2p_get(MFN(list[3])), 50);
	assert_int_equal(d->tot_pages, 4);
	assert_int_equal(world_free_pages(), before - 4);
}

/* Rows of what is refused; nothing has moved afterwards. */
static void exchange_refusals(void **state)
{
	xen_pfn_t list[4] = { 10, 11, 12, 13 }, in[4], out[4] = { 1, 2, 3, 4 };
	uint64_t done, free_now;
	struct frame *f;

	assert_int_equal(populate(list, 4, 0), 4);
	memcpy(in, list, sizeof(in));
	free_now = world_free_pages();
	assert_int_equal(exchange(in, 4, 0, out, 1, 2, 20, &done), -ENOMEM);
	assert_int_equal(exchange(in, 4, 0, out, 3, 0, 0, &done), -EINVAL);
	assert_int_equal(exchange(in, 3, 0, out, 1, 2, 0, &done), -EINVAL);
	assert_int_equal(exchange(in, 1, 10, out, 1, 10, 0, &done), -EPERM);
	assert_int_equal(exchange(in, 1, 64, out, 1, 64, 0, &done), -EPERM);
	assert_int_equal(exchange(in, ~0UL, 0, out, ~0UL, 0, 0, &done),
			 -EFAULT);
	assert_int_equal(exchange(in, 1UL << 63, 0, out, 1UL << 62, 1, 0,
				  &done), -EFAULT);
	assert_int_equal(exchange(in, 1UL << 63, 1, out, 0, 0, 0, &done),
			 -EINVAL);
	assert_int_equal(exchange(BAD, 4, 0, out, 1, 2, 0, &done), -EFAULT);
	assert_int_equal(exchange(in, 4, 0, BAD, 1, 2, 0, &done), -EFAULT);
	in[3] = in[0]; /* the same one twice */
	assert_int_equal(exchange(in, 4, 0, out, 1, 2, 0, &done), -EBUSY);
	in[3] = 5;
	assert_int_equal(exchange(in, 4, 0, out, 1, 2, 0, &done), -EINVAL);
	in[3] = list[3];
	f = frame_get(d, MFN(in[3])); /* somebody uses it */
	assert_int_equal(exchange(in, 4, 0, out, 1, 2, 0, &done), -EBUSY);
	frame_put(f);
	assert_int_equal(done, 0);
	assert_int_equal(d->tot_pages, 4);
	assert_int_equal(d->exchanging, 0);
	assert_int_equal(world_free_pages(), free_now);
	assert_int_equal(world_refs(MFN(list[0])), 1);
	assert_int_equal(m2p_get(MFN(list[3])), 13);
	assert_int_equal(exchange(in, 4, 0, out, 1, 2, 0, &done), 0);
}

/* A count given by the guest says nothing about what we did. */
static void exchange_count_in(void **state)
{
	struct xen_memory_exchange x = {
		.in = { .nr_extents = 1, .domid = DOMID_SELF },
		.out = { .nr_extents = 1, .domid = DOMID_SELF },
		.nr_exchanged = 1,
	};
	xen_pfn_t in = 1, out = 2;

	x.in.extent_start.p = &in;
	x.out.extent_start.p = &out;
	assert_int_equal(call(XENMEM_exchange, &x), -EINVAL);
	x.nr_exchanged = 0;
	x.out.domid = 1; /* not the same words, not the same domain */
	assert_int_equal(call(XENMEM_exchange, &x), -EINVAL);
	assert_int_equal(call(XENMEM_exchange, (void *)8), -EFAULT);
}

/* Stopped between rounds: what is done is told, the rest untouched. */
static void exchange_interrupted(void **state)
{
	xen_pfn_t list[3] = { 10, 11, 12 }, in[3], out[3] = { 10, 11, 12 };
	uint64_t done;

	assert_int_equal(populate(list, 3, 0), 3);
	memcpy(in, list, sizeof(in));
	world_preempt = die;
	assert_int_equal(exchange(in, 3, 0, out, 3, 0, 0, &done), -EINTR);
	assert_int_equal(done, 1);
	assert_int_equal(m2p_get(MFN(out[0])), 10);
	assert_int_equal(out[1], 11);
	assert_int_equal(m2p_get(MFN(in[1])), 11);
	assert_int_equal(d->tot_pages, 3);
}

static void claims(void **state)
{
	struct xen_memory_reservation r = { .domid = 1, .nr_extents = 10 };

	assert_int_equal(call(XENMEM_claim_pages, &r), -EPERM);
	world_run(p, 0);
	assert_int_equal(call(XENMEM_claim_pages, &r), 0);
	r.nr_extents = WORLD_PAGES + 1;
	assert_int_equal(call(XENMEM_claim_pages, &r), -ENOMEM);
	r.extent_order = 1;
	assert_int_equal(call(XENMEM_claim_pages, &r), -EINVAL);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(populate_and_decrease), TEST(short_counts),
		TEST(bad_lists), TEST(for_others), TEST(decrease_of_used),
		TEST(interrupted), TEST(exchange_works),
		TEST(exchange_refusals), TEST(exchange_count_in),
		TEST(exchange_interrupted), TEST(claims),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("reservation", tests, NULL, NULL);
}
