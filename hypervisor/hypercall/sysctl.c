/*
 * sysctl: what the control domain asks and tells the hypervisor about the
 * machine as a whole. One table; the structure is copied in once and out once,
 * as with domctl.
 */
#include "console.h"
#include "control.h"
#include "features.h"
#include "guest.h"
#include "hypercall.h"
#include <xen/arch-x86/cpufeatureset.h>

static_assert(sizeof(struct xen_sysctl) == 136, "ABI");

typedef int sysctl_fn(struct xen_sysctl *op);

static int op_readconsole(struct xen_sysctl *op)
{
	struct xen_sysctl_readconsole *c = &op->u.readconsole;
	uint32_t pos = c->incremental ? c->index : log_first(), done = 0;
	char buf[256];
	size_t n;

	while (done < c->count) {
		n = log_read(&pos, buf, min(sizeof(buf),
					    (size_t)(c->count - done)));
		if (n == 0)
			break;
		if (copy_to_handle(c->buffer, done, buf, n))
			return -EFAULT;
		done += n;
		if (preempt_point())
			return -EINTR;
	}
	if (c->clear)
		log_clear(pos);
	c->index = pos;
	c->count = done;
	return 0;
}

/* Threads of a core and logical CPUs of a package; 1 where it is not told. */
static void topology(unsigned int *threads, unsigned int *cores)
{
	uint32_t per_package = 1;
	struct cpuid_regs r;

	*threads = 1;
	if (cpuid(0).a >= 0xb && cpuid_count(0xb, 0).b) {
		*threads = max(cpuid_count(0xb, 0).b & 0xffff, 1u);
		per_package = cpuid_count(0xb, 1).b & 0xffff;
	} else {
		r = cpuid(1);
		if (r.d >> 28 & 1)
			per_package = r.b >> 16 & 0xff;
	}
	*cores = max(per_package / *threads, 1u);
}

static int op_physinfo(struct xen_sysctl *op)
{
	struct xen_sysctl_physinfo *p = &op->u.physinfo;
	uint32_t words[FEATURE_WORDS];

	memset(p, 0, sizeof(*p));
	topology(&p->threads_per_core, &p->cores_per_socket);
	p->nr_cpus = count_bits(cpus_online());
	p->max_cpu_id = cpus_present - 1;
	p->nr_nodes = 1;
	p->cpu_khz = tsc_khz();
	p->capabilities = XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_gnttab_v1;
	p->total_pages = heap_total_frames();
	p->free_pages = heap_free_frames();
	p->max_mfn = max_mfn().n - 1;
	policy_features(POLICY_HOST, words);
	memcpy(p->hw_cap, words, sizeof(p->hw_cap));
	return 0;
}

static int op_sched_id(struct xen_sysctl *op)
{
	op->u.sched_id.sched_id = sched_policy_id();
	return 0;
}

static int op_domain_list(struct xen_sysctl *op)
{
	struct xen_sysctl_getdomaininfolist *l = &op->u.getdomaininfolist;
	struct xen_domctl_getdomaininfo info;
	struct domain *d;
	uint32_t n = 0;
	int rc = 0;

	for (d = domain_get_from(l->first_domain); d && n < l->max_domains;
	     d = domain_next(d)) {
		domain_info(d, &info);
		rc = copy_to_handle(l->buffer, n, &info, 1);
		n++;
		if (!rc)
			rc = preempt_point();
		if (rc)
			break;
	}
	if (d)
		domain_put(d);
	l->num_domains = n;
	return rc;
}

static int op_debug_keys(struct xen_sysctl *op)
{
	uint32_t i;
	char key;

	for (i = 0; i < op->u.debug_keys.nr_keys; i++) {
		if (copy_from_handle(&key, op->u.debug_keys.keys, i, 1))
			return -EFAULT;
		debug_key(key);
		if (preempt_point())
			return -EINTR;
	}
	return 0;
}

static int op_cpu_times(struct xen_sysctl *op)
{
	struct xen_sysctl_getcpuinfo *c = &op->u.getcpuinfo;
	xen_sysctl_cpuinfo_t info;
	uint32_t i, n = min(c->max_cpus, cpus_present);

	for (i = 0; i < n; i++) {
		info.idletime = vcpu_runtime(cpus[i].idle);
		if (copy_to_handle(c->info, i, &info, 1))
			return -EFAULT;
	}
	c->nr_cpus = n;
	return 0;
}

