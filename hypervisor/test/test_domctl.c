/*
 * domctl and sysctl: what their dispatchers refuse, what each operation
 * refuses, and that a refusal changes nothing. Then a domain's whole life
 * through domctl.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "console.h"
#include "features.h"
#include "guest.h"
#include "hypercall.h"
#include "pv_cpu.h"
#include "smp.h"
#include <xen/domctl.h>
#include <xen/sched.h>
#include <xen/sysctl.h>

struct cpu_features features;

/* A CPU with leaves 0, 1, 7 and two extended ones. */
void pv_cpuid(const struct domain *d, uint32_t leaf, uint32_t sub,
	      struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	switch (leaf) {
	case 0:
		r->a = 7;
		break;
	case 1:
		r->c = 0xf0f0;
		r->d = 0xffff;
		break;
	case 7:
		r->b = 0x3c;
		break;
	case 0x80000000:
		r->a = 0x80000001;
		break;
	}
}

uint32_t log_first(void)
{
	return 100;
}

size_t log_read(uint32_t *position, char *buf, size_t size)
{
	size_t n = *position < 1000 ? min(size, 1000ul - *position) : 0;

	memset(buf, 'x', n);
	*position += n;
	return n;
}

void log_clear(uint32_t position)
{
}

void debug_key(char key)
{
}

uint64_t heap_free_frames(void)
{
	return 77;
}

uint64_t heap_total_frames(void)
{
	return 1000;
}

mfn_t max_mfn(void)
{
	return MFN(4096);
}

static struct xen_domctl op;
static struct xen_sysctl sys;

static long domctl(uint32_t cmd, uint16_t domid)
{
	op.cmd = cmd;
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	op.domain = domid;
	return hc_domctl((uint64_t)&op, 0, 0, 0, 0);
}

static long sysctl(uint32_t cmd)
{
	sys.cmd = cmd;
	sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	return hc_sysctl((uint64_t)&sys, 0, 0, 0, 0);
}

#define CHECK_EQ(a, b) smp_check((a) == (b))

static void fresh(void)
{
	memset(&op, 0, sizeof(op));
	memset(&sys, 0, sizeof(sys));
	op.u.createdomain.max_vcpus = 2;
	op.u.createdomain.max_evtchn_port = 1023;
	op.u.createdomain.max_grant_frames = -1;
	op.u.createdomain.max_maptrack_frames = -1;
	op.u.createdomain.grant_opts = 1;
}

static void dispatch(void)
{
	fresh();
	idle_domain->privileged = false;
	CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo, 0), -EPERM);
	CHECK_EQ(sysctl(XEN_SYSCTL_physinfo), -EPERM);
	idle_domain->privileged = true;
	CHECK_EQ(hc_domctl(0, 0, 0, 0, 0), -EFAULT);
	CHECK_EQ(hc_sysctl(0, 0, 0, 0, 0), -EFAULT);
	op.interface_version = XEN_DOMCTL_INTERFACE_VERSION - 1;
	CHECK_EQ(hc_domctl((uint64_t)&op, 0, 0, 0, 0), -EACCES);
	sys.interface_version = XEN_SYSCTL_INTERFACE_VERSION + 1;
	CHECK_EQ(hc_sysctl((uint64_t)&sys, 0, 0, 0, 0), -EACCES);
	CHECK_EQ(domctl(0, 0), -ENOSYS);
	CHECK_EQ(domctl(6, 0), -ENOSYS);
	CHECK_EQ(domctl(0x7fffffff, 0), -ENOSYS);
	CHECK_EQ(domctl(0xffffffff, 0), -ENOSYS);
	CHECK_EQ(sysctl(0), -ENOSYS);
	CHECK_EQ(sysctl(0xffffffff), -ENOSYS);
	CHECK_EQ(domctl(XEN_DOMCTL_pausedomain, 77), -ESRCH);
	CHECK_EQ(domctl(XEN_DOMCTL_pausedomain, DOMID_SELF), -ESRCH);
	CHECK_EQ(domctl(XEN_DOMCTL_destroydomain, DOMID_XEN), -ESRCH);
	CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo, 9), -ESRCH);
}

