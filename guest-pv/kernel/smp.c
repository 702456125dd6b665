/*
 * Further vCPUs. Each gets a stack (its struct cpu at the bottom), the
 * kernel's page tables, our trap table and callbacks, and starts in a C
 * function. A vCPU that is done takes itself down.
 */
#include "kernel.h"

union cpu_stack {
	struct cpu cpu;
	uint8_t bytes[STACK_SIZE];
};

extern uint8_t cpu_entry[], event_entry[], failsafe_entry[], syscall_entry[];

union cpu_stack boot_stack __attribute__((aligned(STACK_SIZE)));

static union cpu_stack stacks[MAX_CPUS - 1]
	__attribute__((aligned(STACK_SIZE)));

unsigned int cpus_possible(void)
{
	unsigned int n = 0;

	while (n < MAX_CPUS && hcall_vcpu_op(VCPUOP_is_up, n, NULL) >= 0)
		n++;
	return n;
}

void cpu_context(struct vcpu_guest_context *c, unsigned int id,
		 void (*fn)(void *), void *arg)
{
	union cpu_stack *stack = &stacks[id - 1];

	memset(c, 0, sizeof(*c));
	memset(&stack->cpu, 0, sizeof(stack->cpu));
	stack->cpu.id = id;
	c->flags = VGCF_IN_KERNEL;
	c->user_regs.rip = (unsigned long)cpu_entry;
	c->user_regs.rsp = (unsigned long)stack + STACK_SIZE;
	c->user_regs.rdi = (unsigned long)fn;
	c->user_regs.rsi = (unsigned long)arg;
	c->user_regs.rflags = 0x200;
	c->user_regs.cs = FLAT_KERNEL_CS;
	c->user_regs.ss = FLAT_KERNEL_SS;
	c->kernel_ss = FLAT_KERNEL_SS;
	c->kernel_sp = (unsigned long)stack + STACK_SIZE;
	c->ctrlreg[3] = xen_pfn_to_cr3(virt_to_mfn(kernel_l4()));
	c->event_callback_eip = (unsigned long)event_entry;
	c->failsafe_callback_eip = (unsigned long)failsafe_entry;
	c->syscall_callback_eip = (unsigned long)syscall_entry;
}

struct start {
	void (*fn)(void *);
	void *arg;
};

static struct start starts[MAX_CPUS];

/* First thing on a new vCPU: the trap table is per vCPU. */
static void cpu_begin(void *arg)
{
	struct start *s = arg;

	trap_table_load();
	s->fn(s->arg);
	cpu_stop_self();
}

long cpu_start(unsigned int id, void (*fn)(void *), void *arg)
{
	static struct vcpu_guest_context context;
	long rc;

	if (id == 0 || id >= MAX_CPUS)
		return -EINVAL;
	/* It may still be on its way down from its last work. */
	while (hcall_vcpu_op(VCPUOP_is_up, id, NULL) == 1)
		hcall_sched_op(SCHEDOP_yield, NULL);
	starts[id] = (struct start){ fn, arg };
	cpu_context(&context, id, cpu_begin, &starts[id]);
	rc = hcall_vcpu_op(VCPUOP_initialise, id, &context);
	/* -EEXIST: it ran before; it goes on behind its own VCPUOP_down. */
	if (rc && rc != -EEXIST)
		return rc;
	return hcall_vcpu_op(VCPUOP_up, id, NULL);
}

_Noreturn void cpu_stop_self(void)
{
	unsigned int id = this_cpu()->id;

	for (;;) {
		hcall_vcpu_op(VCPUOP_down, id, NULL);
		/* Up again: with the work that cpu_start() has left for us. */
		starts[id].fn(starts[id].arg);
	}
}
