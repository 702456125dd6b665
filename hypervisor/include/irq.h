/* Physical interrupts: vectors, IOAPIC, MSI; pirqs of domains (cpu/irq.c). */
#ifndef PV_IRQ_H
#define PV_IRQ_H

#include "types.h"

struct cpu_user_regs;

/* Fixed vectors; devices get 0x30..0xdf. */
enum {
	VEC_FIRST_DEVICE = 0x30,
	VEC_LAST_DEVICE = 0xdf,
	VEC_TIMER = 0xf0,
	VEC_KICK = 0xf1,     /* ipi_kick(): flags to look at, flushes */
	VEC_ERROR = 0xfe,
	VEC_SPURIOUS = 0xff,
};

struct domain;

/* From entry.S for vectors 0x20..0xff; interrupts off, acknowledges. */
void irq_dispatch(struct cpu_user_regs *regs, unsigned int vector);
void timer_interrupt(void);

/* Boot CPU, after ACPI tables and the local APIC: IOAPICs, vectors. */
void irq_init(void);

/*
 * An interrupt line of the hypervisor's own: @fn runs with interrupts off.
 * 0, -EINVAL (no such line), -EBUSY (a domain's), -ENOSPC (no vector).
 */
must_check int irq_own_isa(unsigned int irq, void (*fn)(void));

/*
 * What event/ calls, with the domain's event lock held (RANK_EVENT, below
 * RANK_IRQ). Only Dom0 has physical interrupts.
 *
 * pirq_bind(): a port now stands for @pirq: it is routed to where @vcpu runs
 * and opened. 0, -EINVAL (not mapped), -EBUSY (in use).
 */
must_check int pirq_bind(struct domain *d, unsigned int pirq, bool share,
			 unsigned int vcpu);
void pirq_unbind(struct domain *d, unsigned int pirq);
/* The port moved to another vCPU. */
void pirq_follow(struct domain *d, unsigned int pirq, unsigned int vcpu);

/* Gone with its domain: closes and unmaps everything that is left. */
void irq_destroy_domain(struct domain *d);

#endif
