/*
 * xen_version: what this hypervisor says it is. Guests choose their code paths
 * by it and tools their libraries: the numbers are those of the interface that
 * we speak. Every guest calls number 0 to have its events delivered: it comes
 * first and does nothing else.
 */
#include "boot.h"
#include "guest.h"
#include "hypercall.h"
#include "subop.h"
#include <xen/features.h>
#include <xen/version.h>

#define MAJOR 4
#define MINOR 17

/* Copied in a buffer of the interface's size, padded with zeroes. */
static long put_string(void *arg, size_t size, const char *text)
{
	char s[sizeof(xen_commandline_t)] = { 0 }; /* the longest */

	str_copy(s, text, size);
	return copy_to_guest_va((uint64_t)arg, s, size);
}

#define STRING(op, type, text) \
	static long op(struct domain *none, void *arg) \
	{ \
		return put_string(arg, sizeof(type), text); \
	}
STRING(op_extraversion, xen_extraversion_t, "-paravane")
STRING(op_capabilities, xen_capabilities_info_t, "xen-3.0-x86_64 ")
STRING(op_changeset, xen_changeset_info_t, "unavailable")
/* How the machine was started is the control domain's business. */
STRING(op_commandline, xen_commandline_t,
       current->domain->privileged ? boot_info.cmdline : "<denied>")

static long op_compile_info(struct domain *none, void *arg)
{
	struct xen_compile_info *info = arg;

	memset(info, 0, sizeof(*info));
	str_copy(info->compiler, __VERSION__, sizeof(info->compiler));
	str_copy(info->compile_by, "paravane", sizeof(info->compile_by));
	str_copy(info->compile_domain, "localdomain",
		 sizeof(info->compile_domain));
	str_copy(info->compile_date, "unknown", sizeof(info->compile_date));
	return 0;
}

static long op_platform_parameters(struct domain *none, void *arg)
{
	((struct xen_platform_parameters *)arg)->virt_start = HV_VIRT_START;
	return 0;
}

static long op_features(struct domain *none, void *arg)
{
	const struct domain *d = current->domain;
	struct xen_feature_info *f = arg;

	if (f->submap_idx != 0)
		return -EINVAL;
	f->submap = 1u << XENFEAT_mmu_pt_update_preserve_ad |
		    1u << XENFEAT_highmem_assist |
		    1u << XENFEAT_gnttab_map_avail_bits |
		    1u << XENFEAT_memory_op_vnode_supported |
		    1u << XENFEAT_direct_mapped;
	if (d->pv.vm_assist & 1UL << VMASST_TYPE_pae_extended_cr3)
		f->submap |= 1u << XENFEAT_pae_pgdir_above_4gb;
	if (d->privileged)
		f->submap |= 1u << XENFEAT_dom0;
	return 0;
}

static long op_pagesize(struct domain *none, void *arg)
{
	return arg ? -EINVAL : (long)PAGE_SIZE;
}

static long op_guest_handle(struct domain *none, void *arg)
{
	memcpy(arg, current->domain->handle, sizeof(xen_domain_handle_t));
	return 0;
}

static long op_build_id(struct domain *none, void *arg)
{
	return current->domain->privileged ? -ENODATA : -EPERM;
}

#define OUT(fn, type) SUBOP(fn, type, SUBOP_OUT)

static const struct subop ops[] = {
	[XENVER_extraversion] = { .fn = op_extraversion },
	[XENVER_compile_info] = OUT(op_compile_info, struct xen_compile_info),
	[XENVER_capabilities] = { .fn = op_capabilities },
	[XENVER_changeset] = { .fn = op_changeset },
	[XENVER_platform_parameters] = OUT(op_platform_parameters,
					   struct xen_platform_parameters),
	[XENVER_get_features] = OUT(op_features, struct xen_feature_info),
	[XENVER_pagesize] = { .fn = op_pagesize },
	[XENVER_guest_handle] = OUT(op_guest_handle, xen_domain_handle_t),
	[XENVER_commandline] = { .fn = op_commandline },
	[XENVER_build_id] = { .fn = op_build_id },
};

long hc_xen_version(uint64_t cmd, uint64_t arg, uint64_t a2, uint64_t a3,
		    uint64_t a4)
{
	cmd = (uint32_t)cmd;
	if (cmd == XENVER_version)
		return MAJOR << 16 | MINOR;
	return subop_call("xen_version", ops, ARRAY_SIZE(ops), cmd, arg);
}
