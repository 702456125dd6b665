/*
 * The way back: the iret hypercall, which a PV kernel uses for every return,
 * and what happens when the state that it returns to is bad. The flags and
 * selectors of the return are made, not copied.
 */
#include "access.h"
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "hypercall.h"
#include "pv_cpu.h"

/* On the guest kernel's stack. */
struct iret_frame {
	uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
};

static inline int load_frame(uint64_t sp, struct iret_frame *f)
{
	const struct iret_frame *from = (const struct iret_frame *)sp;
	int rc = 0;

	if (unlikely(!guest_start_ok(sp)))
		return -EFAULT;
	user_access_begin();
	GUEST_LOAD(f->rax, &from->rax, rc);
	GUEST_LOAD(f->r11, &from->r11, rc);
	GUEST_LOAD(f->rcx, &from->rcx, rc);
	GUEST_LOAD(f->flags, &from->flags, rc);
	GUEST_LOAD(f->rip, &from->rip, rc);
	GUEST_LOAD(f->cs, &from->cs, rc);
	GUEST_LOAD(f->rflags, &from->rflags, rc);
	GUEST_LOAD(f->rsp, &from->rsp, rc);
	GUEST_LOAD(f->ss, &from->ss, rc);
	user_access_end();
	return rc;
}

uint64_t pv_iret(struct vcpu *v, struct cpu_user_regs *r)
{
	struct iret_frame f;

	if (unlikely(load_frame(r->rsp, &f))) {
		domain_crash(v->domain, "iret: no frame at %#lx", r->rsp);
		return 0;
	}
	if ((f.cs & 3) == 3) {
		if (unlikely(!v->pv.user_cr3)) {
			domain_crash(v->domain, "iret: no user page table");
			return 0;
		}
		pv_toggle_mode(v);
	}
	r->rip = f.rip;
	r->cs = (uint16_t)f.cs | 3;
	r->rsp = f.rsp;
	r->ss = (uint16_t)f.ss | 3;
	r->rflags = (f.rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_NT |
				  X86_EFLAGS_VM)) | X86_EFLAGS_IF | 2;
	v->info->evtchn_upcall_mask = !(f.rflags & X86_EFLAGS_IF);
	v->pv.nmi_masked = false;
	if (!(f.flags & VGCF_in_syscall)) {
		r->rcx = f.rcx;
		r->r11 = f.r11;
	}
	return f.rax;
}

long hc_iret(uint64_t a0, uint64_t a1, uint64_t a2, uint64_t a3, uint64_t a4)
{
	return (long)pv_iret(current, current->regs);
}

/* The iretq itself faulted: selectors, or an address that is not canonical. */
void pv_iret_fault(struct cpu_user_regs *r)
{
	r->entry_vector = TRAP_GP;
	pv_failsafe(current, r);
	pv_exit(r);
}
