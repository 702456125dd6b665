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

/*
 * The state goes straight from the guest's stack to the registers that it will
 * run with; page tables change last, since the frame is the kernel's.
 */
uint64_t pv_iret(struct vcpu *v, struct cpu_user_regs *r)
{
	const struct iret_frame *f = (const struct iret_frame *)r->rsp;
	uint64_t rax, r11, rcx, flags, rip, cs, rflags, rsp, ss;
	int rc = 0;

	if (unlikely(!guest_start_ok(r->rsp)))
		goto no_frame;
	user_access_begin();
	GUEST_LOAD(rax, &f->rax, rc);
	GUEST_LOAD(flags, &f->flags, rc);
	GUEST_LOAD(r11, &f->r11, rc);
	GUEST_LOAD(rcx, &f->rcx, rc);
	if (!(flags & VGCF_in_syscall)) {
		r->r11 = r11;
		r->rcx = rcx;
	}
	GUEST_LOAD(rip, &f->rip, rc);
	r->rip = rip;
	GUEST_LOAD(cs, &f->cs, rc);
	r->cs = (uint16_t)cs | 3;
	GUEST_LOAD(ss, &f->ss, rc);
	r->ss = (uint16_t)ss | 3;
	GUEST_LOAD(rflags, &f->rflags, rc);
	r->rflags = (rflags & ~(X86_EFLAGS_IOPL | X86_EFLAGS_NT |
				X86_EFLAGS_VM)) | X86_EFLAGS_IF | 2;
	GUEST_LOAD(rsp, &f->rsp, rc);
	r->rsp = rsp;
	user_access_end();
	if (unlikely(rc))
		goto no_frame;
	v->info->evtchn_upcall_mask = !(rflags & X86_EFLAGS_IF);
	v->pv.nmi_masked = false;
	if ((cs & 3) == 3) {
		if (unlikely(!v->pv.user_cr3)) {
			domain_crash(v->domain, "iret: no user page table");
			return 0;
		}
		pv_toggle_mode(v);
	}
	return rax;
no_frame:
	domain_crash(v->domain, "iret: no frame at %#lx", (uint64_t)f);
	return 0;
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
