/*
 * Scheduling parameters of domains and of CPU pools. The schedulers credit,
 * credit2 and bvt take the same of a domain, and bvt three times more; of a pool
 * credit and bvt take the same, and credit2 less.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <string.h>

#include "hypervisor/include/public/bvt.h"

static const char *const names[] = {
	[XEN_SCHEDULER_BVT] = "bvt",
	[XEN_SCHEDULER_CREDIT] = "credit", [XEN_SCHEDULER_CREDIT2] = "credit2",
	[XEN_SCHEDULER_ARINC653] = "arinc653", [XEN_SCHEDULER_RTDS] = "rtds",
	[XEN_SCHEDULER_NULL] = "null",
};

#define NR_NAMES (sizeof(names) / sizeof(names[0]))

const char *sched_name(unsigned int id)
{
	return id < NR_NAMES && names[id] ? names[id] : "unknown";
}

int sched_number(const char *name)
{
	for (unsigned int i = 0; i < NR_NAMES; i++)
		if (names[i] && !strcmp(name, names[i]))
			return i;
	return -EINVAL;
}

static bool has_parameters(int sched)
{
	return sched == XEN_SCHEDULER_CREDIT ||
	       sched == XEN_SCHEDULER_CREDIT2 || sched == XEN_SCHEDULER_BVT;
}

int sched_of_domain(struct vane *v, uint32_t domid)
{
	struct xen_sysctl op = { .cmd = XEN_SYSCTL_cpupool_op };
	struct xen_domctl_getdomaininfo info;
	int rc = hv_domain_info(v, domid, &info);

	if (rc)
		return rc;
	memset(v->hc_data, 0, 128);
	op.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	op.u.cpupool_op.cpupool_id = info.cpupool;
	set_xen_guest_handle(op.u.cpupool_op.cpumap.bitmap, v->hc_data);
	op.u.cpupool_op.cpumap.nr_bits = 1024;
	rc = hv_sysctl(v, &op);
	return rc < 0 ? rc : (int)op.u.cpupool_op.sched_id;
}

static int domain_op(struct vane *v, uint32_t domid, unsigned int cmd,
		     struct xen_domctl *op)
{
	int sched = sched_of_domain(v, domid);

	if (sched < 0)
		return sched;
	if (!has_parameters(sched))
		return -EOPNOTSUPP;
	op->cmd = XEN_DOMCTL_scheduler_op;
	op->domain = domid;
	op->u.scheduler_op.sched_id = sched;
	op->u.scheduler_op.cmd = cmd;
	return hv_domctl(v, op);
}

int vane_sched_get(struct vane *v, uint32_t domid, struct vane_sched *s)
{
	struct xen_domctl op = { 0 };
	struct sched_bvt_params bvt;
	int rc = domain_op(v, domid, XEN_DOMCTL_SCHEDOP_getinfo, &op);

	if (rc < 0)
		return vane_fail(v, rc, "domain %u: its scheduling "
				 "parameters: %s", domid, strerror(-rc));
	/* All three begin with these. */
	*s = (struct vane_sched) {
		.scheduler = sched_name(op.u.scheduler_op.sched_id),
		.weight = op.u.scheduler_op.u.credit.weight,
		.cap = op.u.scheduler_op.u.credit.cap,
	};
	if (op.u.scheduler_op.sched_id != XEN_SCHEDULER_BVT)
		return 0;
	memcpy(&bvt, &op.u.scheduler_op.u, sizeof(bvt));
	s->warp_us = bvt.warp_us;
	s->warp_limit_us = bvt.warp_limit_us;
	s->unwarp_us = bvt.unwarp_us;
	return 0;
}

/* The three times of bvt; 0 with the others. */
static int check_times(struct vane *v, uint32_t domid,
		       const struct vane_sched *s)
{
	const struct {
		const char *name;
		unsigned int us;
	} times[] = {
		{ "warp", s->warp_us }, { "warp limit", s->warp_limit_us },
		{ "unwarp requirement", s->unwarp_us },
	};

	for (unsigned int i = 0; i < 3; i++)
		if (times[i].us > SCHED_BVT_US_MAX)
			return vane_fail(v, -EINVAL, "domain %u: %s %u us; "
					 "allowed: at most %u", domid,
					 times[i].name, times[i].us,
					 SCHED_BVT_US_MAX);
	return 0;
}

