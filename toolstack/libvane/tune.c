/*
 * What a running domain may have more or less of: CPUs to run on, vCPUs,
 * memory; and what is sent to its kernel.
 */
#include "toolstack/libvane/internal.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/libvane/text.h"
#include "xenstore/client/store.h"

#define NR_CPUS		1024u
#define SLACK_KIB	1024		/* balloon drivers overshoot */
#define DOM0_LEAST_KIB	(128u << 10)

/* --- CPUs ---------------------------------------------------------------- */

int vane_cpulist(struct vane *v, const char *text, uint8_t map[128])
{
	struct vane_topology t;
	uint32_t nodes[NR_CPUS];
	int rc = vane_topology(v, &t);

	if (rc)
		return rc;
	for (unsigned int i = 0; i < NR_CPUS; i++)
		nodes[i] = i < t.nr_cpus ? t.cpus[i].node : ~0u;
	rc = cpulist_parse(text, map, NR_CPUS, nodes);
	for (unsigned int i = 0; !rc && i < NR_CPUS; i++)
		if (i >= t.nr_cpus || t.cpus[i].core == ~0u)
			map[i / 8] &= ~(1 << i % 8);
	vane_topology_free(&t);
	return rc ? vane_fail(v, rc, "\"%s\" is no list of CPUs; allowed: "
			      "0,2-3,^2, all, node:0", text) : 0;
}

static bool empty(const uint8_t map[128])
{
	static const uint8_t none[128];

	return !memcmp(map, none, sizeof(none));
}

int vane_vcpu_pin(struct vane *v, uint32_t domid, unsigned int vcpu,
		  const uint8_t *hard, const uint8_t *soft, bool force)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_setvcpuaffinity, .domain = domid,
	};
	struct xen_domctl_vcpuaffinity *a = &op.u.vcpuaffinity;
	uint8_t *maps = v->hc_data;
	int rc;

	if ((hard && empty(hard)) || (soft && empty(soft)))
		return vane_fail(v, -EINVAL, "domain %u, vCPU %u: none of "
				 "these CPUs is there", domid, vcpu);
	a->vcpu = vcpu;
	a->flags = (hard ? XEN_VCPUAFFINITY_HARD : 0) |
		(soft ? XEN_VCPUAFFINITY_SOFT : 0) |
		(force ? XEN_VCPUAFFINITY_FORCE : 0);
	memset(maps, 0, 256);
	if (hard)
		memcpy(maps, hard, 128);
	if (soft)
		memcpy(maps + 128, soft, 128);
	set_xen_guest_handle(a->cpumap_hard.bitmap, maps);
	set_xen_guest_handle(a->cpumap_soft.bitmap, maps + 128);
	a->cpumap_hard.nr_bits = a->cpumap_soft.nr_bits = NR_CPUS;
	rc = hv_domctl(v, &op);
	return rc < 0 ? vane_fail(v, rc, "domain %u, vCPU %u: %s", domid, vcpu,
				  rc == -EINVAL ? "there is no such vCPU, or "
				  "no CPU of its pool among these" :
				  rc == -EBUSY ? "its kernel has pinned it "
				  "(--force undoes that)" :
				  strerror(-rc)) : 0;
}

/* --- vCPUs --------------------------------------------------------------- */

struct availability {
	uint32_t domid;
	unsigned int online, all;
};

static int write_availability(struct store *s, store_tx tx, void *arg)
{
	const struct availability *a = arg;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < a->all; i++) {
		char path[64];

		snprintf(path, sizeof(path),
			 "/local/domain/%u/cpu/%u/availability", a->domid, i);
		rc = store_write_str(s, tx, path, i < a->online ? "online" :
				     "offline");
	}
	return rc;
}

int vane_vcpus_set(struct vane *v, uint32_t domid, unsigned int count)
{
	struct availability a = { .domid = domid, .online = count };
	struct xen_domctl_getdomaininfo info;
	struct store *s;
	int rc = hv_domain_info(v, domid, &info);

	if (rc)
		return vane_no_domain(v, rc, domid);
	rc = vane_store(v, &s);
	if (rc)
		return rc;
	a.all = info.max_vcpu_id + 1;
	if (!count || count > a.all)
		return vane_fail(v, -EINVAL, "domain %u: %u vCPUs; allowed: 1 "
				 "to %u", domid, count, a.all);
	rc = store_transaction(s, write_availability, &a);
	return rc ? vane_fail(v, rc, "domain %u: its vCPUs: %s", domid,
			      strerror(-rc)) : 0;
}

