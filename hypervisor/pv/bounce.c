/*
 * Into the guest's kernel: system calls, exceptions and events bounce to the
 * handlers it registered. The frame they find on its stack (published ABI,
 * from the new stack pointer upwards):
 *
 *	rcx  r11  [error code]  rip  cs|mask<<32  rflags  rsp  ss
 *
 * From user mode the stack is the one of the last stack_switch; from kernel
 * mode the current one. The kernel's own cs is shown with RPL 0. The failsafe
 * callback has ds es fs gs in the place of the error code.
 */
#include "access.h"
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "layout.h"
#include "hypercall.h"
#include "pv_cpu.h"

static inline void go_on_at(struct cpu_user_regs *r, uint64_t handler,
			    uint64_t sp)
{
	r->rip = handler;
	r->rsp = sp;
	r->cs = SEL_GUEST_CS64;
	r->ss = SEL_GUEST_SS;
	r->rflags = (r->rflags &
		     ~(X86_EFLAGS_TF | X86_EFLAGS_NT | X86_EFLAGS_RF |
		       X86_EFLAGS_VM | X86_EFLAGS_AC | X86_EFLAGS_IOPL)) |
		    X86_EFLAGS_IF;
}

/* What lies between r11 and rip: so many words. */
enum extra { NOTHING = 0, ERROR_CODE = 1, SELECTORS = 4 };

/*
 * Switches to the kernel, pushes the frame word by word, goes on at handler.
 * error is stored for ERROR_CODE.
 */
static inline void bounce_frame(struct vcpu *v, struct cpu_user_regs *r,
				uint64_t handler, bool mask_events,
				enum extra extra, uint32_t error)
{
	uint64_t sp, cs, mask, flags, *at;

	if (unlikely(!handler)) {
		domain_crash(v->domain, "no handler for vector %#x",
			     r->entry_vector);
		return;
	}
	if (v->pv.in_kernel) {
		cs = r->cs & ~3UL;
		sp = r->rsp;
	} else {
		pv_toggle_mode(v);
		cs = r->cs;
		sp = v->pv.kernel_sp;
	}
	mask = v->info->evtchn_upcall_mask;
	flags = (r->rflags & ~(X86_EFLAGS_IF | X86_EFLAGS_IOPL)) |
		(mask ? 0 : X86_EFLAGS_IF);
	sp = (sp & ~15UL) - (7 + extra) * 8;
	if (unlikely(!guest_start_ok(sp)))
		goto no_stack;
	at = (uint64_t *)sp;
	user_access_begin();
	GUEST_STORE(at, r->rcx, fault);
	GUEST_STORE(at + 1, r->r11, fault);
	if (extra == ERROR_CODE) {
		GUEST_STORE(at + 2, error, fault);
	} else if (unlikely(extra)) {
		GUEST_STORE(at + 2, r->ds, fault);
		GUEST_STORE(at + 3, r->es, fault);
		GUEST_STORE(at + 4, r->fs, fault);
		GUEST_STORE(at + 5, r->gs, fault);
	}
	at += extra;
	GUEST_STORE(at + 2, r->rip, fault);
	GUEST_STORE(at + 3, cs | mask << 32, fault);
	GUEST_STORE(at + 4, flags, fault);
	GUEST_STORE(at + 5, r->rsp, fault);
	GUEST_STORE(at + 6, r->ss, fault);
	user_access_end();
	go_on_at(r, handler, sp);
	if (mask_events)
		v->info->evtchn_upcall_mask = 1;
	return;
fault:
	user_access_end();
no_stack:
	domain_crash(v->domain, "no stack at %#lx for vector %#x", sp,
		     r->entry_vector);
}

static void bounce(struct vcpu *v, struct cpu_user_regs *r, uint64_t handler,
		   bool mask_events)
{
	bounce_frame(v, r, handler, mask_events, NOTHING, 0);
}

static bool has_error_code(unsigned int vector)
{
	return vector == TRAP_DF || (vector >= TRAP_TS && vector <= TRAP_PF) ||
	       vector == TRAP_AC;
}

void pv_inject_exception(struct cpu_user_regs *r, unsigned int vector,
			 uint32_t error)
{
	struct vcpu *v = current;
	const struct trap_info *t = &v->pv.trap[vector];

	r->entry_vector = vector;
	if (has_error_code(vector))
		bounce_frame(v, r, t->address, t->flags & 4, ERROR_CODE,
			     error);
	else
		bounce(v, r, t->address, t->flags & 4);
}