static int op_availheap(struct xen_sysctl *op)
{
	op->u.availheap.avail_bytes = heap_free_frames() << PAGE_SHIFT;
	return 0;
}

static int op_cpu_topology(struct xen_sysctl *op)
{
	struct xen_sysctl_cputopoinfo *t = &op->u.cputopoinfo;
	unsigned int i, threads, cores, n = cpus_present;
	struct xen_sysctl_cputopo c;

	topology(&threads, &cores);
	if (!handle_null(t->cputopo)) {
		n = min(n, t->num_cpus);
		for (i = 0; i < n; i++) {
			c.core = cpus[i].apic_id / threads % cores;
			c.socket = cpus[i].apic_id / threads / cores;
			c.node = 0;
			if (!cpus[i].online)
				c.core = c.socket = c.node = ~0u;
			if (copy_to_handle(t->cputopo, i, &c, 1))
				return -EFAULT;
		}
	}
	t->num_cpus = n;
	return 0;
}

/* One node with everything in it. */
static int op_numa(struct xen_sysctl *op)
{
	struct xen_sysctl_numainfo *n = &op->u.numainfo;
	struct xen_sysctl_meminfo m = {
		.memsize = heap_total_frames() << PAGE_SHIFT,
		.memfree = heap_free_frames() << PAGE_SHIFT,
	};
	uint32_t distance = 10;

	if (!handle_null(n->meminfo) || !handle_null(n->distance)) {
		if (n->num_nodes == 0)
			return 0;
		if (!handle_null(n->meminfo) &&
		    copy_to_guest_va(handle_va(n->meminfo), &m, sizeof(m)))
			return -EFAULT;
		if (!handle_null(n->distance) &&
		    copy_to_handle(n->distance, 0, &distance, 1))
			return -EFAULT;
	}
	n->num_nodes = 1;
	return 0;
}

static uint32_t count_domains(void)
{
	struct domain *d = NULL;
	uint32_t n = 0;

	while ((d = domain_next(d)))
		n++;
	return n;
}

/* One pool with all CPUs. */
static int op_cpupool(struct xen_sysctl *op)
{
	struct xen_sysctl_cpupool_op *c = &op->u.cpupool_op;

	switch (c->op) {
	case XEN_SYSCTL_CPUPOOL_OP_INFO: /* the first from this id on */
		if (c->cpupool_id != 0)
			return -ENOENT;
		c->sched_id = sched_policy_id();
		c->n_dom = count_domains();
		return put_bitmap(&c->cpumap, cpus_online());
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		return put_bitmap(&c->cpumap, 0);
	case XEN_SYSCTL_CPUPOOL_OP_CREATE:
	case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
	case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
	case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
	case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
		return -EOPNOTSUPP;
	}
	return -ENOSYS;
}

static int op_scheduler(struct xen_sysctl *op)
{
	struct xen_sysctl_scheduler_op *s = &op->u.scheduler_op;

	if (s->cpupool_id != 0)
		return -ESRCH;
	if (s->sched_id != sched_policy_id())
		return -EINVAL;
	if (s->cmd != XEN_SYSCTL_SCHEDOP_getinfo)
		return -EOPNOTSUPP;
	memset(&s->u, 0, sizeof(s->u));
	s->u.sched_credit.tslice_ms = 30;
	return 0;
}

/* We keep no list of devices: none is known. */
static int op_pci_topology(struct xen_sysctl *op)
{
	struct xen_sysctl_pcitopoinfo *t = &op->u.pcitopoinfo;
	uint32_t i, none = XEN_INVALID_DEV;

	if (handle_null(t->devs) || handle_null(t->nodes))
		return -EINVAL;
	for (i = 0; i < t->num_devs; i++) {
		if (copy_to_handle(t->nodes, i, &none, 1))
			return -EFAULT;
		if (preempt_point())
			return -EINTR;
	}
	return 0;
}