/* --- memory -------------------------------------------------------------- */

static int set_max(struct vane *v, uint32_t domid, uint64_t kib)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_max_mem, .domain = domid,
	};

	op.u.max_mem.max_memkb = kib;
	return hv_domctl(v, &op);
}

int vane_memory_set(struct vane *v, uint32_t domid, uint64_t kib)
{
	char path[64];
	uint64_t most;
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	if (!kib || (!domid && kib < DOM0_LEAST_KIB))
		return vane_fail(v, -EINVAL, "domain %u: %llu MiB are too "
				 "little; Domain-0 needs %u", domid,
				 (unsigned long long)kib >> 10,
				 DOM0_LEAST_KIB >> 10);
	snprintf(path, sizeof(path), "/local/domain/%u/memory/static-max",
		 domid);
	if (!store_read_u64(s, STORE_NO_TX, path, &most) && kib > most)
		return vane_fail(v, -EINVAL, "domain %u: %llu MiB are more "
				 "than its maxmem of %llu", domid,
				 (unsigned long long)kib >> 10,
				 (unsigned long long)most >> 10);
	rc = set_max(v, domid, kib + SLACK_KIB);
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target", domid);
	if (rc >= 0)
		rc = store_writef(s, STORE_NO_TX, path, "%llu",
				  (unsigned long long)kib);
	return rc < 0 ? vane_fail(v, rc, "domain %u: its memory target: %s",
				  domid, strerror(-rc)) : 0;
}

int vane_memory_max(struct vane *v, uint32_t domid, uint64_t kib)
{
	char path[64];
	uint64_t target;
	struct store *s;
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	snprintf(path, sizeof(path), "/local/domain/%u/memory/target", domid);
	if (!store_read_u64(s, STORE_NO_TX, path, &target) && kib < target)
		return vane_fail(v, -EINVAL, "domain %u: %llu MiB are less "
				 "than its target of %llu (mem-set changes "
				 "that)", domid, (unsigned long long)kib >> 10,
				 (unsigned long long)target >> 10);
	rc = set_max(v, domid, kib + SLACK_KIB);
	return rc < 0 ? vane_fail(v, rc, "domain %u: the most memory that "
				  "it may have: %s",
				  domid, strerror(-rc)) : 0;
}

/* --- what its kernel gets ------------------------------------------------ */

int vane_sysrq(struct vane *v, uint32_t domid, char key)
{
	struct store *s;
	char path[64];
	int rc = vane_store(v, &s);

	if (rc)
		return rc;
	if (!isalnum((unsigned char)key))
		return vane_fail(v, -EINVAL, "domain %u: SysRq: found \"%c\"; "
				 "allowed: a letter or a digit", domid, key);
	snprintf(path, sizeof(path), "/local/domain/%u/control/sysrq", domid);
	rc = store_writef(s, STORE_NO_TX, path, "%c", key);
	return rc ? vane_fail(v, rc, "domain %u: SysRq %c: %s: %s", domid, key,
			      path, strerror(-rc)) : 0;
}

int vane_trigger(struct vane *v, uint32_t domid, const char *name,
		 unsigned int vcpu)
{
	static const char *const names[] = {
		[XEN_DOMCTL_SENDTRIGGER_NMI] = "nmi",
		[XEN_DOMCTL_SENDTRIGGER_RESET] = "reset",
		[XEN_DOMCTL_SENDTRIGGER_INIT] = "init",
		[XEN_DOMCTL_SENDTRIGGER_POWER] = "power",
		[XEN_DOMCTL_SENDTRIGGER_SLEEP] = "sleep",
	};
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_sendtrigger, .domain = domid,
	};
	unsigned int i = 0;
	int rc;

	while (i < 5 && strcmp(name, names[i]))
		i++;
	if (i == 5 && strcmp(name, "s3resume"))
		return vane_fail(v, -EINVAL, "there is no trigger \"%s\"; "
				 "allowed: nmi, reset, init, power, sleep, "
				 "s3resume", name);
	op.u.sendtrigger.trigger = i;
	op.u.sendtrigger.vcpu = vcpu;
	rc = i == 5 ? -EOPNOTSUPP : hv_domctl(v, &op);
	return rc < 0 ? vane_fail(v, rc, "domain %u, vCPU %u: trigger %s: %s",
				  domid, vcpu, name, rc == -ENOSYS ||
				  rc == -EOPNOTSUPP ? "the hypervisor has it "
				  "not for a PV domain" : strerror(-rc)) : 0;
}
