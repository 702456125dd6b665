/*
 * The register context of a vCPU, as hypercalls set and read it. Everything
 * is checked before anything is stored; frames are referenced before the old
 * ones are dropped.
 */
#include "desc.h"
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

#define DR6_INIT 0xffff0ff0UL
#define LDT_MAX_ENTRIES 8192
#define FCW_INIT 0x37f
#define MXCSR_INIT 0x1f80

static void fpu_reset(struct vcpu *v)
{
	memset(v->pv.fpu, 0, features.xsave_size);
	*(uint16_t *)v->pv.fpu = FCW_INIT;
	*(uint32_t *)((char *)v->pv.fpu + 24) = MXCSR_INIT;
	/* XSTATE_BV: x87 and SSE come from the area, the rest is initial. */
	if (features.xsave)
		*(uint64_t *)((char *)v->pv.fpu + 512) = 3;
}

int pv_vcpu_init(struct vcpu *v)
{
	v->pv.trap = hv_alloc(256 * sizeof(*v->pv.trap));
	/* Slots of at least 64 bytes are aligned to their size. */
	v->pv.fpu = hv_alloc(max(features.xsave_size, 1024u));
	if (!v->pv.trap || !v->pv.fpu) {
		hv_free(v->pv.trap);
		hv_free(v->pv.fpu);
		return -ENOMEM;
	}
	fpu_reset(v);
	v->pv.xcr0 = features.xcr0;
	v->pv.dr6 = DR6_INIT;
	v->pv.dr7 = 0x400;
	v->pv.in_kernel = true;
	pv_update_iomap(v);
	return 0;
}

static void drop_base(paddr_t *cr3)
{
	if (*cr3)
		frame_put_as(frame_of(paddr_mfn(*cr3)));
	*cr3 = 0;
}

void pv_set_base(struct vcpu *v, struct frame *l4)
{
	paddr_t old = v->pv.kernel_cr3;

	v->pv.kernel_cr3 = mfn_paddr(frame_mfn(l4));
	tlb_load_cr3(v->pv.kernel_cr3);
	drop_base(&old);
}

void pv_set_user_base(struct vcpu *v, struct frame *l4)
{
	paddr_t old = v->pv.user_cr3;

	v->pv.user_cr3 = l4 ? mfn_paddr(frame_mfn(l4)) : 0;
	drop_base(&old);
}

void pv_vcpu_destroy(struct vcpu *v)
{
	(void)!pv_set_gdt(v, NULL, 0);
	(void)!pv_set_ldt(v, 0, 0);
	drop_base(&v->pv.kernel_cr3);
	drop_base(&v->pv.user_cr3);
	if (v->info_frame)
		frame_put_as(v->info_frame);
	hv_free(v->pv.trap);
	hv_free(v->pv.fpu);
}

/* --- setting --- */

static bool addresses_ok(const struct vcpu_guest_context *c)
{
	unsigned int i;

	for (i = 0; i < 256; i++)
		if (!va_canonical(c->trap_ctxt[i].address))
			return false;
	return va_canonical(c->user_regs.rip) &&
	       va_canonical(c->event_callback_eip) &&
	       va_canonical(c->failsafe_callback_eip) &&
	       va_canonical(c->syscall_callback_eip) &&
	       va_canonical(c->fs_base) && va_canonical(c->gs_base_kernel) &&
	       va_canonical(c->gs_base_user) &&
	       c->ldt_ents <= LDT_MAX_ENTRIES &&
	       (c->ldt_ents == 0 || va_canonical(c->ldt_base));
}

static void set_registers(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct cpu_user_regs *r = v->regs;

	*r = c->user_regs;
	r->entry_vector = r->error_code = 0;
	if (v->pv.in_kernel) {
		r->cs = SEL_GUEST_CS64;
		r->ss = SEL_GUEST_SS;
	}
	r->cs |= 3;
	r->ss |= 3;
	v->pv.iopl = r->rflags >> 12 & 3;
	pv_update_iomap(v);
	r->rflags = (r->rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_NT |
				   X86_EFLAGS_VM)) | X86_EFLAGS_IF | 2;
	r->ds = guest_selector(r->ds);
	r->es = guest_selector(r->es);
	r->fs = guest_selector(r->fs);
	r->gs = guest_selector(r->gs);
}

static void set_state(struct vcpu *v, const struct vcpu_guest_context *c)
{
	v->pv.in_kernel = c->flags & VGCF_in_kernel;
	set_registers(v, c);
	memcpy(v->pv.trap, c->trap_ctxt, sizeof(c->trap_ctxt));
	v->pv.kernel_sp = c->kernel_sp;
	v->pv.kernel_ss = c->kernel_ss | 3;
	v->pv.event.address = c->event_callback_eip;
	v->pv.failsafe.address = c->failsafe_callback_eip;
	v->pv.failsafe.mask_events =
		c->flags & VGCF_failsafe_disables_events;
	v->pv.syscall.address = c->syscall_callback_eip;
	v->pv.syscall.mask_events = c->flags & VGCF_syscall_disables_events;
	v->pv.fs_base = c->fs_base;
	v->pv.gs_base_kernel = c->gs_base_kernel;
	v->pv.gs_base_user = c->gs_base_user;
	v->pv.cr0_ts = c->ctrlreg[0] & X86_CR0_TS;
	v->pv.cr4 = c->ctrlreg[4];
	fpu_reset(v);
	if (c->flags & VGCF_i387_valid) {
		memcpy(v->pv.fpu, &c->fpu_ctxt, sizeof(c->fpu_ctxt));
		/* Reserved bits of MXCSR would fault on loading. */
		*(uint32_t *)((char *)v->pv.fpu + 24) &= 0xffff;
	}
}

