/*
 * Machine checks (hypercall 48), for Dom0's log of them. A machine check is
 * the end of the machine here, so there is never one to fetch; what remains is
 * to say which CPUs there are.
 */
#include "acpi.h"
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include <xen/arch-x86/xen-mca.h>

static long op_fetch(struct xen_mc *op)
{
	op->u.mc_fetch.flags = XEN_MC_NODATA;
	op->u.mc_fetch.fetch_id = 0;
	return 0;
}

static void describe_cpu(struct mcinfo_logical_cpu *info, unsigned int cpu)
{
	struct cpuid_regs id = cpuid(0), sig = cpuid(1), ext = { 0 };

	if (cpuid(0x80000000).a >= 0x80000001)
		ext = cpuid(0x80000001);
	memset(info, 0, sizeof(*info));
	info->mc_cpunr = cpu;
	info->mc_apicid = cpus[cpu].apic_id;
	info->mc_coreid = (uint16_t)cpu;
	info->mc_ncores = info->mc_ncores_active = cpus_present;
	info->mc_nthreads = 1;
	info->mc_cpuid_level = (int32_t)id.a;
	info->mc_family = sig.a >> 8 & 15;
	if (info->mc_family == 15)
		info->mc_family += sig.a >> 20 & 0xff;
	info->mc_model = (sig.a >> 4 & 15) | (sig.a >> 12 & 0xf0);
	info->mc_step = sig.a & 15;
	memcpy(info->mc_vendorid, &id.b, 4);
	memcpy(info->mc_vendorid + 4, &id.d, 4);
	memcpy(info->mc_vendorid + 8, &id.c, 4);
	info->mc_cpu_caps[MC_CAPS_STD_EDX] = sig.d;
	info->mc_cpu_caps[MC_CAPS_STD_ECX] = sig.c;
	info->mc_cpu_caps[MC_CAPS_AMD_EDX] = ext.d;
	info->mc_cpu_caps[MC_CAPS_AMD_ECX] = ext.c;
}

static long op_cpus(struct xen_mc *op)
{
	struct xen_mc_physcpuinfo *p = &op->u.mc_physcpuinfo;
	struct mcinfo_logical_cpu info;
	uint32_t n;

	/* Without an array: only how many there are. */
	if (handle_null(p->info)) {
		p->ncpus = cpus_present;
		return 0;
	}
	p->ncpus = min(p->ncpus, (uint32_t)cpus_present);
	for (n = 0; n < p->ncpus; n++) {
		describe_cpu(&info, n);
		if (copy_to_handle(p->info, n, &info, 1))
			return -EFAULT;
	}
	return 0;
}

/* (structure); Dom0's alone. */
long hc_mca(uint64_t va, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	struct xen_mc op;
	long rc;

	if (get_guest(&op, va))
		return -EFAULT;
	if (op.interface_version != XEN_MCA_INTERFACE_VERSION)
		return -EACCES;
	switch (op.cmd) {
	case XEN_MC_fetch:
		rc = op_fetch(&op);
		break;
	case XEN_MC_physcpuinfo:
		rc = op_cpus(&op);
		break;
	default:
		return hypercall_unknown("mca", op.cmd);
	}
	return rc ? rc : put_guest(va, &op);
}