static void create_refused(void)
{
	static const struct {
		size_t at;
		uint32_t value;
		long rc;
	} rows[] = {
#define ROW(field, value, rc) \
		{ offsetof(struct xen_domctl_createdomain, field), value, rc }
		ROW(flags, XEN_DOMCTL_CDF_hvm, -EINVAL),
		ROW(flags, 1u << 31, -EINVAL),
		ROW(iommu_opts, 1, -EINVAL),
		ROW(max_vcpus, 0, -EINVAL),
		ROW(max_vcpus, MAX_VCPUS + 1, -EINVAL),
		ROW(max_vcpus, ~0u, -EINVAL),
		ROW(max_grant_frames, 1u << 30, -EINVAL),
		ROW(max_maptrack_frames, 1u << 30, -EINVAL),
		ROW(grant_opts, 0, -EINVAL),
		ROW(grant_opts, 2, -EINVAL),
		ROW(grant_opts, 0x11, -EINVAL),
		ROW(vmtrace_size, 4096, -EINVAL),
		ROW(cpupool_id, 1, -ENOENT),
		ROW(arch.emulation_flags, 1, -EINVAL),
		ROW(arch.misc_flags, 1, -EINVAL),
	};
	uint32_t objects = rooms_objects, pages = rooms_pages;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh();
		memcpy((char *)&op.u.createdomain + rows[i].at, &rows[i].value,
		       sizeof(rows[i].value));
		CHECK_EQ(domctl(XEN_DOMCTL_createdomain, 0), rows[i].rc);
	}
	CHECK_EQ(rooms_objects, objects);
	CHECK_EQ(rooms_pages, pages);
	CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo, 0), -ESRCH);
}

static uint16_t create(void)
{
	fresh();
	CHECK_EQ(domctl(XEN_DOMCTL_createdomain, 0), 0);
	return op.domain;
}

static void vcpus(uint16_t id)
{
	struct vcpu_guest_context context = { .flags = VGCF_online };
	uint8_t map[16];

	op.u.max_vcpus.max = 3;
	CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus, id), -EINVAL);
	op.u.max_vcpus.max = 2;
	CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus, id), 0);
	CHECK_EQ(domctl(XEN_DOMCTL_max_vcpus, id), 0);

	op.u.vcpucontext.vcpu = 2;
	op.u.vcpucontext.ctxt.p = &context;
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext, id), -ESRCH);
	op.u.vcpucontext.vcpu = 0;
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpucontext, id), -ENODATA);
	op.u.vcpucontext.ctxt.p = (void *)1;
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext, id), -EFAULT);
	op.u.vcpucontext.ctxt.p = &context;
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpucontext, id), 0);
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpucontext, id), 0);
	smp_check(context.flags & VGCF_online);

	op.u.getvcpuinfo.vcpu = 2;
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpuinfo, id), -EINVAL);
	op.u.getvcpuinfo.vcpu = 1;
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpuinfo, id), 0);
	CHECK_EQ(op.u.getvcpuinfo.online, 0);

	memset(&op.u, 0, sizeof(op.u));
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);
	op.u.vcpuaffinity.flags = XEN_VCPUAFFINITY_HARD;
	op.u.vcpuaffinity.cpumap_hard.bitmap.p = map;
	op.u.vcpuaffinity.cpumap_hard.nr_bits = 100;
	memset(map, 0, sizeof(map));
	map[1] = 0xff; /* none of these is online */
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpuaffinity, id), -EINVAL);
	map[0] = 0xfe;
	CHECK_EQ(domctl(XEN_DOMCTL_setvcpuaffinity, id), 0);
	CHECK_EQ(map[0], 2); /* what of it is effective */
	memset(map, 0xff, sizeof(map));
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpuaffinity, id), 0);
	CHECK_EQ(map[0], 0xfe);
	CHECK_EQ(map[1], 0xff);
	CHECK_EQ(map[12], 0); /* beyond 64 CPUs */
	CHECK_EQ(map[13], 0xff); /* beyond nr_bits */
	op.u.vcpuaffinity.vcpu = 2;
	CHECK_EQ(domctl(XEN_DOMCTL_getvcpuaffinity, id), -EINVAL);
}

