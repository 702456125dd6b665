/* Between the files of pv/, and the hypercalls that work on its state. */
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
/* v's I/O privilege changed: which ports it reaches without a trap. */
void pv_update_iomap(struct vcpu *v);
/* The iret hypercall: what goes to rax. */
uint64_t pv_iret(struct vcpu *v, struct cpu_user_regs *r);
void pv_failsafe(struct vcpu *v, struct cpu_user_regs *r);

/* Loads the running vCPU's GDT and LDT into this CPU's window. */
void pv_load_gdt(struct vcpu *v);
void pv_load_ldt(struct vcpu *v);
/* A new GDT or LDT: checks and types frames first. 0 or negative errno. */
must_check int pv_set_gdt(struct vcpu *v, const uint64_t *mfns,
			  unsigned int entries);
must_check int pv_set_ldt(struct vcpu *v, uint64_t base,
			  unsigned int entries);
void pv_drop_gdt(struct vcpu *v);
void pv_drop_ldt(struct vcpu *v);

must_check int pv_set_debugreg(struct vcpu *v, unsigned int reg,
			       uint64_t val);
uint64_t pv_get_debugreg(const struct vcpu *v, unsigned int reg);
void pv_load_debugregs(const struct vcpu *v);
/* 0 or -EINVAL: not canonical. which: SEGBASE_*. */
must_check int pv_set_segment_base(struct vcpu *v, unsigned int which,
				   uint64_t base);

/*
 * The running vCPU goes on with another kernel L4, typed and referenced for it
 * by the caller; its user L4 is left alone. Drops the old one.
 */
void pv_set_base(struct vcpu *v, struct frame *l4);
void pv_set_user_base(struct vcpu *v, struct frame *l4); /* or NULL */

/* MSRs of the running guest; false: #GP. */
bool pv_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val);
bool pv_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val);
void pv_cpuid(const struct domain *d, uint32_t leaf, uint32_t sub,
	      struct cpuid_regs *r);
/* domain/cpu_policy.c, from pv_cpuid(): takes away what d's own lacks. */
void cpu_policy_limit(const struct domain *d, uint32_t leaf, uint32_t sub,
		      struct cpuid_regs *r);

/*
 * The code at rip: the longest instruction and a byte, so that words are copied;
 * number of bytes that could be read.
 */
#define FETCH_BYTES 16
unsigned int pv_fetch(const struct cpu_user_regs *r, uint8_t *insn);
/* General register by number as in an instruction encoding (0 rax..15). */
uint64_t *pv_reg(struct cpu_user_regs *r, unsigned int n);

/* hypercall/table.c: dispatches r->rax; result to r->rax. */
void hypercall(struct vcpu *v, struct cpu_user_regs *r);

#endif
