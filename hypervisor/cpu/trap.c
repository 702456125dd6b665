/*
 * Exceptions. From the hypervisor itself only those listed in the exception
 * table are survived, and a #DB that a guest's breakpoint caused. From a guest
 * they are emulated, or handed to the guest's own handler (pv/).
 */
#include "pv_cpu.h"
#include "access.h"
#include "cpu.h"
#include "desc.h"
#include "features.h"
#include "guest.h"
#include "layout.h"
#include "printk.h"

static_assert(offsetof(struct cpu_user_regs, cs) == R_CS, "for entry.S");

extern const struct extable_entry extable_start[], extable_end[];

#define DR6_INIT 0xffff0ff0UL

struct cpu_user_regs *ist_guest_frame(const struct cpu_user_regs *r)
{
	struct cpu_user_regs *to = current->regs;

	memcpy(to, r, offsetof(struct cpu_user_regs, es));
	return to;
}

/* Where to go on after a fault at rip; 0: it was not foreseen. */
static uint64_t extable_find(uint64_t rip)
{
	const struct extable_entry *e;

	for (e = extable_start; e < extable_end; e++)
		if ((uint64_t)&e->insn + (int64_t)e->insn == rip)
			return (uint64_t)&e->fixup + (int64_t)e->fixup;
	return 0;
}

static void hv_trap(struct cpu_user_regs *r)
{
	uint64_t fixup;

	if (r->entry_vector == TRAP_NMI)
		return; /* wherever it hit, that was not its fault */
	fixup = extable_find(r->rip);
	if (fixup) {
		r->rip = fixup;
		return;
	}
	if (r->entry_vector == TRAP_DB) {
		/*
		 * A guest's data breakpoint hit by a copy, or its single
		 * step that SYSENTER let in: not ours.
		 */
		write_dr6(DR6_INIT);
		r->rflags &= ~X86_EFLAGS_TF;
		return;
	}
	regs_dump(r);
	panic("exception %u, error %#x, in the hypervisor (cr2 %#lx)",
	      r->entry_vector, r->error_code, read_cr2());
}

/* Exceptions that a guest gets as they are. */
static void reflect(struct cpu_user_regs *r)
{
	struct vcpu *v = current;

	if (r->entry_vector == TRAP_DB) {
		v->pv.dr6 = read_dr6();
		write_dr6(DR6_INIT);
	}
	pv_inject_exception(r, r->entry_vector, r->error_code);
}

void trap_dispatch(struct cpu_user_regs *r)
{
	if (r->entry_vector == TRAP_NMI)
		machine_nmi();
	if (!regs_from_guest(r)) {
		hv_trap(r);
		return;
	}
	switch (r->entry_vector) {
	case TRAP_GP:
		pv_general_protection(r);
		break;
	case TRAP_UD:
		pv_invalid_opcode(r);
		break;
	case TRAP_NM:
		/* Only a guest that set its TS sees this: see pv/switch.c. */
		pv_set_ts(current, false);
		reflect(r);
		break;
	case TRAP_NMI: /* the machine's own: they say nothing to a guest */
		break;
	case TRAP_MC:
	case TRAP_DF:
		regs_dump(r);
		panic("exception %u while a guest ran", r->entry_vector);
	default:
		reflect(r);
	}
}

/* From a kernel: a store to its own page table that it sees read-only? */
static no_inline void kernel_page_fault(struct cpu_user_regs *r, uint64_t addr)
{
	uint32_t error = r->error_code;

	if ((error & (PF_PRESENT | PF_WRITE | PF_RSVD | PF_FETCH)) ==
	    (PF_PRESENT | PF_WRITE) && pv_ptwr(current, r, addr))
		return;
	pv_inject_page_fault(r, addr, error & ~PF_USER);
}

void trap_page_fault(struct cpu_user_regs *r)
{
	uint64_t addr = read_cr2();

	if (unlikely(!regs_from_guest(r)))
		hv_trap(r);
	else if (current->pv.in_kernel)
		kernel_page_fault(r, addr);
	else
		pv_inject_page_fault(r, addr, r->error_code | PF_USER);
}