/* INT n: never an error code, whatever the vector. */
void pv_inject_interrupt(struct cpu_user_regs *r, unsigned int vector)
{
	struct vcpu *v = current;

	r->entry_vector = vector;
	bounce(v, r, v->pv.trap[vector].address, v->pv.trap[vector].flags & 4);
}

void pv_inject_page_fault(struct cpu_user_regs *r, uint64_t addr,
			  uint32_t error)
{
	struct vcpu *v = current;
	const struct trap_info *t = &v->pv.trap[TRAP_PF];

	v->info->arch.cr2 = addr;
	bounce_frame(v, r, t->address, t->flags & 4, ERROR_CODE,
			     error);
}

/* Selectors or the return frame were bad: the guest's kernel sorts it out. */
void pv_failsafe(struct vcpu *v, struct cpu_user_regs *r)
{
	bounce_frame(v, r, v->pv.failsafe.address, v->pv.failsafe.mask_events,
		     SELECTORS, 0);
}

/* --- system calls --- */

/*
 * sysret knows flat selectors only, and with a return address that is not
 * canonical it would fault in ring 0 on the guest's stack.
 */
static bool sysret_possible(const struct cpu_user_regs *r)
{
	return r->cs == SEL_GUEST_CS64 && r->ss == SEL_GUEST_SS &&
	       va_canonical(r->rip);
}

bool pv_syscall(struct cpu_user_regs *r)
{
	struct vcpu *v = current;
	bool sysret;

	if (!v->pv.in_kernel) {
		bounce(v, r, v->pv.syscall.address,
		       v->pv.syscall.mask_events);
		r->rflags &= ~X86_EFLAGS_DF;
		/* A frame of ours: flat selectors, an address that was checked. */
		sysret = true;
	} else if (r->rax == __HYPERVISOR_iret) {
		/* The commonest of all does not need the table. */
		r->rax = pv_iret(v, r);
		sysret = false;
	} else {
		hypercall(v, r);
		sysret = sysret_possible(r);
	}
	/* Where it may wait, its controller may give it any other context. */
	if (unlikely(pv_exit_work())) {
		pv_exit(r);
		return false;
	}
	return sysret;
}

void pv_syscall32(struct cpu_user_regs *r)
{
	struct vcpu *v = current;

	if (v->pv.in_kernel || !v->pv.syscall32.address) {
		pv_inject_exception(r, TRAP_GP, 0);
	} else {
		bounce(v, r, v->pv.syscall32.address,
		       v->pv.syscall32.mask_events);
		r->rflags &= ~X86_EFLAGS_DF;
	}
	pv_exit(r);
}

void pv_sysenter(struct cpu_user_regs *r)
{
	struct vcpu *v = current;

	r->rflags |= X86_EFLAGS_IF;
	if (v->pv.in_kernel || !v->pv.sysenter.address)
		pv_inject_exception(r, TRAP_GP, 0);
	else
		bounce(v, r, v->pv.sysenter.address,
		       v->pv.sysenter.mask_events);
	pv_exit(r);
}

/* --- the guest boundary --- */

static void deliver_nmi(struct vcpu *v, struct cpu_user_regs *r)
{
	v->pv.nmi_pending = false;
	if (!v->pv.trap[TRAP_NMI].address)
		return;
	v->pv.nmi_masked = true;
	pv_inject_exception(r, TRAP_NMI, 0);
}

static no_inline void exit_work(struct cpu_user_regs *r)
{
	struct cpu *c = this_cpu();
	struct vcpu *v;

	do {
		if (unlikely(c->need_resched)) {
			sched_guest_boundary();
			c = this_cpu();
		}
		v = c->running;
		if (unlikely(v->pv.nmi_pending) && !v->pv.nmi_masked)
			deliver_nmi(v, r);
		if (v->info->evtchn_upcall_pending &&
		    !v->info->evtchn_upcall_mask)
			bounce(v, r, v->pv.event.address, true);
	} while (unlikely(c->need_resched));
}

void pv_exit(struct cpu_user_regs *r)
{
	if (unlikely(pv_exit_work()))
		exit_work(r);
}
