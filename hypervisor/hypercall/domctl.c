/*
 * domctl: the control domain makes, looks at and ends domains. A domain that an
 * operation is about is not taken apart meanwhile.
 */
#include "control.h"
#include "guest.h"

static_assert(sizeof(struct xen_domctl) == 144, "ABI");

int get_bitmap(const struct xenctl_bitmap *map, uint64_t *bits)
{
	uint32_t n = min(map->nr_bits, 64u);
	uint8_t bytes[8] = { 0 };

	if (copy_from_handle(bytes, map->bitmap, 0, DIV_ROUND_UP(n, 8)))
		return -EFAULT;
	memcpy(bits, bytes, sizeof(*bits));
	if (n < 64)
		*bits &= (1UL << n) - 1;
	return 0;
}

int put_bitmap(const struct xenctl_bitmap *map, uint64_t bits)
{
	uint32_t bytes = DIV_ROUND_UP((uint64_t)map->nr_bits, 8), i;
	uint8_t b;
	int rc = 0;

	if (map->nr_bits < 64)
		bits &= (1UL << map->nr_bits) - 1;
	/*
	 * Nobody has so many CPUs: what lies beyond is the caller's mistake.
	 */
	for (i = 0; i < min(bytes, 1024u) && !rc; i++) {
		b = i < 8 ? bits >> (8 * i) : 0;
		rc = copy_to_handle(map->bitmap, i, &b, 1);
	}
	return rc;
}

/* A handler's argument by its type. */
#define PART(type) ((struct xen_domctl_##type *)arg)

/* --- life --- */

#define DEFAULT_GRANT_FRAMES 64
#define DEFAULT_MAPTRACK_FRAMES 1024
#define MAX_GRANT_FRAMES 1024
#define MAX_MAPTRACK_FRAMES 65536

static int check_config(const struct xen_domctl_createdomain *c)
{
	/* A PV guest, nothing emulated, no IOMMU, no tracing. */
	if (c->flags & ~XEN_DOMCTL_CDF_xs_domain || c->iommu_opts ||
	    c->arch.emulation_flags || c->arch.misc_flags || c->vmtrace_size)
		return -EINVAL;
	if (c->grant_opts & ~XEN_DOMCTL_GRANT_version_mask ||
	    XEN_DOMCTL_GRANT_version(c->grant_opts) != 1)
		return -EINVAL;
	if (c->max_grant_frames > MAX_GRANT_FRAMES ||
	    c->max_maptrack_frames > MAX_MAPTRACK_FRAMES)
		return -EINVAL;
	return 0;
}

static long op_create(struct domain *none, void *arg)
{
	struct xen_domctl *op = container_of(arg, struct xen_domctl, u);
	const struct xen_domctl_createdomain *c = arg;
	struct domain_config config = {
		.domid = op->domain,
		.max_vcpus = c->max_vcpus,
		.max_evtchn_port = c->max_evtchn_port,
		.max_grant_frames = DEFAULT_GRANT_FRAMES,
		.max_maptrack_frames = DEFAULT_MAPTRACK_FRAMES,
		.pool = c->cpupool_id,
		.ssidref = c->ssidref,
	};
	struct domain *d;
	int rc = check_config(c);

	if (rc)
		return rc;
	if (op->domain == 0 || op->domain >= DOMID_FIRST_RESERVED)
		config.domid = DOMID_INVALID;
	if (c->max_grant_frames >= 0)
		config.max_grant_frames = c->max_grant_frames;
	if (c->max_maptrack_frames >= 0)
		config.max_maptrack_frames = c->max_maptrack_frames;
	memcpy(config.handle, c->handle, sizeof(config.handle));
	rc = domain_create(&config, &d);
	if (rc)
		return rc;
	d->xs_domain = c->flags & XEN_DOMCTL_CDF_xs_domain;
	op->domain = d->id;
	return 0;
}

static long op_destroy(struct domain *d, void *arg)
{
	if (d == current->domain || d == dom0)
		return -EINVAL;
	domain_kill(d);
	return 0;
}

static long op_pause(struct domain *d, void *arg)
{
	if (d == current->domain)
		return -EINVAL;
	domain_controller_pause(d);
	domain_wait_stopped(d);
	return 0;
}

static long op_unpause(struct domain *d, void *arg)
{
	return domain_unpause(d);
}

/* After a suspend that was called off: the vCPUs go on where they parked. */
static long op_resume(struct domain *d, void *arg)
{
	if (d == current->domain)
		return -EINVAL;
	return domain_shutdown_undo(d);
}

/* --- information --- */