static int op_featureset(struct xen_sysctl *op)
{
	static const enum policy_kind kinds[] = {
		[XEN_SYSCTL_cpu_featureset_raw] = POLICY_RAW,
		[XEN_SYSCTL_cpu_featureset_host] = POLICY_HOST,
		[XEN_SYSCTL_cpu_featureset_pv] = POLICY_PV,
		[XEN_SYSCTL_cpu_featureset_hvm] = POLICY_PV, /* not reached */
		[XEN_SYSCTL_cpu_featureset_pv_max] = POLICY_PV,
	};
	struct xen_sysctl_cpu_featureset *f = &op->u.cpu_featureset;
	uint32_t words[FEATURE_WORDS], n = FEATURE_WORDS;

	if (f->index == XEN_SYSCTL_cpu_featureset_hvm ||
	    f->index == XEN_SYSCTL_cpu_featureset_hvm_max)
		return -EOPNOTSUPP;
	if (f->index >= ARRAY_SIZE(kinds))
		return -EINVAL;
	if (!handle_null(f->features)) {
		if (f->nr_features < n)
			return -ENOBUFS;
		policy_features(kinds[f->index], words);
		if (copy_to_handle(f->features, 0, words, n))
			return -EFAULT;
	}
	f->nr_features = n;
	return 0;
}

static int op_policy(struct xen_sysctl *op)
{
	struct xen_sysctl_cpu_policy *p = &op->u.cpu_policy;
	enum policy_kind kind;
	int rc;

	switch (p->index) {
	case XEN_SYSCTL_cpu_policy_raw:
		kind = POLICY_RAW;
		break;
	case XEN_SYSCTL_cpu_policy_host:
		kind = POLICY_HOST;
		break;
	case XEN_SYSCTL_cpu_policy_pv_max:
	case XEN_SYSCTL_cpu_policy_pv_default:
		kind = POLICY_PV;
		break;
	case XEN_SYSCTL_cpu_policy_hvm_max:
	case XEN_SYSCTL_cpu_policy_hvm_default:
		return -EOPNOTSUPP;
	default:
		return -EINVAL;
	}
	if (p->_rsvd)
		return -EINVAL;
	rc = policy_put_leaves(kind, NULL, p->leaves, &p->nr_leaves);
	return rc ? rc : policy_put_msrs(p->msrs, &p->nr_msrs);
}

static const struct row {
	sysctl_fn *fn;
	bool out;
} rows[] = {
	[XEN_SYSCTL_readconsole] = { op_readconsole, true },
	[XEN_SYSCTL_physinfo] = { op_physinfo, true },
	[XEN_SYSCTL_sched_id] = { op_sched_id, true },
	[XEN_SYSCTL_getdomaininfolist] = { op_domain_list, true },
	[XEN_SYSCTL_debug_keys] = { op_debug_keys, false },
	[XEN_SYSCTL_getcpuinfo] = { op_cpu_times, true },
	[XEN_SYSCTL_availheap] = { op_availheap, true },
	[XEN_SYSCTL_cputopoinfo] = { op_cpu_topology, true },
	[XEN_SYSCTL_numainfo] = { op_numa, true },
	[XEN_SYSCTL_cpupool_op] = { op_cpupool, true },
	[XEN_SYSCTL_scheduler_op] = { op_scheduler, true },
	[XEN_SYSCTL_pcitopoinfo] = { op_pci_topology, false },
	[XEN_SYSCTL_get_cpu_featureset] = { op_featureset, true },
	[XEN_SYSCTL_get_cpu_policy] = { op_policy, true },
};

long hc_sysctl(uint64_t arg, uint64_t a1, uint64_t a2, uint64_t a3,
	       uint64_t a4)
{
	struct xen_sysctl op;
	int rc;

	if (!current->domain->privileged)
		return -EPERM;
	if (get_guest(&op, arg))
		return -EFAULT;
	if (op.interface_version != XEN_SYSCTL_INTERFACE_VERSION)
		return -EACCES;
	if (op.cmd >= ARRAY_SIZE(rows) || !rows[op.cmd].fn)
		return hypercall_unknown("sysctl", op.cmd);
	rc = rows[op.cmd].fn(&op);
	if (!rc && rows[op.cmd].out && put_guest(arg, &op))
		rc = -EFAULT;
	return rc;
}
