/*
 * From one vCPU to another: what a guest has in registers is saved and
 * loaded, then the stacks are swapped. FPU state is switched eagerly: nothing
 * of one domain is ever in a register while another runs.
 *
 * A guest's active GS base is in the CPU's GS base and the other one in
 * KERNEL_GS_BASE, so that a change of mode is one swapgs. Bases may change
 * behind our back by a selector load: they are read back here.
 */
#include "access.h"
#include "desc.h"
#include "domain.h"
#include "features.h"
#include "lib.h"
#include "mm.h"
#include "pv_cpu.h"

void switch_stacks(uint64_t *save_rsp, uint64_t load_rsp, struct vcpu *prev);
void thread_start(void);
void guest_start(void);

static bool is_guest(const struct vcpu *v)
{
	return v->domain != idle_domain;
}

/* --- mode --- */

static inline void load_iomap(struct cpu *c, const struct vcpu *v)
{
	c->tss->iomap = v->pv.iomap[v->pv.in_kernel];
}

void pv_update_iomap(struct vcpu *v)
{
	bool all = v->domain->pv.io_all;

	v->pv.iomap[true] = all && v->pv.iopl >= 1 ? IOMAP_BITMAP : IOMAP_NONE;
	v->pv.iomap[false] = all && v->pv.iopl == 3 ? IOMAP_BITMAP :
			     IOMAP_NONE;
	if (v == current)
		load_iomap(this_cpu(), v);
}

void pv_toggle_mode(struct vcpu *v)
{
	swapgs();
	v->pv.in_kernel = !v->pv.in_kernel;
	load_iomap(this_cpu(), v);
	tlb_load_cr3(v->pv.in_kernel ? v->pv.kernel_cr3 : v->pv.user_cr3);
}

/* --- FPU --- */

static inline void fpu_save(void *area)
{
	if (features.xsave)
		FPU_STATE(xsave64, area);
	else
		FPU_STATE(fxsave64, area);
}

static inline void fpu_load(const void *area)
{
	if (features.xsave)
		FPU_STATE(xrstor64, area);
	else
		FPU_STATE(fxrstor64, area);
}

/* --- selectors and bases --- */

static void save_segments(struct vcpu *v)
{
	uint64_t active = rdmsr(MSR_GS_BASE), other = rdmsr(MSR_KERNEL_GS_BASE);

	v->regs->ds = READ_SEL(ds);
	v->regs->es = READ_SEL(es);
	v->regs->fs = READ_SEL(fs);
	v->regs->gs = READ_SEL(gs);
	v->pv.fs_base = rdmsr(MSR_FS_BASE);
	v->pv.gs_base_kernel = v->pv.in_kernel ? active : other;
	v->pv.gs_base_user = v->pv.in_kernel ? other : active;
}

static void load_segments(struct vcpu *v)
{
	uint32_t ds = v->regs->ds, es = v->regs->es;
	uint32_t fs = v->regs->fs, gs = v->regs->gs;
	bool k = v->pv.in_kernel;

	LOAD_SEL(ds, ds);
	LOAD_SEL(es, es);
	LOAD_SEL(fs, fs);
	LOAD_SEL(gs, gs);
	wrmsr(MSR_FS_BASE, v->pv.fs_base);
	wrmsr(MSR_GS_BASE, k ? v->pv.gs_base_kernel : v->pv.gs_base_user);
	wrmsr(MSR_KERNEL_GS_BASE,
	      k ? v->pv.gs_base_user : v->pv.gs_base_kernel);
}

/* --- the switch --- */

static void save_guest(struct vcpu *v)
{
	save_segments(v);
	clts();
	fpu_save(v->pv.fpu);
	/* Breakpoints of one guest are not armed in another. */
	if (v->pv.dr7 & 0xff)
		write_dr7(0x400);
}

static void load_guest(struct cpu *c, struct vcpu *v)
{
	pv_load_gdt(v);
	pv_load_ldt(v);
	load_segments(v);
	clts();
	fpu_load(v->pv.fpu);
	if (features.xsave && v->pv.xcr0 != features.xcr0)
		write_xcr0(v->pv.xcr0);
	if (v->pv.cr0_ts)
		write_cr0(read_cr0() | X86_CR0_TS);
	if (v->pv.dr7 & 0xff)
		pv_load_debugregs(v);
	load_iomap(c, v);
}

static void set_stack(struct cpu *c, struct vcpu *v)
{
	stack_top_of(v->stack)->cpu = c;
	c->running = v;
	if (is_guest(v))
		desc_set_stack(c, &v->regs->es);
}

void context_switch(struct vcpu *prev, struct vcpu *next)
{
	struct cpu *c = this_cpu();

	if (is_guest(prev)) {
		if (features.xsave && prev->pv.xcr0 != features.xcr0)
			write_xcr0(features.xcr0);
		save_guest(prev);
	}
	set_stack(c, next);
	if (is_guest(next)) {
		tlb_enter_guest(next, is_guest(prev) ? prev : NULL);
		load_guest(c, next);
		time_update_vcpu(next);
	} else if (is_guest(prev)) {
		tlb_keep(prev);
	}
	switch_stacks(&prev->switched_rsp, next->switched_rsp, prev);
}

/*
 * The stack as switch_stacks() leaves it: r15 r14 r13 r12 rbp rbx, return
 * address. For a guest, rsp is its regs after the return.
 */
void vcpu_stack_init(struct vcpu *v, void (*fn)(void *), void *arg)
{
	uint64_t *sp = (uint64_t *)v->regs - 7;

	memset(sp, 0, 7 * 8);
	if (fn) {
		sp[4] = (uint64_t)arg;
		sp[5] = (uint64_t)fn;
		sp[6] = (uint64_t)thread_start;
	} else {
		sp[6] = (uint64_t)guest_start;
	}
	v->switched_rsp = (uint64_t)sp;
}