static uint64_t shared_info_mfn(struct domain *d)
{
	spin_guard(&d->lock); /* the reaper takes it away under it */
	return d->shared ? frame_mfn(virt_frame(d->shared)).n : ~0UL;
}

static uint32_t info_flags(const struct domain *d)
{
	uint32_t flags = 0;

	if (READ_ONCE(d->state) == DOM_DEAD)
		flags |= XEN_DOMINF_dying;
	if (READ_ONCE(d->shutdown))
		flags |= XEN_DOMINF_shutdown |
			 (uint32_t)(d->shutdown_code & XEN_DOMINF_shutdownmask)
			 << XEN_DOMINF_shutdownshift;
	if (READ_ONCE(d->controller_pauses))
		flags |= XEN_DOMINF_paused;
	if (d->xs_domain)
		flags |= XEN_DOMINF_xs_domain;
	return flags;
}

void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info)
{
	uint32_t blocked = XEN_DOMINF_blocked, running = 0;
	unsigned int policy;
	struct vcpu *v;

	memset(info, 0, sizeof(*info));
	info->domain = d->id;
	info->max_vcpu_id = XEN_INVALID_MAX_VCPU_ID;
	for_each_vcpu(d, v) {
		info->cpu_time += vcpu_runtime(v);
		info->max_vcpu_id = v->id;
		if (READ_ONCE(v->sched.down))
			continue;
		info->nr_online_vcpus++;
		if (!READ_ONCE(v->sched.blocked))
			blocked = 0;
		if (READ_ONCE(v->sched.on_cpu))
			running = XEN_DOMINF_running;
	}
	info->flags = info_flags(d) | blocked | running;
	info->tot_pages = READ_ONCE(d->tot_pages);
	info->max_pages = READ_ONCE(d->max_pages);
	info->shared_info_frame = shared_info_mfn(d);
	info->ssidref = d->ssidref;
	info->cpupool = pool_of(d, &policy);
	memcpy(info->handle, d->handle, sizeof(info->handle));
}

/* Takes the first domain from the given id on: tools walk by it. */
static long op_info(struct domain *none, void *arg)
{
	struct xen_domctl *op = container_of(arg, struct xen_domctl, u);
	struct domain *d = domain_get_from(op->domain);

	if (!d)
		return -ESRCH;
	domain_info(d, arg);
	op->domain = d->id;
	domain_put(d);
	return 0;
}

#define MAX_PAGE_INFO 1024

static uint64_t page_info(struct domain *d, uint64_t mfn)
{
	static const uint64_t tab[] = {
		[TYPE_L1] = XEN_DOMCTL_PFINFO_L1TAB,
		[TYPE_L2] = XEN_DOMCTL_PFINFO_L2TAB,
		[TYPE_L3] = XEN_DOMCTL_PFINFO_L3TAB,
		[TYPE_L4] = XEN_DOMCTL_PFINFO_L4TAB,
	};
	struct frame *f = frame_get(d, MFN(mfn));
	enum frame_type type;
	uint64_t info;

	if (!f)
		return XEN_DOMCTL_PFINFO_XTAB;
	type = frame_type(f);
	info = type < ARRAY_SIZE(tab) ? tab[type] : XEN_DOMCTL_PFINFO_NOTAB;
	if (frame_is_pinned(f))
		info |= XEN_DOMCTL_PFINFO_LPINTAB;
	frame_put(f);
	return info;
}

static long op_page_info(struct domain *d, void *arg)
{
	struct xen_domctl_getpageframeinfo3 *p = arg;
	xen_pfn_t mfn;
	uint64_t i;
	int rc = 0;

	if (p->num > MAX_PAGE_INFO)
		return -E2BIG;
	for (i = 0; i < p->num && !rc; i++) {
		rc = copy_from_handle(&mfn, p->array, i, 1);
		if (rc)
			break;
		mfn = page_info(d, mfn);
		rc = copy_to_handle(p->array, i, &mfn, 1);
		if (!rc && i % 64 == 63)
			rc = preempt_point();
	}
	return rc;
}

/* --- settings --- */

static long op_max_mem(struct domain *d, void *arg)
{
	spin_guard(&d->pages_lock);
	WRITE_ONCE(d->max_pages, PART(max_mem)->max_memkb >>
				 (PAGE_SHIFT - 10));
	return 0;
}

static long op_handle(struct domain *d, void *arg)
{
	memcpy(d->handle, PART(setdomainhandle)->handle, sizeof(d->handle));
	return 0;
}

/* No devices are given away yet: there is nothing to take back either. */
#define PERMISSION(type) \
	static long op_##type(struct domain *d, void *arg) \
	{ \
		return PART(type)->allow_access ? -EOPNOTSUPP : 0; \
	}
