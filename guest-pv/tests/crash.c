/*
 * crash:NAME: guests that deserve to be killed, one per boot. Each breaks what
 * the hypervisor needs to go on with it: the stack or the handler for a
 * bounce, the frame of an iret, user page tables. What must happen is told by
 * guest-pv/checks/crashes: this domain ends, with one report, and the
 * hypervisor lives. Rules: map, 2.3 ("frame write fault = domain crash") and
 * 2.4; security lessons 26, 60, 63.
 */
#include "tap.h"

static void trap_on_stack(unsigned long sp)
{
	__asm__ volatile("mov %0, %%rsp\n int3\n" : : "r"(sp) : "memory");
}

static void iret_on_stack(unsigned long sp)
{
	__asm__ volatile("mov %0, %%rsp\n mov %1, %%eax\n syscall\n"
			 : : "r"(sp), "i"(__HYPERVISOR_iret) : "memory");
}

static void no_handler(void)
{
	hcall_set_trap_table(NULL);
	__asm__ volatile("ud2");
}

static void no_stack(void)
{
	trap_on_stack(UNMAPPED_VA);
}

static void stack_in_hypervisor(void)
{
	trap_on_stack(XEN_VA + 0x1000);
}

static void stack_at_hypervisor_edge(void)
{
	trap_on_stack(XEN_RO_VA + 8);
}

static void stack_not_canonical(void)
{
	trap_on_stack(NONCANONICAL + 0x1000);
}

static void stack_in_page_table(void)
{
	trap_on_stack((unsigned long)kernel_l4() + PAGE_SIZE);
}

static void iret_no_frame(void)
{
	iret_on_stack(UNMAPPED_VA);
}

static void iret_frame_in_hypervisor(void)
{
	iret_on_stack(XEN_VA);
}

static void iret_frame_not_canonical(void)
{
	iret_on_stack(NONCANONICAL);
}

static void user_without_tables(void)
{
	struct regs r = { .rip = USER_VA, .rsp = USER_VA, .rflags = 0x200 };

	r.cs = FLAT_USER_CS;
	r.ss = FLAT_USER_SS;
	iret_to(&r);
}

/* Into user mode, whose system call finds no kernel stack. */
static void user_with_stack(unsigned long sp)
{
	static const uint8_t code[] = { 0x0f, 0x05 };
	struct regs r = { .rip = USER_VA, .rsp = USER_VA + PAGE_SIZE,
			  .rflags = 0x200 };

	memcpy(user_map_page(USER_VA), code, sizeof(code));
	r.cs = FLAT_USER_CS;
	r.ss = FLAT_USER_SS;
	hcall_stack_switch(FLAT_KERNEL_SS, sp);
	iret_to(&r);
}

static void syscall_no_stack(void)
{
	user_with_stack(UNMAPPED_VA);
}

static void syscall_stack_in_hypervisor(void)
{
	user_with_stack(XEN_VA + 0x2000);
}

/* The handler of page faults faults: until the stack ends. */
static void handler_unmapped(void)
{
	struct trap_info t[2] = {
		{ .vector = 14, .cs = FLAT_KERNEL_CS,
		  .address = UNMAPPED_VA },
	};

	hcall_set_trap_table(t);
	(void)*(volatile int *)UNMAPPED_VA;
}

static void asked_for(void)
{
	guest_shutdown(SHUTDOWN_crash);
}

static const struct test_case cases[] = {
	{ "no-handler", no_handler },
	{ "no-stack", no_stack },
	{ "stack-in-hypervisor", stack_in_hypervisor },
	{ "stack-at-hypervisor-edge", stack_at_hypervisor_edge },
	{ "stack-not-canonical", stack_not_canonical },
	{ "stack-in-page-table", stack_in_page_table },
	{ "iret-no-frame", iret_no_frame },
	{ "iret-frame-in-hypervisor", iret_frame_in_hypervisor },
	{ "iret-frame-not-canonical", iret_frame_not_canonical },
	{ "user-without-tables", user_without_tables },
	{ "syscall-no-stack", syscall_no_stack },
	{ "syscall-stack-in-hypervisor", syscall_stack_in_hypervisor },
	{ "handler-unmapped", handler_unmapped },
	{ "asked-for", asked_for },
};

static void run(const char *name)
{
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		if (strcmp(name, cases[i].name))
			continue;
		printk("CRASH %s\n", name);
		cases[i].run();
		printk("CRASH survived %s\n", name);
		return;
	}
	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++)
		printk("CRASH-CASE %s\n", cases[i].name);
}

OTHER_PROGRAM(crash, "guests that deserve to be killed", run);
