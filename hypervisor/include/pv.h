/* What a PV guest sees of a CPU (pv/), and the state kept for it. */
#ifndef PV_PV_H
#define PV_PV_H

#include "boot.h"
#include "types.h"
#include "frame.h"

struct domain;
struct vcpu;
struct cpu;
struct cpu_user_regs;
struct vcpu_guest_context;

struct pv_callback {
	uint64_t address; /* canonical, or 0 */
	bool mask_events;
};

struct pv_vcpu {
	/* Page tables: machine addresses of L4s, each with type reference. */
	paddr_t kernel_cr3, user_cr3; /* user_cr3 0: none */
	bool in_kernel;               /* guest mode: kernel or user */
	struct cpu *tables_on;        /* mm/tlb.c: loaded last; NULL: flush */
	uint64_t kernel_sp, kernel_ss;
	uint64_t fs_base, gs_base_kernel, gs_base_user;
	uint64_t cr0_ts;              /* virtual CR0.TS: 0 or 8 */
	uint64_t cr4;                 /* bits that the guest chose */
	uint64_t xcr0;
	uint64_t dr[4], dr6, dr7;
	uint32_t iopl;                /* virtual, 0..3 */
	uint16_t iomap[2];            /* for the TSS, by in_kernel */
	bool nmi_pending, nmi_masked;
	uint64_t tsc_aux;
	struct pv_callback event, failsafe, syscall, syscall32, sysenter;
	struct trap_info *trap;       /* [256]; TI_GET_DPL(), TI_GET_IF() */
	struct frame *gdt[14];        /* seg-desc typed, or NULL */
	unsigned int gdt_entries;
	uint64_t ldt_base;
	unsigned int ldt_entries;
	struct frame *ldt[16];        /* seg-desc typed */
	uint64_t vm_assist;
	void *fpu;                    /* XSAVE area */
	uint64_t iobmp;               /* guest va of its I/O bitmap */
	unsigned int iobmp_limit;     /* in ports */
};

struct e820_map {
	unsigned int entries;
	struct e820entry entry[MAX_RAM_RANGES + 4];
};

struct pv_domain {
	bool io_all;         /* Dom0: all ports and device memory but ours */
	uint64_t vm_assist;
	uint32_t cf8;        /* latched configuration address */
	struct e820_map e820; /* set_memory_map; domain.lock */
};

/* pv/vcpu.c: allocates/frees trap table, FPU area. */
must_check int pv_vcpu_init(struct vcpu *v);
/* Drops GDT, page-table bases, vcpu_info; the vCPU no longer runs. */
void pv_vcpu_destroy(struct vcpu *v);
/*
 * Sets registers and tables from a context (VCPUOP_initialise, domctl
 * setvcpucontext): checks everything first. 0, -EINVAL, -EINTR...
 */
must_check int pv_set_context(struct vcpu *v,
			      const struct vcpu_guest_context *c);
void pv_get_context(struct vcpu *v, struct vcpu_guest_context *c);

/*
 * pv/switch.c: swaps stacks and everything a guest has in registers; called by
 * sched/core.c with the run queue unlocked. Returns when prev runs again,
 * maybe on another CPU; sched_switched(prev) runs first on next's stack.
 */
void context_switch(struct vcpu *prev, struct vcpu *next);
/* The first switch to a new vCPU lands here: in the guest or in a thread. */
void vcpu_stack_init(struct vcpu *v, void (*fn)(void *), void *arg);

/* pv/bounce.c: makes the running vCPU enter its handler. */
void pv_inject_exception(struct cpu_user_regs *r, unsigned int vector,
			 uint32_t error);
void pv_inject_interrupt(struct cpu_user_regs *r, unsigned int vector);
void pv_inject_page_fault(struct cpu_user_regs *r, uint64_t addr,
			  uint32_t error);

static inline bool regs_from_guest(const struct cpu_user_regs *r)
{
	return (r->cs & 3) == 3;
}

#endif
