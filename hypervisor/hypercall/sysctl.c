/*
 * sysctl: what the control domain asks and tells the hypervisor about the
 * machine as a whole.
 */
#include "console.h"
#include "control.h"
#include "features.h"
#include "guest.h"
#include "trace.h"

static_assert(sizeof(struct xen_sysctl) == 136, "ABI");

static long op_readconsole(struct domain *none, void *arg)
{
	struct xen_sysctl_readconsole *c = arg;
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

static long op_trace(struct domain *none, void *arg)
{
	struct xen_sysctl_tbuf_op *t = arg;
	uint64_t mask;

	switch (t->cmd) {
	case XEN_SYSCTL_TBUFOP_get_info:
		t->buffer_mfn = trace_info(&t->evt_mask);
		t->size = t->buffer_mfn ? PAGE_SIZE : 0;
		return 0;
	case XEN_SYSCTL_TBUFOP_set_cpu_mask:
		if (get_bitmap(&t->cpu_mask, &mask))
			return -EFAULT;
		trace_choose_cpus(mask);
		return 0;
	case XEN_SYSCTL_TBUFOP_set_evt_mask:
		trace_choose(t->evt_mask);
		return 0;
	case XEN_SYSCTL_TBUFOP_set_size:
		return trace_make_rings(t->size);
	case XEN_SYSCTL_TBUFOP_enable:
	case XEN_SYSCTL_TBUFOP_disable:
		return trace_enable(t->cmd == XEN_SYSCTL_TBUFOP_enable);
	}
	return -EINVAL;
}

static long op_physinfo(struct domain *none, void *arg)
{
	struct xen_sysctl_physinfo *p = arg;
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

static long op_sched_id(struct domain *none, void *arg)
{
	((struct xen_sysctl_sched_id *)arg)->sched_id = sched_policy_id();
	return 0;
}

static long op_domain_list(struct domain *none, void *arg)
{
	struct xen_sysctl_getdomaininfolist *l = arg;
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

static long op_debug_keys(struct domain *none, void *arg)
{
	const struct xen_sysctl_debug_keys *k = arg;
	uint32_t i;
	char key;

	for (i = 0; i < k->nr_keys; i++) {
		if (copy_from_handle(&key, k->keys, i, 1))
			return -EFAULT;
		debug_key(key);
		if (preempt_point())
			return -EINTR;
	}
	return 0;
}

static long op_cpu_times(struct domain *none, void *arg)
{
	struct xen_sysctl_getcpuinfo *c = arg;
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

static long op_availheap(struct domain *none, void *arg)
{
	((struct xen_sysctl_availheap *)arg)->avail_bytes =
		heap_free_frames() << PAGE_SHIFT;
	return 0;
}

static long op_cpu_topology(struct domain *none, void *arg)
{
	struct xen_sysctl_cputopoinfo *t = arg;
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
static long op_numa(struct domain *none, void *arg)
{
	struct xen_sysctl_numainfo *n = arg;
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

static long cpupool_info(struct xen_sysctl_cpupool_op *c)
{
	struct pool_info info;
	int rc = pool_info(c->cpupool_id, &info);

	if (rc)
		return rc;
	c->cpupool_id = info.id;
	c->sched_id = info.policy;
	c->n_dom = info.domains;
	return put_bitmap(&c->cpumap, info.cpus);
}

static long cpupool_move(unsigned int id, uint32_t domid)
{
	struct domain *d = domid < DOMID_FIRST_RESERVED ?
		domain_get((uint16_t)domid) : NULL;
	long rc;

	if (!d)
		return -EINVAL;
	rc = pool_move_domain(id, d);
	domain_put(d);
	return rc;
}

static long op_cpupool(struct domain *none, void *arg)
{
	struct xen_sysctl_cpupool_op *c = arg;

	switch (c->op) {
	case XEN_SYSCTL_CPUPOOL_OP_CREATE:
		return pool_create(&c->cpupool_id, c->sched_id);
	case XEN_SYSCTL_CPUPOOL_OP_DESTROY:
		return pool_destroy(c->cpupool_id);
	case XEN_SYSCTL_CPUPOOL_OP_INFO: /* the first from this id on */
		return cpupool_info(c);
	case XEN_SYSCTL_CPUPOOL_OP_ADDCPU:
		return pool_add_cpu(c->cpupool_id, c->cpu);
	case XEN_SYSCTL_CPUPOOL_OP_RMCPU:
		return pool_remove_cpu(c->cpupool_id, c->cpu);
	case XEN_SYSCTL_CPUPOOL_OP_MOVEDOMAIN:
		return cpupool_move(c->cpupool_id, c->domid);
	case XEN_SYSCTL_CPUPOOL_OP_FREEINFO:
		return put_bitmap(&c->cpumap, pool_free_cpus());
	}
	return -ENOSYS;
}

static long op_scheduler(struct domain *none, void *arg)
{
	struct xen_sysctl_scheduler_op *s = arg;
	struct xen_sysctl_credit_schedule *c = &s->u.sched_credit;
	struct pool_info info;

	if (pool_info(s->cpupool_id, &info) || info.id != s->cpupool_id)
		return -ESRCH;
	if (s->sched_id != info.policy)
		return -EINVAL;
	switch (s->cmd) {
	case XEN_SYSCTL_SCHEDOP_getinfo:
		memset(&s->u, 0, sizeof(s->u));
		c->tslice_ms = info.slice_ms;
		c->ratelimit_us = info.rate_us;
		return 0;
	case XEN_SYSCTL_SCHEDOP_putinfo:
		if (c->vcpu_migr_delay_us)
			return -EOPNOTSUPP; /* an idle CPU does not wait */
		return pool_set_times(info.id, c->tslice_ms, c->ratelimit_us);
	}
	return -EINVAL;
}

/* We keep no list of devices: none is known. */
static long op_pci_topology(struct domain *none, void *arg)
{
	struct xen_sysctl_pcitopoinfo *t = arg;
	uint32_t i, unknown = XEN_INVALID_DEV;

	if (handle_null(t->devs) || handle_null(t->nodes))
		return -EINVAL;
	for (i = 0; i < t->num_devs; i++) {
		if (copy_to_handle(t->nodes, i, &unknown, 1))
			return -EFAULT;
		if (preempt_point())
			return -EINTR;
	}
	return 0;
}

/* Feature sets and policies are numbered alike; POLICY_*, or an error. */
static int policy_of(uint32_t index)
{
	static const int policies[] = {
		[XEN_SYSCTL_cpu_policy_raw] = POLICY_RAW,
		[XEN_SYSCTL_cpu_policy_host] = POLICY_HOST,
		[XEN_SYSCTL_cpu_policy_pv_max] = POLICY_PV,
		[XEN_SYSCTL_cpu_policy_hvm_max] = -EOPNOTSUPP,
		[XEN_SYSCTL_cpu_policy_pv_default] = POLICY_PV,
		[XEN_SYSCTL_cpu_policy_hvm_default] = -EOPNOTSUPP,
	};

	return index < ARRAY_SIZE(policies) ? policies[index] : -EINVAL;
}

static long op_featureset(struct domain *none, void *arg)
{
	struct xen_sysctl_cpu_featureset *f = arg;
	uint32_t words[FEATURE_WORDS];
	int policy = policy_of(f->index);

	if (policy < 0)
		return policy;
	if (!handle_null(f->features)) {
		if (f->nr_features < FEATURE_WORDS)
			return -ENOBUFS;
		policy_features((enum policy_kind)policy, words);
		if (copy_to_handle(f->features, 0, words, FEATURE_WORDS))
			return -EFAULT;
	}
	f->nr_features = FEATURE_WORDS;
	return 0;
}

static long op_policy(struct domain *none, void *arg)
{
	struct xen_sysctl_cpu_policy *p = arg;
	int policy = policy_of(p->index), rc;

	if (policy < 0 || p->_rsvd)
		return policy < 0 ? policy : -EINVAL;
	rc = policy_put_leaves((enum policy_kind)policy, NULL, p->leaves,
			       &p->nr_leaves);
	return rc ? rc : policy_put_msrs(p->msrs, &p->nr_msrs);
}

#define ROW(op, function) \
	[XEN_SYSCTL_##op] = { .fn = function, .flags = SUBOP_OUT }

static const struct subop ops[] = {
	ROW(readconsole, op_readconsole),
	ROW(tbuf_op, op_trace),
	ROW(physinfo, op_physinfo),
	ROW(sched_id, op_sched_id),
	ROW(getdomaininfolist, op_domain_list),
	[XEN_SYSCTL_debug_keys] = { .fn = op_debug_keys },
	ROW(getcpuinfo, op_cpu_times),
	ROW(availheap, op_availheap),
	ROW(cputopoinfo, op_cpu_topology),
	ROW(numainfo, op_numa),
	ROW(cpupool_op, op_cpupool),
	ROW(scheduler_op, op_scheduler),
	[XEN_SYSCTL_pcitopoinfo] = { .fn = op_pci_topology },
	ROW(get_cpu_featureset, op_featureset),
	ROW(get_cpu_policy, op_policy),
};

CONTROL(sysctl, ops, xen_sysctl, XEN_SYSCTL_INTERFACE_VERSION)
