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

/* The domain that an operation names, with a reference, or a status. */
static int target(uint16_t id, struct domain **d)
{
	*d = domain_get(id);
	if (!*d)
		return GNTST_bad_domain;
	if (*d != current->domain && !current->domain->privileged) {
		domain_put(*d);
		return GNTST_permission_denied;
	}
	return GNTST_okay;
}

/* After every few short operations of a list: others may run. */
static int between(uint64_t i)
{
	return i % 16 == 15 ? preempt_point() : 0;
}

static long op_map(uint64_t arg, uint64_t count)
{
	struct gnttab_map_grant_ref op;
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < count; i++, arg += sizeof(op)) {
		if (get_guest(&op, arg))
			return -EFAULT;
		op.status = grant_map(&op);
		if (put_guest(arg, &op))
			return -EFAULT;
		rc = between(i);
	}
	return rc;
}

static int unmap_some(uint64_t arg, unsigned int n)
{
	struct gnttab_unmap_grant_ref op;
	struct unmap u[UNMAP_BATCH];
	unsigned int i, got;

	for (got = 0; got < n; got++) {
		if (get_guest(&op, arg + got * sizeof(op)))
			break;
		u[got].host_addr = op.host_addr;
		u[got].dev_bus_addr = op.dev_bus_addr;
		u[got].handle = op.handle;
	}
	grant_unmap_batch(u, got);
	for (i = 0; i < got; i++)
		if (put_guest(arg + i * sizeof(op) +
			      offsetof(struct gnttab_unmap_grant_ref, status),
			      &u[i].status))
			return -EFAULT;
	return got == n ? 0 : -EFAULT;
}

static long op_unmap(uint64_t arg, uint64_t count)
{
	unsigned int n;
	int rc = 0;

	while (!rc && count > 0) {
		n = min(count, (uint64_t)UNMAP_BATCH);
		rc = unmap_some(arg, n);
		arg += n * sizeof(struct gnttab_unmap_grant_ref);
		count -= n;
		if (!rc && count > 0)
			rc = preempt_point();
	}
	return rc;
}

static long op_copy(uint64_t arg, uint64_t count)
{
	struct gnttab_copy op;
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < count; i++, arg += sizeof(op)) {
		if (get_guest(&op, arg))
			return -EFAULT;
		op.status = grant_copy(&op);
		if (put_guest(arg + offsetof(struct gnttab_copy, status),
			      &op.status))
			return -EFAULT;
		rc = between(i);
	}
	return rc;
}

/* Grows the table and tells where it is: a status, unless the call fails. */
static int list_frames(struct domain *d, struct gnttab_setup_table *op)
{
	xen_pfn_t n;
	uint32_t i;
	mfn_t mfn;
	int rc;

	op->status = GNTST_general_error;
	if (op->nr_frames > grant_max_frames(d))
		return 0;
	for (i = 0; i < op->nr_frames; i++) {
		if (grant_frame(d, i, &mfn))
			return 0;
		n = mfn.n;
		if (copy_to_handle(op->frame_list, i, &n, 1))
			return -EFAULT;
		rc = preempt_point();
		if (rc)
			return rc;
	}
	op->status = GNTST_okay;
	return 0;
}

static long op_setup_table(uint64_t arg, uint64_t count)
{
	struct gnttab_setup_table op;
	struct domain *d;
	int rc = 0;

	if (count != 1)
		return -EINVAL;
	if (get_guest(&op, arg))
		return -EFAULT;
	op.status = target(op.dom, &d);
	if (op.status == GNTST_okay) {
		rc = list_frames(d, &op);
		domain_put(d);
	}
	return rc ? rc : put_guest(arg, &op);
}

static long op_query_size(uint64_t arg, uint64_t count)
{
	struct gnttab_query_size op;
	struct domain *d;

	if (count != 1)
		return -EINVAL;
	if (get_guest(&op, arg))
		return -EFAULT;
	op.status = target(op.dom, &d);
	if (op.status == GNTST_okay) {
		op.nr_frames = grant_frames(d);
		op.max_nr_frames = grant_max_frames(d);
		domain_put(d);
	}
	return put_guest(arg, &op);
}

/* Only the first version is offered; asking for it changes nothing. */
static long op_set_version(uint64_t arg, uint64_t count)
{
	struct gnttab_set_version op;
	uint32_t wanted;

	if (count != 1)
		return -EINVAL;
	if (get_guest(&op, arg))
		return -EFAULT;
	wanted = op.version;
	op.version = 1;
	if (put_guest(arg, &op))
		return -EFAULT;
	return wanted == 1 ? 0 : wanted == 2 ? -ENOSYS : -EINVAL;
}

static long op_get_version(uint64_t arg, uint64_t count)
{
	struct gnttab_get_version op;
	struct domain *d;
	int status;

	if (count != 1)
		return -EINVAL;
	if (get_guest(&op, arg))
		return -EFAULT;
	status = target(op.dom, &d);
	if (status != GNTST_okay)
		return status == GNTST_bad_domain ? -ESRCH : -EPERM;
	domain_put(d);
	op.version = 1;
	return put_guest(arg, &op);
}

/* Operations that nobody gets: every entry says so. */
static long refuse(uint64_t arg, uint64_t count, size_t size, size_t offset)
{
	const int16_t status = GNTST_general_error;
	uint64_t i;
	int rc = 0;

	for (i = 0; !rc && i < count; i++, arg += size) {
		if (put_guest(arg + offset, &status))
			return -EFAULT;
		rc = preempt_point();
	}
	return rc;
}

static long op_transfer(uint64_t arg, uint64_t count)
{
	return refuse(arg, count, sizeof(struct gnttab_transfer),
		      offsetof(struct gnttab_transfer, status));
}

static long op_swap(uint64_t arg, uint64_t count)
{
	return refuse(arg, count, sizeof(struct gnttab_swap_grant_ref),
		      offsetof(struct gnttab_swap_grant_ref, status));
}

static long op_status_frames(uint64_t arg, uint64_t count)
{
	return refuse(arg, count, sizeof(struct gnttab_get_status_frames),
		      offsetof(struct gnttab_get_status_frames, status));
}

static long op_cache_flush(uint64_t arg, uint64_t count)
{
	return -EOPNOTSUPP; /* caches are coherent on this architecture */
}

static long (*const ops[])(uint64_t arg, uint64_t count) = {
	[GNTTABOP_map_grant_ref] = op_map,
	[GNTTABOP_unmap_grant_ref] = op_unmap,
	[GNTTABOP_setup_table] = op_setup_table,
	[GNTTABOP_transfer] = op_transfer,
	[GNTTABOP_copy] = op_copy,
	[GNTTABOP_query_size] = op_query_size,
	[GNTTABOP_set_version] = op_set_version,
	[GNTTABOP_get_status_frames] = op_status_frames,
	[GNTTABOP_get_version] = op_get_version,
	[GNTTABOP_swap_grant_ref] = op_swap,
	[GNTTABOP_cache_flush] = op_cache_flush,
};

long hc_grant_table_op(uint64_t op, uint64_t arg, uint64_t count, uint64_t a3,
		       uint64_t a4)
{
	if (op >= ARRAY_SIZE(ops) || !ops[op])
		return hypercall_unknown("grant_table_op", op);
	return ops[op](arg, (uint32_t)count);
}
