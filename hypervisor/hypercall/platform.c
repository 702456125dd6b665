/*
 * platform_op: Dom0's questions about the machine as a whole: wall clock,
 * CPUs, firmware, sleep. What it may do without is answered -ENOSYS. And what
 * little there is to say about machine checks.
 */
#include "acpi.h"
#include "control.h"
#include "cpu.h"
#include "guest.h"
#include "printk.h"
#include "subop.h"
#include "time.h"
#include <xen/arch-x86/xen-mca.h>
#include <xen/platform.h>
#include <xen/vcpu.h>

static long set_time(uint64_t secs, uint32_t nsecs, uint64_t system_time)
{
	/* Nanoseconds since 1970 fit in 64 bits until the year 2554. */
	if (nsecs >= NSEC_PER_SEC || secs > UINT64_MAX / NSEC_PER_SEC - 1)
		return -EINVAL;
	wallclock_set(secs * NSEC_PER_SEC + nsecs, system_time);
	return 0;
}

static long op_settime32(struct domain *none, void *arg)
{
	const struct xenpf_settime32 *s = arg;

	return set_time(s->secs, s->nsecs, s->system_time);
}

static long op_settime64(struct domain *none, void *arg)
{
	const struct xenpf_settime64 *s = arg;

	return s->mbz ? -EINVAL : set_time(s->secs, s->nsecs, s->system_time);
}

/*
 * Nothing of the BIOS is called once the loader has handed over, so there are
 * no disk or monitor tables. The keyboard's flags are those of the BIOS data
 * area that a kernel only wants for its number lock.
 */
static long op_firmware_info(struct domain *none, void *arg)
{
	struct xenpf_firmware_info *info = arg;

	switch (info->type) {
	case XEN_FW_DISK_INFO:
	case XEN_FW_DISK_MBR_SIGNATURE:
	case XEN_FW_VBEDDC_INFO:
		return -ESRCH;
	case XEN_FW_KBD_SHIFT_FLAGS:
		info->u.kbd_shift_flags = 0;
		return 0;
	case XEN_FW_EFI_INFO:
		return -ENOSYS;
	default:
		return -EINVAL;
	}
}

static long op_sleep(struct domain *none, void *arg)
{
	const struct xenpf_enter_acpi_sleep *s = arg;

	/* Reduced hardware has other registers; the other states need AML. */
	if (s->flags || s->sleep_state != 5 || !acpi.pm1a_control)
		return -EINVAL;
	log_line(LOG_INFO, "Dom0 switches the machine off");
	machine_sleep(s->val_a, s->val_b);
}

/* A CPU's number in the MADT. */
static uint32_t acpi_cpu_id(uint32_t apic_id)
{
	for (unsigned int i = 0; i < acpi.cpu_count; i++)
		if (acpi.apic_id[i] == apic_id)
			return acpi.acpi_id[i];
	return 0;
}

static long op_cpuinfo(struct domain *none, void *arg)
{
	struct xenpf_pcpuinfo *info = arg;
	uint32_t id = info->xen_cpuid;

	info->max_present = cpus_present - 1;
	info->flags = XEN_PCPU_FLAGS_INVALID;
	info->apic_id = info->acpi_id = 0;
	if (id >= cpus_present)
		return 0;
	info->flags = cpus[id].online ? XEN_PCPU_FLAGS_ONLINE : 0;
	info->apic_id = cpus[id].apic_id;
	info->acpi_id = acpi_cpu_id(cpus[id].apic_id);
	return 0;
}

/* All CPUs of a machine that we run on are of one kind. */
struct cpu_kind {
	char vendor[12];
	uint16_t family, model, stepping;
};

static struct cpu_kind cpu_kind(void)
{
	struct cpuid_regs id = cpuid(0), sig = cpuid(1);
	struct cpu_kind k = {
		.family = sig.a >> 8 & 15, .stepping = sig.a & 15,
		.model = (sig.a >> 4 & 15) | (sig.a >> 12 & 0xf0),
	};

	if (k.family == 15)
		k.family += sig.a >> 20 & 0xff;
	memcpy(k.vendor, &id.b, 4);
	memcpy(k.vendor + 4, &id.d, 4);
	memcpy(k.vendor + 8, &id.c, 4);
	return k;
}

static long op_cpu_version(struct domain *none, void *arg)
{
	struct xenpf_pcpu_version *ver = arg;
	struct cpu_kind k = cpu_kind();

	if (ver->xen_cpuid >= cpus_present)
		return -EINVAL;
	memcpy(ver->vendor_id, k.vendor, sizeof(ver->vendor_id));
	ver->max_present = cpus_present - 1;
	ver->family = k.family;
	ver->model = k.model;
	ver->stepping = k.stepping;
	return 0;
}

