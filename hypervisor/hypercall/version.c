/*
 * xen_version: what this hypervisor says it is. Guests choose their code paths
 * by it and tools their libraries: the numbers are those of the interface that
 * we speak. Every guest calls number 0 to have its events delivered: it comes
 * first and does nothing else.
 */
#include "boot.h"
#include "domain.h"
#include "guest.h"
#include "hypercall.h"
#include <xen/features.h>
#include <xen/version.h>

#define MAJOR 4
#define MINOR 17

/*
 * Strings are copied in a buffer of the interface's size, padded with zeroes.
 */
#define PUT_STRING(arg, type, text) ({ \
	type s_; \
	memset(&s_, 0, sizeof(s_)); \
	str_copy(s_, (text), sizeof(s_)); \
	copy_to_guest_va((arg), s_, sizeof(s_)); })

static long op_extraversion(uint64_t arg)
{
	return PUT_STRING(arg, xen_extraversion_t, "-paravane");
}

static long op_compile_info(uint64_t arg)
{
	struct xen_compile_info info;

	memset(&info, 0, sizeof(info));
	str_copy(info.compiler, __VERSION__, sizeof(info.compiler));
	str_copy(info.compile_by, "paravane", sizeof(info.compile_by));
	str_copy(info.compile_domain, "localdomain",
		 sizeof(info.compile_domain));
	str_copy(info.compile_date, "unknown", sizeof(info.compile_date));
	return put_guest(arg, &info);
}

static long op_capabilities(uint64_t arg)
{
	return PUT_STRING(arg, xen_capabilities_info_t, "xen-3.0-x86_64 ");
}

static long op_changeset(uint64_t arg)
{
	return PUT_STRING(arg, xen_changeset_info_t, "unavailable");
}

static long op_platform_parameters(uint64_t arg)
{
	struct xen_platform_parameters p = { .virt_start = HV_VIRT_START };

	return put_guest(arg, &p);
}

static long op_features(uint64_t arg)
{
	const struct domain *d = current->domain;
	struct xen_feature_info f;

	if (get_guest(&f, arg))
		return -EFAULT;
	if (f.submap_idx != 0)
		return -EINVAL;
	f.submap = 1u << XENFEAT_mmu_pt_update_preserve_ad |
		   1u << XENFEAT_highmem_assist |
		   1u << XENFEAT_gnttab_map_avail_bits |
		   1u << XENFEAT_memory_op_vnode_supported |
		   1u << XENFEAT_direct_mapped;
	if (d->pv.vm_assist & 1UL << VMASST_TYPE_pae_extended_cr3)
		f.submap |= 1u << XENFEAT_pae_pgdir_above_4gb;
	if (d->privileged)
		f.submap |= 1u << XENFEAT_dom0;
	return put_guest(arg, &f);
}

static long op_pagesize(uint64_t arg)
{
	return arg ? -EINVAL : (long)PAGE_SIZE;
}

static long op_guest_handle(uint64_t arg)
{
	return put_guest(arg, &current->domain->handle);
}

/* How the machine was started is the control domain's business. */
static long op_commandline(uint64_t arg)
{
	return PUT_STRING(arg, xen_commandline_t, current->domain->privileged ?
			  boot_info.cmdline : "<denied>");
}

static long op_build_id(uint64_t arg)
{
	return current->domain->privileged ? -ENODATA : -EPERM;
}

static long (*const ops[])(uint64_t arg) = {
	[XENVER_extraversion] = op_extraversion,
	[XENVER_compile_info] = op_compile_info,
	[XENVER_capabilities] = op_capabilities,
	[XENVER_changeset] = op_changeset,
	[XENVER_platform_parameters] = op_platform_parameters,
	[XENVER_get_features] = op_features,
	[XENVER_pagesize] = op_pagesize,
	[XENVER_guest_handle] = op_guest_handle,
	[XENVER_commandline] = op_commandline,
	[XENVER_build_id] = op_build_id,
};

long hc_xen_version(uint64_t cmd, uint64_t arg, uint64_t a2, uint64_t a3,
		    uint64_t a4)
{
	cmd = (uint32_t)cmd;
	if (cmd == XENVER_version)
		return MAJOR << 16 | MINOR;
	if (cmd >= ARRAY_SIZE(ops) || !ops[cmd])
		return hypercall_unknown("xen_version", cmd);
	return ops[cmd](arg);
}
