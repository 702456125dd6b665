/*
 * The last steps of building: the page tables become page tables, the shared
 * info page and the first vCPU get their initial state, and the two reserved
 * grants let the daemons reach the console and store pages.
 * Facts: include/public arch-x86/xen.h (vcpu_guest_context), grant_table.h.
 */
#include "toolstack/libvane/build.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/grant_table.h>

#include "toolstack/sys/privcmd.h"

/* Domain that runs the store and console daemons. */
#define DAEMON_DOMID	0

static int reset_shared_info(struct vane *v, struct build *b, uint64_t mfn)
{
	shared_info_t *shared = privcmd_map_foreign(v->privcmd, b->domid,
						    PROT_READ | PROT_WRITE,
						    &mfn, 1, NULL);

	if (!shared)
		return -errno;
	memset(shared, 0, PAGE_SIZE);
	for (unsigned int i = 0; i < XEN_LEGACY_MAX_VCPUS; i++)
		shared->vcpu_info[i].evtchn_upcall_mask = 1;
	privcmd_unmap(shared, 1);
	return 0;
}

static int set_vcpu(struct vane *v, struct build *b)
{
	const struct layout *l = &b->layout;
	vcpu_guest_context_t *ctx = v->hc_data;
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_setvcpucontext, .domain = b->domid,
	};

	memset(ctx, 0, sizeof(*ctx));
	ctx->flags = VGCF_in_kernel | VGCF_online;
	ctx->user_regs.rip = b->kernel.image.entry;
	ctx->user_regs.rsp = l->virt_base + (l->stack_pfn + 1) * PAGE_SIZE;
	ctx->user_regs.rsi = l->virt_base + l->start_info_pfn * PAGE_SIZE;
	ctx->user_regs.rflags = 1 << 9; /* interrupts on */
	ctx->user_regs.cs = FLAT_KERNEL_CS;
	ctx->user_regs.ss = FLAT_KERNEL_SS;
	ctx->kernel_ss = ctx->user_regs.ss;
	ctx->kernel_sp = ctx->user_regs.rsp;
	ctx->ctrlreg[3] = b->p2m[l->boot.pfn] << PAGE_SHIFT;
	ctx->debugreg[6] = 0xffff0ff0;
	ctx->debugreg[7] = 0x400;
	set_xen_guest_handle(op.u.vcpucontext.ctxt, (void *)ctx);
	return hv_domctl(v, &op);
}

/*
 * The entry's flags make it valid, so they come last; nobody looks at the
 * table yet, the order is for the reader.
 */
static void grant(grant_entry_v1_t *entry, uint64_t mfn)
{
	entry->domid = DAEMON_DOMID;
	entry->frame = mfn;
	__atomic_store_n(&entry->flags, GTF_permit_access, __ATOMIC_RELEASE);
}

static int seed_grants(struct vane *v, struct build *b)
{
	const struct layout *l = &b->layout;
	grant_entry_v1_t *table;

	table = privcmd_map_resource(v->privcmd, b->domid,
				     XENMEM_resource_grant_table,
				     XENMEM_resource_grant_table_id_shared, 0,
				     1, PROT_READ | PROT_WRITE);
	if (!table)
		return -errno;
	grant(&table[GNTTAB_RESERVED_CONSOLE], b->p2m[l->console_pfn]);
	grant(&table[GNTTAB_RESERVED_XENSTORE], b->p2m[l->store_pfn]);
	privcmd_unmap(table, 1);
	return 0;
}

int build_start(struct vane *v, struct build *b, uint64_t shared_info_mfn)
{
	const char *step = "page tables", *name = b->config->name;
	int rc = hv_pin_l4(v, b->domid, b->p2m[b->layout.boot.pfn]);

	if (rc >= 0) {
		step = "shared info page";
		rc = reset_shared_info(v, b, shared_info_mfn);
	}
	if (rc >= 0) {
		step = "state of the first vCPU";
		rc = set_vcpu(v, b);
	}
	if (rc >= 0) {
		step = "grants of the console and store pages";
		rc = seed_grants(v, b);
	}
	return vane_hv_refused(v, rc, name, step);
}