static void settings(uint16_t id)
{
	op.u.address_size.size = 32;
	CHECK_EQ(domctl(XEN_DOMCTL_set_address_size, id), -EINVAL);
	op.u.address_size.size = 64;
	CHECK_EQ(domctl(XEN_DOMCTL_set_address_size, id), 0);
	memset(&op.u, 0, sizeof(op.u));
	op.u.tsc_info.tsc_mode = 1;
	CHECK_EQ(domctl(XEN_DOMCTL_settscinfo, id), -EOPNOTSUPP);
	op.u.tsc_info.tsc_mode = 0;
	CHECK_EQ(domctl(XEN_DOMCTL_settscinfo, id), 0);
	memset(&op.u, 0, sizeof(op.u));
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), -EINVAL);
	op.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	CHECK_EQ(op.u.scheduler_op.u.credit.weight, 256);
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	op.u.scheduler_op.u.credit.cap = 50;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	op.u.scheduler_op.u.credit.cap = 201; /* it has two vCPUs */
	op.u.scheduler_op.u.credit.weight = 700;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), -EINVAL);
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, 4711), -ESRCH);
	op.u.scheduler_op.u.credit.cap = 200;
	op.u.scheduler_op.u.credit.weight = 0; /* as it is */
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	CHECK_EQ(op.u.scheduler_op.u.credit.cap, 200);
	CHECK_EQ(op.u.scheduler_op.u.credit.weight, 256);
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_putinfo;
	op.u.scheduler_op.u.credit.cap = 50;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	op.u.scheduler_op.u.credit.cap = 0xffff;
	op.u.scheduler_op.u.credit.weight = 512;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	op.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), 0);
	CHECK_EQ(op.u.scheduler_op.u.credit.cap, 50);
	CHECK_EQ(op.u.scheduler_op.u.credit.weight, 512);
	op.u.scheduler_op.cmd = 7;
	CHECK_EQ(domctl(XEN_DOMCTL_scheduler_op, id), -EINVAL);
	op.u.max_mem.max_memkb = 8192 + 3;
	CHECK_EQ(domctl(XEN_DOMCTL_max_mem, id), 0);
}

static void policies(uint16_t id)
{
	xen_cpuid_leaf_t l[200] = {
		{ 0, XEN_CPUID_NO_SUBLEAF, .a = 7 },
		{ 1, XEN_CPUID_NO_SUBLEAF, .c = 0xf000, .d = ~0u },
	};
	struct xen_domctl_cpu_policy *p = &op.u.cpu_policy;
	xen_msr_entry_t m[4] = { { .idx = 0xce } };
	uint32_t n;

	sys.u.cpu_policy = (struct xen_sysctl_cpu_policy){ .index = 4 };
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), 0);
	n = sys.u.cpu_policy.nr_leaves;
	smp_check(n > 50 && n <= ARRAY_SIZE(l));
	sys.u.cpu_policy.index = XEN_SYSCTL_cpu_policy_hvm_max;
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -EOPNOTSUPP);
	sys.u.cpu_policy.index = 6;
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_policy), -EINVAL);

	memset(&op.u, 0, sizeof(op.u));
	p->leaves.p = l;
	p->msrs.p = m;
	p->nr_leaves = 100000;
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), -E2BIG);
	p->nr_leaves = 2;
	p->nr_msrs = 1;
	m[0].idx = 0x10;
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), -ERANGE);
	CHECK_EQ(p->err_msr, 0x10);
	m[0].idx = 0xce;
	l[1].leaf = 0x100;
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), -ERANGE);
	CHECK_EQ(p->err_leaf, 0x100);
	l[1].leaf = 1;
	l[0].a = 8; /* more leaves than there are */
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), -EINVAL);
	CHECK_EQ(p->err_leaf, 0);
	l[0].a = 7;
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), 0);
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), 0);

	p->nr_leaves = 3;
	p->nr_msrs = ARRAY_SIZE(m);
	CHECK_EQ(domctl(XEN_DOMCTL_get_cpu_policy, id), -ENOBUFS);
	p->nr_leaves = ARRAY_SIZE(l);
	CHECK_EQ(domctl(XEN_DOMCTL_get_cpu_policy, id), 0);
	smp_check(p->nr_leaves > 3 && p->nr_leaves < n);
}

/* A policy only takes away. */
static void limits(uint16_t id)
{
	struct cpuid_regs r = { .c = 0xf0f0, .d = 0xffff };
	struct domain *d = domain_get(id);

	cpu_policy_limit(d, 1, 0, &r);
	CHECK_EQ(r.c, 0xf000);
	CHECK_EQ(r.d, 0xffff);
	domain_put(d);
}

