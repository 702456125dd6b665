/*
 * platform_op: Dom0's questions about the machine as a whole: wall clock,
 * CPUs, firmware, sleep. What it may do without is answered -ENOSYS.
 */
#include "acpi.h"
#include "cpu.h"
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include "lib.h"
#include "printk.h"
#include "time.h"
#include <xen/platform.h>
#include <xen/vcpu.h>

static long op_settime32(struct xen_platform_op *op)
{
	const struct xenpf_settime32 *s = &op->u.settime32;

	if (s->nsecs >= NSEC_PER_SEC)
		return -EINVAL;
	wallclock_set(s->secs * NSEC_PER_SEC + s->nsecs, s->system_time);
	return 0;
}

static long op_settime64(struct xen_platform_op *op)
{
	const struct xenpf_settime64 *s = &op->u.settime64;

	/* Nanoseconds since 1970 fit in 64 bits until the year 2554. */
	if (s->mbz || s->nsecs >= NSEC_PER_SEC ||
	    s->secs > UINT64_MAX / NSEC_PER_SEC - 1)
		return -EINVAL;
	wallclock_set(s->secs * NSEC_PER_SEC + s->nsecs, s->system_time);
	return 0;
}

/*
 * Nothing of the BIOS is called once the loader has handed over, so there are
 * no disk or monitor tables. The keyboard's flags are those of the BIOS data
 * area that a kernel only wants for its number lock.
 */
static long op_firmware_info(struct xen_platform_op *op)
{
	struct xenpf_firmware_info *info = &op->u.firmware_info;

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

static long op_sleep(struct xen_platform_op *op)
{
	const struct xenpf_enter_acpi_sleep *s = &op->u.enter_acpi_sleep;

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

static long op_cpuinfo(struct xen_platform_op *op)
{
	struct xenpf_pcpuinfo *info = &op->u.pcpu_info;
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
static long op_cpu_version(struct xen_platform_op *op)
{
	struct xenpf_pcpu_version *ver = &op->u.pcpu_version;
	struct cpuid_regs id = cpuid(0), sig = cpuid(1);
	uint32_t family = sig.a >> 8 & 15, model = sig.a >> 4 & 15;

	if (ver->xen_cpuid >= cpus_present)
		return -EINVAL;
	if (family == 15)
		family += sig.a >> 20 & 0xff;
	if (family >= 6)
		model |= (sig.a >> 16 & 15) << 4;
	memset(ver->vendor_id, 0, sizeof(ver->vendor_id));
	memcpy(ver->vendor_id, &id.b, 4);
	memcpy(ver->vendor_id + 4, &id.d, 4);
	memcpy(ver->vendor_id + 8, &id.c, 4);
	ver->max_present = cpus_present - 1;
	ver->family = family;
	ver->model = model;
	ver->stepping = sig.a & 15;
	return 0;
}

/* Idle time of the CPUs in a bitmap; clears the bits of those not present. */
static long op_idle_time(struct xen_platform_op *op)
{
	struct xenpf_getidletime *get = &op->u.getidletime;
	struct vcpu_runstate_info state;
	uint8_t map = 0;

	get->now = now();
	for (uint32_t i = 0; i < min(get->cpumap_nr_cpus, MAX_CPUS + 0u); i++) {
		if (i % 8 == 0 &&
		    copy_from_handle(&map, get->cpumap_bitmap, i / 8, 1))
			return -EFAULT;
		if (!(map & 1 << i % 8))
			continue;
		if (i >= cpus_present || !cpus[i].online) {
			map &= (uint8_t)~(1 << i % 8);
			if (copy_to_handle(get->cpumap_bitmap, i / 8, &map, 1))
				return -EFAULT;
			continue;
		}
		vcpu_runstate(cpus[i].idle, &state);
		if (copy_to_handle(get->idletime, i,
				   &state.time[RUNSTATE_running], 1))
			return -EFAULT;
	}
	return 0;
}

static const struct {
	uint32_t cmd;
	long (*fn)(struct xen_platform_op *op);
	bool answers; /* the structure goes back to the guest */
} ops[] = {
	{ XENPF_settime32, op_settime32, false },
	{ XENPF_settime64, op_settime64, false },
	{ XENPF_firmware_info, op_firmware_info, true },
	{ XENPF_enter_acpi_sleep, op_sleep, false },
	{ XENPF_getidletime, op_idle_time, true },
	{ XENPF_get_cpuinfo, op_cpuinfo, true },
	{ XENPF_get_cpu_version, op_cpu_version, true },
};

/* (structure); Dom0's alone. */
long hc_platform_op(uint64_t va, uint64_t a1, uint64_t a2, uint64_t a3,
		    uint64_t a4)
{
	struct xen_platform_op op;
	long rc;

	if (!current->domain->privileged)
		return -EPERM;
	if (get_guest(&op, va))
		return -EFAULT;
	if (op.interface_version != XENPF_INTERFACE_VERSION)
		return -EACCES;
	for (unsigned int i = 0; i < ARRAY_SIZE(ops); i++) {
		if (ops[i].cmd != op.cmd)
			continue;
		rc = ops[i].fn(&op);
		if (!rc && ops[i].answers)
			rc = put_guest(va, &op);
		return rc;
	}
	return hypercall_unknown("platform_op", op.cmd);
}

/* Performance counters are not offered to domains. */
long hc_xenpmu_op(uint64_t op, uint64_t va, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	return -EOPNOTSUPP;
}