PERMISSION(irq_permission)
PERMISSION(iomem_permission)
PERMISSION(ioport_permission)

static long op_hypercall_init(struct domain *d, void *arg)
{
	struct frame *f;
	int rc = frame_get_as(d, MFN(PART(hypercall_init)->gmfn),
			      TYPE_WRITABLE, &f);

	if (rc)
		return rc;
	hypercall_page_fill(frame_virt(f));
	frame_put_as(f);
	return 0;
}

static long op_time_offset(struct domain *d, void *arg)
{
	d->time.wallclock_offset = PART(settimeoffset)->time_offset_seconds;
	time_update_wallclock(d);
	return 0;
}

static long op_set_address_size(struct domain *d, void *arg)
{
	return PART(address_size)->size == 64 ? 0 : -EINVAL;
}

static long op_get_address_size(struct domain *d, void *arg)
{
	PART(address_size)->size = 64;
	return 0;
}

/* Guests read the TSC themselves: the default, and "native". */
enum { TSC_DEFAULT = 0, TSC_NATIVE = 2 };

static long op_set_tsc(struct domain *d, void *arg)
{
	uint32_t mode = PART(tsc_info)->tsc_mode;

	if (mode != TSC_DEFAULT && mode != TSC_NATIVE)
		return -EOPNOTSUPP;
	d->time.tsc_mode = (int)mode;
	return 0;
}

static long op_get_tsc(struct domain *d, void *arg)
{
	*PART(tsc_info) = (struct xen_domctl_tsc_info){
		.tsc_mode = (uint32_t)d->time.tsc_mode,
		.gtsc_khz = tsc_khz(), .elapsed_nsec = now() };
	return 0;
}

/* One node: any set of nodes with it in. */
static long op_set_nodes(struct domain *d, void *arg)
{
	uint64_t nodes;

	if (get_bitmap(&PART(nodeaffinity)->nodemap, &nodes))
		return -EFAULT;
	return nodes & 1 ? 0 : -EINVAL;
}

static long op_get_nodes(struct domain *d, void *arg)
{
	return put_bitmap(&PART(nodeaffinity)->nodemap, 1);
}

/* --- the table --- */

#define FIND SUBOP_DOMAIN
#define LIVE (SUBOP_DOMAIN | SUBOP_ALIVE)
#define OUT SUBOP_OUT
#define ROW(op, function, how) \
	[XEN_DOMCTL_##op] = { .fn = function, .flags = how }

static const struct subop ops[] = {
	ROW(createdomain, op_create, OUT),
	ROW(destroydomain, op_destroy, FIND),
	ROW(pausedomain, op_pause, LIVE),
	ROW(unpausedomain, op_unpause, LIVE),
	ROW(resumedomain, op_resume, LIVE),
	ROW(getdomaininfo, op_info, OUT),
	ROW(getpageframeinfo3, op_page_info, LIVE),
	ROW(max_vcpus, domctl_max_vcpus, LIVE),
	ROW(setvcpucontext, domctl_set_context, LIVE),
	ROW(getvcpucontext, domctl_get_context, LIVE),
	ROW(getvcpuinfo, domctl_vcpu_info, FIND | OUT),
	ROW(setvcpuaffinity, domctl_set_affinity, LIVE),
	ROW(getvcpuaffinity, domctl_get_affinity, FIND),
	ROW(scheduler_op, domctl_scheduler, LIVE | OUT),
	ROW(max_mem, op_max_mem, LIVE),
	ROW(setdomainhandle, op_handle, LIVE),
	ROW(irq_permission, op_irq_permission, LIVE),
	ROW(iomem_permission, op_iomem_permission, LIVE),
	ROW(ioport_permission, op_ioport_permission, LIVE),
	ROW(hypercall_init, op_hypercall_init, LIVE),
	ROW(settimeoffset, op_time_offset, LIVE),
	ROW(set_address_size, op_set_address_size, LIVE),
	ROW(get_address_size, op_get_address_size, FIND | OUT),
	ROW(settscinfo, op_set_tsc, LIVE),
	ROW(gettscinfo, op_get_tsc, FIND | OUT),
	ROW(setnodeaffinity, op_set_nodes, LIVE),
	ROW(getnodeaffinity, op_get_nodes, FIND),
	ROW(set_cpu_policy, domctl_set_policy, LIVE | SUBOP_OUT_ERR),
	ROW(get_cpu_policy, domctl_get_policy, LIVE | OUT),
};

CONTROL(domctl, ops, xen_domctl, XEN_DOMCTL_INTERFACE_VERSION)
