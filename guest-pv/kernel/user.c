/*
 * User mode: a second L4, which shares the lowest slot with the kernel's, as
 * the ABI expects (kernel L4: kernel and user half, user L4: user half).
 * Programs are a few bytes of machine code that a test copies into a page.
 */
#include "kernel.h"

static uint64_t *l4;

uint64_t *user_l4(void)
{
	return l4;
}

void user_init(void)
{
	long rc;

	if (l4)
		return;
	/* Something in slot 0, so that there is an L3 to share. */
	pt_map(USER_VA, 0);
	l4 = page_alloc();
	l4[0] = kernel_l4()[0];
	rc = page_set_ro(l4);
	if (!rc)
		rc = page_pin(l4, MMUEXT_PIN_L4_TABLE);
	if (!rc)
		rc = mmuext(MMUEXT_NEW_USER_BASEPTR, virt_to_mfn(l4), 0);
	if (rc)
		panic("user page tables: %ld", rc);
}

void *user_map_page(unsigned long va)
{
	void *page = page_alloc();

	user_init();
	pt_map(va, mfn_pte(virt_to_mfn(page), PTE_RWX));
	return page;
}

void user_run(const struct regs *regs, struct trap *trap)
{
	struct cpu *cpu = this_cpu();
	struct catcher c;
	struct regs r = *regs;

	c.trap = trap;
	c.outer = cpu->user;
	if (context_save(&c.context)) {
		this_cpu()->user = c.outer;
		events_enable();
		return;
	}
	cpu->user = &c;
	/* Bounces from user mode land below everything that is alive here. */
	hcall_stack_switch(FLAT_KERNEL_SS,
			   ((unsigned long)__builtin_frame_address(0) - 4096) &
			   ~15ul);
	r.cs = FLAT_USER_CS;
	r.ss = FLAT_USER_SS;
	r.rflags |= 0x200;
	iret_to(&r);
}
