/* Traps: entry.S calls the trap_* and pv_* functions. */
#ifndef PV_TRAP_H
#define PV_TRAP_H

#include "types.h"

struct vcpu;

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
void pv_nmi(struct cpu_user_regs *r);

#endif
