/*
 * What a new domain may have and how it is scheduled: vCPUs, memory, memory
 * map, time mode, affinities, scheduling parameters, its first two ports.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <string.h>

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
	uint8_t map[128];
	int rc = vane_cpulist(v, list, map);

	return rc ? rc : vane_vcpu_pin(v, domid, vcpu, soft ? NULL : map,
				       soft ? map : NULL, false);
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
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_scheduler_op, .domain = b->domid,
	};
	int sched;

	if (!b->config->weight && !b->config->cap)
		return 0;
	sched = sched_of_domain(v, b->domid);
	if (sched < 0)
		return sched;
	op.u.scheduler_op.sched_id = sched;
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	/* credit, credit2 and bvt begin with these. */
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
	const char *name = b->config->name;
	int rc = vane_hv_refused(v, set_limits(v, b), name, "limits");

	if (!rc)
		rc = vane_hv_refused(v, set_memory_map(v, b), name,
				     "memory map");
	if (!rc)
		rc = vane_hv_refused(v, set_tsc_mode(v, b), name, "time mode");
	if (!rc)
		rc = set_affinities(v, b, false);
	if (!rc)
		rc = set_affinities(v, b, true);
	if (!rc)
		rc = vane_hv_refused(v, set_scheduling(v, b), name,
				     "scheduling parameters");
	if (!rc)
		rc = vane_hv_refused(v, make_ports(v, b), name,
				     "event channels of store and console");
	return rc;
}
