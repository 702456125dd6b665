/*
 * Between the files of pv/, the hypercalls that work on its state, and the
 * traps that lead there.
 */
#ifndef PV_PV_CPU_H
#define PV_PV_CPU_H

#include "domain.h"
#include "arch.h"

/* pv_exit() has something to do: looked at before every return to a guest. */
static inline bool pv_exit_work(void)
{
	const struct cpu *c = this_cpu();
	const struct vcpu *v = c->running;

	return c->need_resched | v->pv.nmi_pending |
	       (v->info->evtchn_upcall_pending & ~v->info->evtchn_upcall_mask);
}

/* Kernel <-> user of the running guest: page tables, GS bases, ports. */
void pv_toggle_mode(struct vcpu *v);
/* RPL 3: the hypervisor's descriptors are out of reach. Null stays null. */
static inline uint16_t guest_selector(uint16_t sel)
{
	return sel & ~3 ? sel | 3 : sel;
}

/* v's I/O privilege changed: which ports it reaches without a trap. */
void pv_update_iomap(struct vcpu *v);
/* The iret hypercall: what goes to rax. */
uint64_t pv_iret(struct vcpu *v, struct cpu_user_regs *r);
void pv_failsafe(struct vcpu *v, struct cpu_user_regs *r);

/* Loads the running vCPU's GDT and LDT into this CPU's window. */
void pv_load_gdt(struct vcpu *v);
void pv_load_ldt(struct vcpu *v);
/*
 * A new GDT or LDT: checks and types frames first. 0 or negative errno; without
 * entries always 0.
 */
must_check int pv_set_gdt(struct vcpu *v, const uint64_t *mfns,
			  unsigned int entries);
must_check int pv_set_ldt(struct vcpu *v, uint64_t base,
			  unsigned int entries);

/* 0, -EINVAL: no such register, -EPERM. */
must_check int pv_set_debugreg(struct vcpu *v, uint64_t reg, uint64_t val);
must_check int pv_get_debugreg(const struct vcpu *v, uint64_t reg,
			       uint64_t *val);
void pv_load_debugregs(const struct vcpu *v);
/* 0 or -EINVAL: not canonical. which: SEGBASE_*. */
must_check int pv_set_segment_base(struct vcpu *v, uint64_t which,
				   uint64_t base);

/*
 * The running vCPU goes on with another kernel L4, typed and referenced for it
 * by the caller; its user L4 is left alone. Drops the old one.
 */
void pv_set_base(struct vcpu *v, struct frame *l4);
void pv_set_user_base(struct vcpu *v, struct frame *l4); /* or NULL */

/* The running guest's CR0.TS. */
void pv_set_ts(struct vcpu *v, bool ts);
/* MSRs of the running guest; false: #GP. */
bool pv_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val);
bool pv_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val);
void pv_cpuid(const struct domain *d, uint32_t leaf, uint32_t sub,
	      struct cpuid_regs *r);
/* domain/cpu_policy.c, from pv_cpuid(): takes away what d's own lacks. */
void cpu_policy_limit(const struct domain *d, uint32_t leaf, uint32_t sub,
		      struct cpuid_regs *r);

/* The longest instruction and a byte, so that words are copied. */
#define FETCH_BYTES 16
struct insn {
	uint8_t b[FETCH_BYTES];
	unsigned int len;   /* bytes that could be read */
	unsigned int at;    /* next to look at; beyond len: not all of it is there */
	uint8_t rex;
	bool opsize16, rep;
};
/* Reads the code at rip and goes behind its prefixes; 0: there is none. */
uint8_t pv_fetch(const struct cpu_user_regs *r, struct insn *in);
/* 0 past the end. */
static inline uint8_t insn_next(struct insn *in)
{
	unsigned int at = in->at++;

	return at < in->len ? in->b[at] : 0;
}
/* General register by number as in an instruction encoding (0 rax..15). */
uint64_t *pv_reg(struct cpu_user_regs *r, unsigned int n);
static inline uint64_t mask_of(unsigned int size)
{
	return size == 8 ? ~0UL : (1UL << size * 8) - 1;
}
/* @size bytes of a register, from bit @shift on; 4 bytes clear what is above. */
static inline void set_part(uint64_t *reg, unsigned int size,
			    unsigned int shift, uint64_t val)
{
	if (size == 4)
		*reg = (uint32_t)val;
	else
		*reg = (*reg & ~(mask_of(size) << shift)) |
		       (val & mask_of(size)) << shift;
}

/* hypercall/table.c: dispatches r->rax; result to r->rax. */
void hypercall(struct vcpu *v, struct cpu_user_regs *r);

/* --- traps: entry.S calls the trap_* and pv_* functions --- */

enum {
	TRAP_DE = 0, TRAP_DB = 1, TRAP_NMI = 2, TRAP_BP = 3, TRAP_OF = 4,
	TRAP_UD = 6, TRAP_NM = 7, TRAP_DF = 8, TRAP_TS = 10, TRAP_NP = 11,
	TRAP_SS = 12, TRAP_GP = 13, TRAP_PF = 14, TRAP_MF = 16, TRAP_AC = 17,
	TRAP_MC = 18, TRAP_XM = 19,
};

/* Page-fault error code. */
#define PF_PRESENT 1u
#define PF_WRITE 2u
#define PF_USER 4u
#define PF_RSVD 8u
#define PF_FETCH 16u

void trap_dispatch(struct cpu_user_regs *r);
void trap_page_fault(struct cpu_user_regs *r);
struct cpu_user_regs *ist_guest_frame(const struct cpu_user_regs *r);

/* pv/: true when the guest may be entered again by sysret. */
bool pv_syscall(struct cpu_user_regs *r);
void pv_syscall32(struct cpu_user_regs *r);
void pv_sysenter(struct cpu_user_regs *r);
/* The guest boundary: reschedule, wait while paused, deliver events. */
void pv_exit(struct cpu_user_regs *r);
void pv_iret_fault(struct cpu_user_regs *r);
/* pv/emulate.c: #GP and #UD of a guest; reflects what it does not know. */
void pv_general_protection(struct cpu_user_regs *r);
void pv_invalid_opcode(struct cpu_user_regs *r);
/* pv/ptwr.c: a write to a page-table page; true: done. */
bool pv_ptwr(struct vcpu *v, struct cpu_user_regs *r, uint64_t addr);

#endif
