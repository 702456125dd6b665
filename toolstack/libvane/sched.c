/*
 * Scheduling parameters of domains and of CPU pools. The schedulers credit
 * and credit2 take the same of a domain, and different things of a pool.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <string.h>

static const char *const names[] = {
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

/* The scheduler of the pool that a domain is in. */
static int scheduler_of(struct vane *v, uint32_t domid)
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
	int sched = scheduler_of(v, domid);

	if (sched < 0)
		return sched;
	if (sched != XEN_SCHEDULER_CREDIT && sched != XEN_SCHEDULER_CREDIT2)
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
	int rc = domain_op(v, domid, XEN_DOMCTL_SCHEDOP_getinfo, &op);

	if (rc < 0)
		return vane_fail(v, rc, "domain %u: its scheduling "
				 "parameters: %s", domid, strerror(-rc));
	/* credit and credit2 share this shape. */
	s->weight = op.u.scheduler_op.u.credit.weight;
	s->cap = op.u.scheduler_op.u.credit.cap;
	return 0;
}

int vane_sched_set(struct vane *v, uint32_t domid, const struct vane_sched *s)
{
	struct xen_domctl op = { 0 };
	struct xen_domctl_getdomaininfo info;
	int rc = hv_domain_info(v, domid, &info);

	if (!rc && (s->weight < 1 || s->weight > 65535))
		return vane_fail(v, -EINVAL, "domain %u: weight %u; allowed: "
				 "1 to 65535", domid, s->weight);
	if (!rc && s->cap > 100 * (info.max_vcpu_id + 1))
		return vane_fail(v, -EINVAL, "domain %u: cap %u; allowed: at "
				 "most 100 for each of its %u vCPUs", domid,
				 s->cap, info.max_vcpu_id + 1);
	op.u.scheduler_op.u.credit.weight = s->weight;
	op.u.scheduler_op.u.credit.cap = s->cap;
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

	if (sched != XEN_SCHEDULER_CREDIT && sched != XEN_SCHEDULER_CREDIT2)
		return -EOPNOTSUPP;
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
		return vane_fail(v, rc, "pool %s: the hypervisor's scheduling "
				 "parameters are fixed (`vane sched-%s -s` "
				 "shows them)", pool->name, pool->scheduler);
	return rc < 0 ? vane_fail(v, rc, "pool %s: the hypervisor refuses "
				  "these scheduling parameters: %s",
				  pool->name, strerror(-rc)) : 0;
}