static void life(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages + 1;
	uint16_t id = create();
	unsigned int i;

	smp_check(id != 0 && id < DOMID_FIRST_RESERVED);
	CHECK_EQ(domctl(XEN_DOMCTL_createdomain, id), -EEXIST);
	vcpus(id);
	settings(id);
	policies(id);
	limits(id);
	CHECK_EQ(domctl(XEN_DOMCTL_resumedomain, id), -EINVAL);
	CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo, 0), 0);
	CHECK_EQ(op.domain, id);
	CHECK_EQ(op.u.getdomaininfo.max_pages, 2048);
	CHECK_EQ(op.u.getdomaininfo.nr_online_vcpus, 1);
	CHECK_EQ(op.u.getdomaininfo.max_vcpu_id, 1);
	smp_check(op.u.getdomaininfo.flags & XEN_DOMINF_paused);
	CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain, id), 0);
	CHECK_EQ(domctl(XEN_DOMCTL_unpausedomain, id), -EINVAL);
	CHECK_EQ(domctl(XEN_DOMCTL_set_cpu_policy, id), -EEXIST);
	CHECK_EQ(domctl(XEN_DOMCTL_pausedomain, id), 0);
	CHECK_EQ(domctl(XEN_DOMCTL_destroydomain, id), 0);
	for (i = 0; i < 5000 && READ_ONCE(rooms_pages) != pages; i++)
		smp_sleep(NSEC_PER_MSEC);
	CHECK_EQ(rooms_pages, pages);
	CHECK_EQ(rooms_objects, objects);
	CHECK_EQ(domctl(XEN_DOMCTL_destroydomain, id), -ESRCH);
	CHECK_EQ(domctl(XEN_DOMCTL_getdomaininfo, 0), -ESRCH);
}

static void machine_info(void)
{
	xen_domctl_getdomaininfo_t list[4];
	char text[64];

	fresh();
	CHECK_EQ(sysctl(XEN_SYSCTL_physinfo), 0);
	CHECK_EQ(sys.u.physinfo.nr_cpus, 2);
	CHECK_EQ(sys.u.physinfo.max_cpu_id, 1);
	CHECK_EQ(sys.u.physinfo.free_pages, 77);
	memset(&sys.u, 0, sizeof(sys.u));
	CHECK_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	CHECK_EQ(sys.u.getdomaininfolist.num_domains, 0);
	create();
	sys.u.getdomaininfolist.max_domains = 4;
	CHECK_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), -EFAULT);
	sys.u.getdomaininfolist.buffer.p = list;
	CHECK_EQ(sysctl(XEN_SYSCTL_getdomaininfolist), 0);
	CHECK_EQ(sys.u.getdomaininfolist.num_domains, 1);
	domctl(XEN_DOMCTL_destroydomain, list[0].domain);
	memset(&sys.u, 0, sizeof(sys.u));
	sys.u.readconsole.buffer.p = text;
	sys.u.readconsole.count = sizeof(text);
	sys.u.readconsole.incremental = 1;
	sys.u.readconsole.index = 990;
	CHECK_EQ(sysctl(XEN_SYSCTL_readconsole), 0);
	CHECK_EQ(sys.u.readconsole.count, 10);
	CHECK_EQ(sys.u.readconsole.index, 1000);
	memset(&sys.u, 0, sizeof(sys.u));
	sys.u.cpupool_op.op = XEN_SYSCTL_CPUPOOL_OP_INFO;
	sys.u.cpupool_op.cpupool_id = 1;
	CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), -ENOENT);
	sys.u.cpupool_op.op = 99;
	CHECK_EQ(sysctl(XEN_SYSCTL_cpupool_op), -ENOSYS);
	memset(&sys.u, 0, sizeof(sys.u));
	CHECK_EQ(sysctl(XEN_SYSCTL_cputopoinfo), 0);
	CHECK_EQ(sys.u.cputopoinfo.num_cpus, 2);
	CHECK_EQ(sysctl(XEN_SYSCTL_numainfo), 0);
	CHECK_EQ(sys.u.numainfo.num_nodes, 1);
	memset(&sys.u, 0, sizeof(sys.u));
	sys.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_hvm;
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), -EOPNOTSUPP);
	sys.u.cpu_featureset.index = 77;
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), -EINVAL);
	sys.u.cpu_featureset.index = XEN_SYSCTL_cpu_featureset_pv;
	CHECK_EQ(sysctl(XEN_SYSCTL_get_cpu_featureset), 0);
	CHECK_EQ(sys.u.cpu_featureset.nr_features, 19);
}

static void idle_guest(struct vcpu *v)
{
	sched_block_prepare();
	if (vcpu_must_stop(v))
		sched_block_cancel();
	else
		schedule();
}

static void all(void)
{
	smp_guest = idle_guest;
	dispatch();
	create_refused();
	life();
	machine_info();
}

static void test_domctl(void **state)
{
	smp_run(2, all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_domctl),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
