/*
 * Traps. One table for all vCPUs, one dispatcher. A trap goes, in this order,
 * - to the events, if it is the event callback;
 * - to the hook that a test set for its vector;
 * - to the user_run() that it interrupts, if it came from user mode;
 * - to the innermost trap_catch(), which it ends;
 * and otherwise it is a panic.
 */
#include "kernel.h"

#define NR_HOOKS (VECTOR_SYSENTER + 1)

extern uint8_t trap_stubs[];
extern uint8_t event_entry[], syscall_entry[], syscall32_entry[];
extern uint8_t sysenter_entry[], failsafe_entry[], int80_entry[];
extern uint8_t int81_entry[];

trap_hook *trap_hooks[NR_HOOKS];

void trap_table_load(void)
{
	struct trap_info table[35] = { 0 };
	unsigned int n = 0;
	long rc;

	for (unsigned int v = 0; v < 32; v++) {
		/* 2, 9, 15 and from 20 on nothing bounces, or not as a trap */
		table[n].vector = (uint8_t)v;
		table[n].flags = v == 3 || v == 4 ? 3 : 0;
		table[n].cs = FLAT_KERNEL_CS;
		table[n++].address = (unsigned long)trap_stubs + v * 16;
	}
	table[n].vector = VECTOR_INT80;
	table[n].flags = 3;
	table[n].cs = FLAT_KERNEL_CS;
	table[n++].address = (unsigned long)int80_entry;
	table[n].vector = VECTOR_INT81;
	table[n].flags = 0;
	table[n].cs = FLAT_KERNEL_CS;
	table[n++].address = (unsigned long)int81_entry;
	rc = hcall_set_trap_table(table);
	if (rc)
		panic("set_trap_table: %ld", rc);
}

static long callback(uint16_t type, const void *address, uint16_t flags)
{
	struct callback_register cb = {
		.type = type,
		.flags = flags,
		.address = (unsigned long)address,
	};

	return hcall_callback_op(CALLBACKOP_register, &cb);
}

void trap_init(void)
{
	trap_table_load();
	if (callback(CALLBACKTYPE_event, event_entry, CALLBACKF_mask_events) ||
	    callback(CALLBACKTYPE_failsafe, failsafe_entry,
		     CALLBACKF_mask_events) ||
	    callback(CALLBACKTYPE_syscall, syscall_entry,
		     CALLBACKF_mask_events))
		panic("callbacks refused");
	/* Which of these exists depends on the processor's vendor. */
	(void)callback(CALLBACKTYPE_syscall32, syscall32_entry,
		       CALLBACKF_mask_events);
	(void)callback(CALLBACKTYPE_sysenter, sysenter_entry,
		       CALLBACKF_mask_events);
}

static void fill(struct trap *trap, const struct regs *regs)
{
	const uint16_t *sel = this_cpu()->failsafe_sel;

	trap->regs = *regs;
	trap->cr2 = vcpu_info()->arch.cr2;
	trap->ds = sel[0];
	trap->es = sel[1];
	trap->fs = sel[2];
	trap->gs = sel[3];
}

static _Noreturn void unexpected(const struct regs *r)
{
	panic("trap %lu error %#lx at %#lx cs %#lx flags %#lx sp %#lx "
	      "cr2 %#lx rax %#lx", r->vector, r->error, r->rip, r->cs,
	      r->rflags, r->rsp, vcpu_info()->arch.cr2, r->rax);
}

static _Noreturn void end_catch(struct catcher *c, const struct regs *regs)
{
	if (c->trap)
		fill(c->trap, regs);
	context_restore(&c->context);
}

void trap_dispatch(struct regs *regs)
{
	struct cpu *cpu = this_cpu();

	if (regs->vector == VECTOR_EVENT) {
		event_dispatch();
		return;
	}
	if (trap_hooks[regs->vector] && trap_hooks[regs->vector](regs))
		return;
	if ((regs->cs & 3) == 3 && cpu->user)
		end_catch(cpu->user, regs);
	if (cpu->catcher)
		end_catch(cpu->catcher, regs);
	unexpected(regs);
}

int trap_catch(void (*fn)(void *), void *arg, struct trap *trap)
{
	struct cpu *cpu = this_cpu();
	struct trap local;
	struct catcher c;

	c.trap = trap ? trap : &local;
	c.outer = cpu->catcher;
	if (context_save(&c.context)) {
		this_cpu()->catcher = c.outer;
		return (int)c.trap->regs.vector;
	}
	cpu->catcher = &c;
	fn(arg);
	this_cpu()->catcher = c.outer;
	return -1;
}

struct access {
	volatile uint64_t *at;
	uint64_t value;
};

static void do_read(void *arg)
{
	struct access *a = arg;

	a->value = *a->at;
}

static void do_write(void *arg)
{
	struct access *a = arg;

	*a->at = a->value;
}

int try_read(unsigned long va, uint64_t *value)
{
	struct access a = { (volatile uint64_t *)va, 0 };
	int vector = trap_catch(do_read, &a, NULL);

	if (value)
		*value = a.value;
	return vector;
}

int try_write(unsigned long va, uint64_t value)
{
	struct access a = { (volatile uint64_t *)va, value };

	return trap_catch(do_write, &a, NULL);
}
