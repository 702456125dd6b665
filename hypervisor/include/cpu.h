/*
 * Physical CPUs. Interrupts are off whenever the hypervisor runs (README.md,
 * rule 1): nothing below ever races with one on its own CPU.
 */
#ifndef PV_CPU_H
#define PV_CPU_H

#include "types.h"
#include "layout.h"
#include "atomic.h"
#include "arch.h" /* one-instruction wrappers; the host tests have their own */

#ifndef PV_DEBUG
#define PV_DEBUG 0 /* make HV_DEBUG=1 */
#endif
#define STACK_SIZE 16384UL /* of a vCPU's hypervisor stack; aligned to it */

struct vcpu;

struct cpu {
	unsigned int id;
	uint32_t apic_id;
	bool arrived;            /* cpu/smp.c: runs our code */
	bool online;             /* takes part in everything */
	struct vcpu *running;    /* what runs here; only this CPU writes */
	struct vcpu *idle;       /* its idle vCPU */
	bool need_resched;       /* look at the run queue before guest/idle */
	uint32_t flushed_at;     /* mm/tlb.c: clock of the last full flush */
	uint32_t flush_requested; /* mm/tlb.c: raised by others */
	uint32_t flush_done;     /* mm/tlb.c: requests served */
	struct vcpu *kept;       /* mm/tlb.c: whose tables an idle CPU keeps */
	paddr_t kept_cr3;        /* and which; 0: none */
	uint32_t ranks_held;     /* spinlock.h, debug builds */
	uint8_t rank_count[32];
	struct timer_queue *timers; /* cpu/timer.c */
	struct sched_cpu *sched;    /* sched/core.c */
	struct tss *tss;            /* cpu/desc.c */
	uint64_t *desc_entries;     /* cpu/desc.c: L1 entries of its windows */
	unsigned int window;        /* the one that GDTR points to */
	unsigned int ldt_entries;   /* pv/segments.c: as LDTR has it */
};

extern struct cpu cpus[MAX_CPUS];
extern unsigned int cpus_present; /* cpus[0..cpus_present-1] exist */

static inline uint64_t cpus_online(void)
{
	uint64_t m = 0;

	for (unsigned int i = 0; i < cpus_present; i++)
		m |= (uint64_t)READ_ONCE(cpus[i].online) << i;
	return m;
}

/* The last word of every hypervisor stack holds the CPU that runs on it. */
struct stack_top {
	uint64_t pad;
	struct cpu *cpu;
};

static inline struct stack_top *stack_top_of(void *stack)
{
	return (struct stack_top *)((char *)stack + STACK_SIZE) - 1;
}

#ifndef this_cpu /* the host tests simulate it */
static inline struct stack_top *stack_top(void)
{
	return (struct stack_top *)((arch_stack_pointer() | (STACK_SIZE - 1)) +
				    1 - sizeof(struct stack_top));
}

static inline struct cpu *this_cpu(void)
{
	return stack_top()->cpu;
}
#endif

#define current (this_cpu()->running)

/* Waiting loops: serves flush requests; the body of every spin. */
void cpu_relax_poll(void);
/* cpu/apic.c: interrupts a CPU, which leaves its guest and looks at flags. */
void ipi_kick(unsigned int cpu);

/*
 * cpu/smp.c, the boot CPU: starts all others, one after the other, each in
 * ap_main() on its idle vCPU's stack. One that does not come is left out.
 */
void smp_start(void);
/* From ap_main(), once it takes traps: the boot CPU looks it over. */
void smp_arrived(struct cpu *c);

/* cpu/reboot.c: stops all CPUs, tries each way that the hardware has. */
noreturn_fn void machine_power_off(void);
/* Dom0 prepared soft-off: these values go to the PM1 control registers. */
noreturn_fn void machine_sleep(uint16_t pm1a, uint16_t pm1b);
noreturn_fn void machine_reboot(void);
noreturn_fn void machine_panic(void); /* or halts, with noreboot */
/* First thing in every NMI: halts when another CPU ends the machine. */
void machine_nmi(void);

#endif