int vane_sched_set(struct vane *v, uint32_t domid, const struct vane_sched *s)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_getdomaininfo info;
	/* The others look at no more than the first two. */
	const struct sched_bvt_params bvt = {
		.weight = s->weight, .cap = s->cap, .warp_us = s->warp_us,
		.warp_limit_us = s->warp_limit_us, .unwarp_us = s->unwarp_us,
	};
	int rc = hv_domain_info(v, domid, &info);

	if (!rc && (s->weight < 1 || s->weight > 65535))
		return vane_fail(v, -EINVAL, "domain %u: weight %u; allowed: "
				 "1 to 65535", domid, s->weight);
	if (!rc && s->cap > 100 * (info.max_vcpu_id + 1))
		return vane_fail(v, -EINVAL, "domain %u: cap %u; allowed: at "
				 "most 100 for each of its %u vCPUs", domid,
				 s->cap, info.max_vcpu_id + 1);
	if (!rc && check_times(v, domid, s))
		return -EINVAL;
	memcpy(&op.u.scheduler_op.u, &bvt, sizeof(bvt));
	if (!rc)
		rc = domain_op(v, domid, XEN_DOMCTL_SCHEDOP_putinfo, &op);
	return rc < 0 ? vane_fail(v, rc, "domain %u: its scheduling "
				  "parameters: %s", domid, strerror(-rc)) : 0;
}

/* --- of a pool ----------------------------------------------------------- */

static int pool_op(struct vane *v, const struct vane_pool *pool,
		   unsigned int cmd, struct xen_sysctl *op)
{
	int sched = sched_number(pool->scheduler);

	if (!has_parameters(sched))
		return -ENOSYS;
	op->cmd = XEN_SYSCTL_scheduler_op;
	op->u.scheduler_op.cpupool_id = pool->id;
	op->u.scheduler_op.sched_id = sched;
	op->u.scheduler_op.cmd = cmd;
	return hv_sysctl(v, op);
}

int vane_pool_sched_get(struct vane *v, const struct vane_pool *pool,
			struct vane_pool_sched *s)
{
	struct xen_sysctl op = { 0 };
	int rc = pool_op(v, pool, XEN_SYSCTL_SCHEDOP_getinfo, &op);

	if (rc < 0)
		return vane_fail(v, rc, "pool %s: its scheduling parameters: "
				 "%s", pool->name, strerror(-rc));
	memset(s, 0, sizeof(*s));
	if (!strcmp(pool->scheduler, "credit2")) {
		s->ratelimit_us =
			op.u.scheduler_op.u.sched_credit2.ratelimit_us;
	} else {
		s->tslice_ms = op.u.scheduler_op.u.sched_credit.tslice_ms;
		s->ratelimit_us =
			op.u.scheduler_op.u.sched_credit.ratelimit_us;
		s->migration_delay_us =
			op.u.scheduler_op.u.sched_credit.vcpu_migr_delay_us;
	}
	return 0;
}

int vane_pool_sched_set(struct vane *v, const struct vane_pool *pool,
			const struct vane_pool_sched *s)
{
	struct xen_sysctl op = { 0 };
	int rc;

	if (!strcmp(pool->scheduler, "credit2")) {
		op.u.scheduler_op.u.sched_credit2.ratelimit_us =
			s->ratelimit_us;
	} else {
		op.u.scheduler_op.u.sched_credit.tslice_ms = s->tslice_ms;
		op.u.scheduler_op.u.sched_credit.ratelimit_us =
			s->ratelimit_us;
		op.u.scheduler_op.u.sched_credit.vcpu_migr_delay_us =
			s->migration_delay_us;
	}
	rc = pool_op(v, pool, XEN_SYSCTL_SCHEDOP_putinfo, &op);
	if (rc == -EOPNOTSUPP)
		return vane_fail(v, rc, "pool %s: the hypervisor knows no "
				 "migration delay; allowed: 0", pool->name);
	if (rc == -EINVAL)
		return vane_fail(v, rc, "pool %s: a slice of %u ms, a rate "
				 "limit of %u us; allowed: 1 to 1000 ms, and "
				 "0 (none) or 100 to 500000 us, no longer than "
				 "the slice", pool->name, s->tslice_ms,
				 s->ratelimit_us);
	return rc < 0 ? vane_fail(v, rc, "pool %s: the hypervisor refuses "
				  "these scheduling parameters: %s",
				  pool->name, strerror(-rc)) : 0;
}
