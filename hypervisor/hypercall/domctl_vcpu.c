/*
 * domctl's operations on vCPUs: context, placement, what the policy gives
 * them.
 */
#include "control.h"
#include "guest.h"
#include "public/bvt.h"
#include "time.h"

/* The number is createdomain's: this only makes them. May be repeated. */
long domctl_max_vcpus(struct domain *d, void *arg)
{
	unsigned int i;
	int rc = 0;

	if (((struct xen_domctl_max_vcpus *)arg)->max != d->max_vcpus)
		return -EINVAL;
	for (i = 0; i < d->max_vcpus && !rc; i++) {
		if (d->vcpu[i])
			continue;
		rc = vcpu_create(d, i);
		if (!rc)
			rc = preempt_point();
	}
	return rc == -EEXIST ? 0 : rc;
}

long domctl_set_context(struct domain *d, void *arg)
{
	struct xen_domctl_vcpucontext *p = arg;
	struct vcpu *v = domain_vcpu(d, p->vcpu);
	int rc;

	if (d == current->domain)
		return -EINVAL;
	if (!v)
		return -ESRCH;
	if (handle_null(p->ctxt))
		return -EOPNOTSUPP; /* a reset: nobody needs it yet */
	domain_pause_sync(d);
	rc = vcpu_take_context(v, handle_va(p->ctxt));
	/* A builder has cleared the page that shows the time. */
	if (!rc && v->id == 0)
		time_update_wallclock(d);
	domain_resume(d);
	return rc;
}

long domctl_get_context(struct domain *d, void *arg)
{
	struct xen_domctl_vcpucontext *p = arg;
	struct vcpu *v = domain_vcpu(d, p->vcpu);
	struct vcpu_guest_context *c;
	int rc;

	if (d == current->domain)
		return -EINVAL;
	if (!v)
		return -ESRCH;
	if (!v->initialised)
		return -ENODATA;
	c = hv_alloc(sizeof(*c));
	if (!c)
		return -ENOMEM;
	domain_pause_sync(d);
	pv_get_context(v, c);
	if (!v->sched.down)
		c->flags |= VGCF_online;
	domain_resume(d);
	rc = copy_to_handle(p->ctxt, 0, c, 1);
	hv_free(c);
	return rc;
}

long domctl_vcpu_info(struct domain *d, void *arg)
{
	struct xen_domctl_getvcpuinfo *i = arg;
	struct vcpu *v = domain_vcpu(d, i->vcpu);

	if (i->vcpu >= d->max_vcpus)
		return -EINVAL;
	if (!v)
		return -ESRCH;
	i->online = !v->sched.down;
	i->blocked = v->sched.blocked;
	i->running = v->sched.on_cpu;
	i->cpu_time = vcpu_runtime(v);
	i->cpu = v->sched.cpu;
	return 0;
}

/*
 * Wanted and effective: what is asked for is kept, what the machine makes of
 * it is told. An override by SCHEDOP_pin_override stands unless it is forced.
 */
