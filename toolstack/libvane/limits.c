/*
 * What a new domain may have and how it is scheduled: vCPUs, memory, memory
 * map, time mode, affinities, scheduling parameters, its first two ports.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <string.h>

#include "toolstack/libvane/text.h"

/* Above the memory that a domain is given; balloon drivers overshoot. */
#define SLACK_KIB	1024

static int set_limits(struct vane *v, const struct build *b)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_max_vcpus, .domain = b->domid,
	};
	int rc;

	op.u.max_vcpus.max = b->config->maxvcpus;
	rc = hv_domctl(v, &op);
	if (rc >= 0) {
		op.cmd = XEN_DOMCTL_max_mem;
		op.u.max_mem.max_memkb = b->config->memory_kib + SLACK_KIB;
		rc = hv_domctl(v, &op);
	}
	return rc;
}

static int set_memory_map(struct vane *v, const struct build *b)
{
	struct xen_foreign_memory_map fmap = { .domid = b->domid };
	struct {
		uint64_t addr, size;
		uint32_t type;
	} __attribute__((packed)) *ram = v->hc_data;

	ram->addr = 0;
	ram->size = b->config->maxmem_kib << 10;
	ram->type = 1; /* RAM, as the BIOS numbers it */
	fmap.map.nr_entries = 1;
	set_xen_guest_handle(fmap.map.buffer, (void *)ram);
	return hv_memory_op(v, XENMEM_set_memory_map, &fmap, sizeof(fmap));
}

static int set_tsc_mode(struct vane *v, const struct build *b)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_settscinfo, .domain = b->domid,
	};

	if (!b->config->tsc_mode)
		return 0;
	op.u.tsc_info.tsc_mode = b->config->tsc_mode;
	return hv_domctl(v, &op);
}

static int affinity(struct vane *v, uint32_t domid, unsigned int vcpu,
		    const char *list, bool soft)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_setvcpuaffinity, .domain = domid,
	};
	struct xenctl_bitmap *map = soft ? &op.u.vcpuaffinity.cpumap_soft :
		&op.u.vcpuaffinity.cpumap_hard;
	const unsigned int bits = 1024;

	memset(v->hc_data, 0, bits / 8);
	if (cpulist_parse(list, v->hc_data, bits))
		return -EINVAL;
	op.u.vcpuaffinity.vcpu = vcpu;
	op.u.vcpuaffinity.flags = soft ? XEN_VCPUAFFINITY_SOFT :
		XEN_VCPUAFFINITY_HARD;
	set_xen_guest_handle(map->bitmap, v->hc_data);
	map->nr_bits = bits;
	return hv_domctl(v, &op);
}

static int set_affinities(struct vane *v, const struct build *b, bool soft)
{
	const struct vane_config *c = b->config;
	char **list = soft ? c->cpus_soft : c->cpus;
	unsigned int n = soft ? c->nr_cpus_soft : c->nr_cpus;
	bool each = soft ? c->cpus_soft_per_vcpu : c->cpus_per_vcpu;
	int rc = 0;

	for (unsigned int i = 0; n && rc >= 0 && i < c->maxvcpus; i++)
		if (!each || i < n)
			rc = affinity(v, b->domid, i, list[each ? i : 0],
				      soft);
	return rc;
}

static int set_scheduling(struct vane *v, const struct build *b)
{
	struct xen_sysctl id = { .cmd = XEN_SYSCTL_sched_id };
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_scheduler_op, .domain = b->domid,
	};
	int rc;

	if (!b->config->weight && !b->config->cap)
		return 0;
	rc = hv_sysctl(v, &id);
	if (rc < 0)
		return rc;
	op.u.scheduler_op.sched_id = id.u.sched_id.sched_id;
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	/* credit and credit2 share this shape. */
	op.u.scheduler_op.u.credit.weight =
		b->config->weight ? b->config->weight : 256;
	op.u.scheduler_op.u.credit.cap = b->config->cap;
	return hv_domctl(v, &op);
}

static int make_ports(struct vane *v, struct build *b)
{
	b->store_port = hv_alloc_unbound(v, b->domid, 0);
	if (b->store_port < 0)
		return b->store_port;
	b->console_port = hv_alloc_unbound(v, b->domid, 0);
	return b->console_port < 0 ? b->console_port : 0;
}

int build_limits(struct vane *v, struct build *b)
{
	static const char *const steps[] = {
		"limits", "memory map", "time mode", "CPU affinity",
		"soft CPU affinity", "scheduling parameters",
		"event channels of store and console",
	};
	unsigned int step = 0;
	int rc = set_limits(v, b);

	if (rc >= 0 && ++step)
		rc = set_memory_map(v, b);
	if (rc >= 0 && ++step)
		rc = set_tsc_mode(v, b);
	if (rc >= 0 && ++step)
		rc = set_affinities(v, b, false);
	if (rc >= 0 && ++step)
		rc = set_affinities(v, b, true);
	if (rc >= 0 && ++step)
		rc = set_scheduling(v, b);
	if (rc >= 0 && ++step)
		rc = make_ports(v, b);
	return rc < 0 ? vane_fail(v, rc, "%s: %s: the hypervisor refuses: %s",
				  b->config->name, steps[step],
				  strerror(-rc)) : 0;
}