/* Idle time of the CPUs in a bitmap; clears the bits of those not present. */
static long op_idle_time(struct domain *none, void *arg)
{
	struct xenpf_getidletime *get = arg;
	struct xenctl_bitmap map = { .nr_bits = get->cpumap_nr_cpus };
	uint64_t asked, idle;

	get->now = now();
	map.bitmap.p = get->cpumap_bitmap.p;
	if (get_bitmap(&map, &asked))
		return -EFAULT;
	asked &= cpus_online();
	for (unsigned int i = 0; i < MAX_CPUS; i++) {
		if (!(asked >> i & 1))
			continue;
		idle = vcpu_runtime(cpus[i].idle);
		if (copy_to_handle(get->idletime, i, &idle, 1))
			return -EFAULT;
	}
	return put_bitmap(&map, asked);
}

#define OUT SUBOP_OUT

static const struct subop ops[] = {
	[XENPF_settime32] = { .fn = op_settime32 },
	[XENPF_settime64] = { .fn = op_settime64 },
	[XENPF_firmware_info] = { .fn = op_firmware_info, .flags = OUT },
	[XENPF_enter_acpi_sleep] = { .fn = op_sleep },
	[XENPF_getidletime] = { .fn = op_idle_time, .flags = OUT },
	[XENPF_get_cpuinfo] = { .fn = op_cpuinfo, .flags = OUT },
	[XENPF_get_cpu_version] = { .fn = op_cpu_version, .flags = OUT },
};

CONTROL(platform_op, ops, xen_platform_op, XENPF_INTERFACE_VERSION)

/*
 * Machine checks (hypercall 48), for Dom0's log of them. A machine check is
 * the end of the machine here, so there is never one to fetch; what remains is
 * to say which CPUs there are.
 */
static long op_fetch(struct domain *none, void *arg)
{
	struct xen_mc_fetch *fetch = arg;

	fetch->flags = XEN_MC_NODATA;
	fetch->fetch_id = 0;
	return 0;
}

static struct mcinfo_logical_cpu describe_cpu(unsigned int cpu)
{
	struct cpuid_regs sig = cpuid(1), ext = { 0 };
	struct cpu_kind k = cpu_kind();
	struct mcinfo_logical_cpu info = {
		.mc_cpunr = cpu, .mc_apicid = cpus[cpu].apic_id,
		.mc_coreid = (uint16_t)cpu, .mc_nthreads = 1,
		.mc_ncores = cpus_present, .mc_ncores_active = cpus_present,
		.mc_cpuid_level = (int32_t)cpuid(0).a, .mc_family = k.family,
		.mc_model = k.model, .mc_step = k.stepping,
	};

	if (cpuid(0x80000000).a >= 0x80000001)
		ext = cpuid(0x80000001);
	memcpy(info.mc_vendorid, k.vendor, sizeof(k.vendor));
	info.mc_cpu_caps[MC_CAPS_STD_EDX] = sig.d;
	info.mc_cpu_caps[MC_CAPS_STD_ECX] = sig.c;
	info.mc_cpu_caps[MC_CAPS_AMD_EDX] = ext.d;
	info.mc_cpu_caps[MC_CAPS_AMD_ECX] = ext.c;
	return info;
}

static long op_cpus(struct domain *none, void *arg)
{
	struct xen_mc_physcpuinfo *p = arg;
	struct mcinfo_logical_cpu info;
	uint32_t n;

	/* Without an array: only how many there are. */
	if (handle_null(p->info)) {
		p->ncpus = cpus_present;
		return 0;
	}
	p->ncpus = min(p->ncpus, (uint32_t)cpus_present);
	for (n = 0; n < p->ncpus; n++) {
		info = describe_cpu(n);
		if (copy_to_handle(p->info, n, &info, 1))
			return -EFAULT;
	}
	return 0;
}

static const struct subop mca_ops[] = {
	[XEN_MC_fetch] = { .fn = op_fetch, .flags = OUT },
	[XEN_MC_physcpuinfo] = { .fn = op_cpus, .flags = OUT },
};

CONTROL(mca, mca_ops, xen_mc, XEN_MCA_INTERFACE_VERSION)

/* Performance counters are not offered to domains. */
long hc_xenpmu_op(uint64_t op, uint64_t va, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	return -EOPNOTSUPP;
}