long domctl_set_affinity(struct domain *d, void *arg)
{
	struct xen_domctl_vcpuaffinity *a = arg;
	struct vcpu *v = domain_vcpu(d, a->vcpu);
	uint64_t hard, soft;
	int rc;

	if (!v)
		return a->vcpu >= d->max_vcpus ? -EINVAL : -ESRCH;
	if (!(a->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
		return -EINVAL;
	hard = v->sched.hard_affinity;
	soft = v->sched.soft_affinity;
	if (a->flags & XEN_VCPUAFFINITY_HARD && get_bitmap(&a->cpumap_hard,
							   &hard))
		return -EFAULT;
	if (a->flags & XEN_VCPUAFFINITY_SOFT && get_bitmap(&a->cpumap_soft,
							   &soft))
		return -EFAULT;
	if (v->sched.affinity_before && a->flags & XEN_VCPUAFFINITY_HARD) {
		if (!(a->flags & XEN_VCPUAFFINITY_FORCE))
			return -EBUSY;
		v->sched.affinity_before = 0;
	}
	rc = sched_set_affinity(v, hard, soft);
	if (rc)
		return rc;
	if (a->flags & XEN_VCPUAFFINITY_HARD)
		rc = put_bitmap(&a->cpumap_hard, v->sched.may_run &
				cpus_online());
	if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
		rc = put_bitmap(&a->cpumap_soft, soft & v->sched.may_run &
				cpus_online());
	return rc;
}

long domctl_get_affinity(struct domain *d, void *arg)
{
	struct xen_domctl_vcpuaffinity *a = arg;
	struct vcpu *v = domain_vcpu(d, a->vcpu);
	int rc = 0;

	if (!v)
		return a->vcpu >= d->max_vcpus ? -EINVAL : -ESRCH;
	if (!(a->flags & (XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT)))
		return -EINVAL;
	if (a->flags & XEN_VCPUAFFINITY_HARD)
		rc = put_bitmap(&a->cpumap_hard, v->sched.hard_affinity);
	if (!rc && a->flags & XEN_VCPUAFFINITY_SOFT)
		rc = put_bitmap(&a->cpumap_soft, v->sched.soft_affinity);
	return rc;
}

/* Both policies have these; credit's are the first two. */
static_assert(offsetof(struct sched_bvt_params, weight) ==
	      offsetof(struct xen_domctl_sched_credit, weight) &&
	      offsetof(struct sched_bvt_params, cap) ==
	      offsetof(struct xen_domctl_sched_credit, cap), "ABI");
static_assert(sizeof(struct sched_bvt_params) <=
	      sizeof(((struct xen_domctl_scheduler_op *)0)->u), "ABI");

static void get_params(const struct domain *d, struct sched_bvt_params *p,
		       bool bvt)
{
	p->weight = d->sched.weight;
	p->cap = d->sched.cap;
	if (!bvt)
		return;
	p->warp_us = d->sched.warp;
	p->warp_limit_us = d->sched.warp_limit;
	p->unwarp_us = d->sched.unwarp;
}

/* A weight of 0 and a cap of all ones leave what is there. */
static long set_params(struct domain *d, const struct sched_bvt_params *p,
		       bool bvt)
{
	if (p->cap != (uint16_t)~0u && p->cap > 100 * d->max_vcpus)
		return -EINVAL;
	if (bvt && max(max(p->warp_us, p->warp_limit_us), p->unwarp_us) >
	    SCHED_BVT_US_MAX)
		return -EINVAL;
	if (p->weight)
		WRITE_ONCE(d->sched.weight, p->weight);
	if (p->cap != (uint16_t)~0u)
		sched_set_cap(d, p->cap);
	if (bvt) {
		WRITE_ONCE(d->sched.warp, p->warp_us);
		WRITE_ONCE(d->sched.warp_limit, p->warp_limit_us);
		WRITE_ONCE(d->sched.unwarp, p->unwarp_us);
	}
	return 0;
}

long domctl_scheduler(struct domain *d, void *arg)
{
	struct xen_domctl_scheduler_op *s = arg;
	struct sched_bvt_params *p = (struct sched_bvt_params *)&s->u;
	unsigned int policy;

	(void)pool_of(d, &policy);
	if (s->sched_id != policy)
		return -EINVAL;
	switch (s->cmd) {
	case XEN_DOMCTL_SCHEDOP_getinfo:
		get_params(d, p, policy == XEN_SCHEDULER_BVT);
		return 0;
	case XEN_DOMCTL_SCHEDOP_putinfo:
		return set_params(d, p, policy == XEN_SCHEDULER_BVT);
	}
	return -EINVAL;
}

long domctl_set_policy(struct domain *d, void *arg)
{
	if (d == current->domain)
		return -EINVAL;
	if (d->state != DOM_BUILDING) /* its kernel may have looked */
		return -EEXIST;
	return policy_set(d, arg);
}

long domctl_get_policy(struct domain *d, void *arg)
{
	struct xen_domctl_cpu_policy *p = arg;
	int rc;

	if (handle_null(p->leaves) || handle_null(p->msrs))
		return -EFAULT;
	rc = policy_put_leaves(POLICY_PV, d, p->leaves, &p->nr_leaves);
	return rc ? rc : policy_put_msrs(p->msrs, &p->nr_msrs);
}
