/*
 * grant_table_op: one row for each sub-operation. Lists are worked off entry by
 * entry, unmapping in batches; between entries others may run. Every entry that
 * was looked at has its status written, also the refused ones.
 */
#include "cpu.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "sched.h"
#include "../grant/table.h"

union grant_arg {
	struct gnttab_map_grant_ref map;
	struct gnttab_copy copy;
	struct gnttab_setup_table setup_table;
	struct gnttab_query_size query_size;
	struct gnttab_set_version set_version;
	struct gnttab_get_version get_version;
	struct gnttab_transfer transfer;
	struct gnttab_swap_grant_ref swap;
	struct gnttab_get_status_frames status_frames;
};

static int unmap_some(uint64_t arg, unsigned int n)
{
	const size_t size = sizeof(struct gnttab_unmap_grant_ref);
	struct unmap u[UNMAP_BATCH];
	unsigned int i, got;

	for (got = 0; got < n; got++)
		if (get_guest(&u[got].op, arg + got * size))
			break;
	grant_unmap_batch(u, got);
	for (i = 0; i < got; i++)
		if (put_guest(arg + i * size +
			      offsetof(struct gnttab_unmap_grant_ref, status),
			      &u[i].op.status))
			return -EFAULT;
	return got == n ? 0 : -EFAULT;
}

static long op_unmap(uint64_t arg, uint32_t count)
{
	unsigned int n;
	int rc = 0;

	while (!rc && count > 0) {
		n = min(count, (uint32_t)UNMAP_BATCH);
		rc = unmap_some(arg, n);
		arg += n * sizeof(struct gnttab_unmap_grant_ref);
		count -= n;
		if (!rc && count > 0)
			rc = preempt_point();
	}
	return rc;
}

/* --- entries of lists: a status --- */

static long op_map(union grant_arg *a)
{
	return grant_map(&a->map);
}

static long op_copy(union grant_arg *a)
{
	return grant_copy(&a->copy);
}

static long op_refused(union grant_arg *a)
{
	return GNTST_general_error; /* nobody gets these */
}

/* --- single ones: 0 or an errno; they may have a status to give, too --- */

static int16_t target(uint16_t id, struct domain **d)
{
	int rc = domain_get_target(id, d);

	return rc == -ESRCH ? GNTST_bad_domain :
	       rc ? GNTST_permission_denied : GNTST_okay;
}

int grant_list_frames(struct domain *d, uint64_t first, uint32_t n,
		      XEN_GUEST_HANDLE(xen_pfn_t) list)
{
	xen_pfn_t number;
	int rc = 0;
	uint32_t i;
	mfn_t mfn;

	for (i = 0; !rc && i < n; i++) {
		rc = grant_frame(d, first + i, &mfn);
		if (rc)
			break;
		number = mfn.n;
		rc = copy_to_handle(list, i, &number, 1);
		if (!rc)
			rc = preempt_point();
	}
	return rc;
}

/* Grows the table and tells where it is: a status, unless the call fails. */
static long op_setup_table(union grant_arg *a)
{
	struct gnttab_setup_table *op = &a->setup_table;
	struct domain *d;
	int rc = -EINVAL;

	op->status = target(op->dom, &d);
	if (op->status != GNTST_okay)
		return 0;
	if (op->nr_frames <= d->grant.max_frames)
		rc = grant_list_frames(d, 0, op->nr_frames, op->frame_list);
	domain_put(d);
	op->status = rc ? GNTST_general_error : GNTST_okay;
	return rc == -EFAULT || rc == -EINTR ? rc : 0;
}

static long op_query_size(union grant_arg *a)
{
	struct gnttab_query_size *op = &a->query_size;
	struct domain *d;

	op->status = target(op->dom, &d);
	if (op->status != GNTST_okay)
		return 0;
	op->nr_frames = READ_ONCE(d->grant.frames);
	op->max_nr_frames = d->grant.max_frames;
	domain_put(d);
	return 0;
}

/* Only the first version is offered; asking for it changes nothing. */
static long op_set_version(union grant_arg *a)
{
	uint32_t wanted = a->set_version.version;

	a->set_version.version = 1;
	return wanted == 1 ? 0 : wanted == 2 ? -ENOSYS : -EINVAL;
}

static long op_get_version(union grant_arg *a)
{
	struct domain *d;
	int rc = domain_get_target(a->get_version.dom, &d);

	if (rc)
		return rc;
	domain_put(d);
	a->get_version.version = 1;
	return 0;
}

#define LIST(op, type, fn) \
	[GNTTABOP_##op] = { sizeof(struct type), \
			    offsetof(struct type, status), fn }
#define SINGLE(op, type, fn) [GNTTABOP_##op] = { sizeof(struct type), 0, fn }

static const struct row {
	uint8_t size;
	uint8_t status; /* where it lies: its word and what follows go back */
	long (*fn)(union grant_arg *a);
} ops[] = {
	LIST(map_grant_ref, gnttab_map_grant_ref, op_map),
	LIST(copy, gnttab_copy, op_copy),
	LIST(transfer, gnttab_transfer, op_refused),
	LIST(swap_grant_ref, gnttab_swap_grant_ref, op_refused),
	LIST(get_status_frames, gnttab_get_status_frames, op_refused),
	SINGLE(setup_table, gnttab_setup_table, op_setup_table),
	SINGLE(query_size, gnttab_query_size, op_query_size),
	SINGLE(set_version, gnttab_set_version, op_set_version),
	SINGLE(get_version, gnttab_get_version, op_get_version),
};

static long work_off(const struct row *r, uint64_t arg, uint32_t count)
{
	union grant_arg a;
	uint32_t i, back;
	long rc = 0;

	for (i = 0; !rc && i < count; i++, arg += r->size) {
		if (copy_from_guest_va(&a, arg, r->size))
			return -EFAULT;
		rc = r->fn(&a);
		if (r->status) {
			*(int16_t *)((char *)&a + r->status) = (int16_t)rc;
			rc = i % 16 == 15 ? preempt_point() : 0;
		}
		back = r->status & ~7u;
		if (copy_to_guest_va(arg + back, (char *)&a + back,
				     r->size - back))
			return -EFAULT;
	}
	return rc;
}

long hc_grant_table_op(uint64_t op, uint64_t arg, uint64_t count, uint64_t a3,
		       uint64_t a4)
{
	if (op == GNTTABOP_unmap_grant_ref)
		return op_unmap(arg, (uint32_t)count);
	if (op == GNTTABOP_cache_flush)
		return -EOPNOTSUPP; /* caches are coherent */
	if (op >= ARRAY_SIZE(ops) || !ops[op].fn)
		return hypercall_unknown("grant_table_op", op);
	if (!ops[op].status && (uint32_t)count != 1)
		return -EINVAL;
	return work_off(&ops[op], arg, (uint32_t)count);
}