static void set_debugregs(struct vcpu *v, const struct vcpu_guest_context *c)
{
	unsigned int i;

	v->pv.dr7 = 0x400;
	v->pv.dr6 = DR6_INIT;
	/* What is refused stays off: a breakpoint is no reason to fail. */
	for (i = 0; i < 8; i++)
		if (i != 4 && i != 5 && c->debugreg[i])
			(void)!pv_set_debugreg(v, i, c->debugreg[i]);
}

/* The L4s: mfn << 12 in ctrlreg[3], and with bit 0 in ctrlreg[1]. */
static int get_bases(struct vcpu *v, const struct vcpu_guest_context *c,
		     struct frame **kernel, struct frame **user)
{
	int rc = frame_get_as(v->domain, MFN(c->ctrlreg[3] >> PAGE_SHIFT),
			      TYPE_L4, kernel);

	*user = NULL;
	if (rc || !(c->ctrlreg[1] & 1))
		return rc;
	rc = frame_get_as(v->domain, MFN(c->ctrlreg[1] >> PAGE_SHIFT), TYPE_L4,
			  user);
	if (rc)
		frame_put_as(*kernel);
	return rc;
}

int pv_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	struct frame *kernel, *user;
	int rc;

	if (!addresses_ok(c))
		return -EINVAL;
	if (!(c->flags & VGCF_in_kernel) && !(c->ctrlreg[1] & 1))
		return -EINVAL;
	rc = get_bases(v, c, &kernel, &user);
	if (rc)
		return rc;
	rc = pv_set_gdt(v, c->gdt_frames, c->gdt_ents);
	if (rc) {
		frame_put_as(kernel);
		if (user)
			frame_put_as(user);
		return rc;
	}
	v->pv.tables_on = NULL; /* a CPU may have kept the old ones */
	drop_base(&v->pv.kernel_cr3);
	drop_base(&v->pv.user_cr3);
	v->pv.kernel_cr3 = mfn_paddr(frame_mfn(kernel));
	v->pv.user_cr3 = user ? mfn_paddr(frame_mfn(user)) : 0;
	set_state(v, c);
	set_debugregs(v, c);
	/* Needs the tables: a guest without its LDT gets its own faults. */
	if (pv_set_ldt(v, c->ldt_base, (unsigned int)c->ldt_ents))
		domain_log(v->domain, LOG_WARNING,
			   "vCPU %u: LDT of the context refused", v->id);
	return 0;
}

/* --- reading --- */

void pv_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
	unsigned int i;

	memset(c, 0, sizeof(*c));
	memcpy(&c->fpu_ctxt, v->pv.fpu, sizeof(c->fpu_ctxt));
	c->flags = VGCF_i387_valid;
	if (v->pv.in_kernel)
		c->flags |= VGCF_in_kernel;
	if (v->pv.failsafe.mask_events)
		c->flags |= VGCF_failsafe_disables_events;
	if (v->pv.syscall.mask_events)
		c->flags |= VGCF_syscall_disables_events;
	c->user_regs = *v->regs;
	c->user_regs.rflags = (c->user_regs.rflags & ~X86_EFLAGS_IOPL) |
			      (uint64_t)v->pv.iopl << 12;
	memcpy(c->trap_ctxt, v->pv.trap, sizeof(c->trap_ctxt));
	for (i = 0; i < 256; i++)
		c->trap_ctxt[i].vector = (uint8_t)i;
	c->ldt_base = v->pv.ldt_base;
	c->ldt_ents = v->pv.ldt_entries;
	for (i = 0; i < DESC_GUEST_PAGES; i++)
		if (v->pv.gdt[i])
			c->gdt_frames[i] = frame_mfn(v->pv.gdt[i]).n;
	c->gdt_ents = v->pv.gdt_entries;
	c->kernel_ss = v->pv.kernel_ss;
	c->kernel_sp = v->pv.kernel_sp;
	c->ctrlreg[0] = 0x80050033 | v->pv.cr0_ts;
	c->ctrlreg[1] = v->pv.user_cr3 ? v->pv.user_cr3 | 1 : 0;
	c->ctrlreg[3] = v->pv.kernel_cr3;
	c->ctrlreg[4] = v->pv.cr4;
	for (i = 0; i < 4; i++)
		c->debugreg[i] = v->pv.dr[i];
	c->debugreg[6] = v->pv.dr6;
	c->debugreg[7] = v->pv.dr7;
	c->event_callback_eip = v->pv.event.address;
	c->failsafe_callback_eip = v->pv.failsafe.address;
	c->syscall_callback_eip = v->pv.syscall.address;
	c->vm_assist = v->domain->pv.vm_assist;
	c->fs_base = v->pv.fs_base;
	c->gs_base_kernel = v->pv.gs_base_kernel;
	c->gs_base_user = v->pv.gs_base_user;
}
