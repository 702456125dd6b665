/*
 * Physical interrupts: sources (GSIs and messages), their vectors, and what is
 * done when one fires. Vectors mean the same on every CPU.
 *
 * An edge or message is acknowledged at once and passed on as an event. A
 * level source is masked at its I/O APIC when it fires and opened again by
 * the guest's EOI: so a guest that is slow, or never answers, holds nothing
 * of the local APIC.
 *
 * irq_lock guards sources and vectors; see struct irq for what the interrupt
 * path reads without it.
 */
#include "irq.h"
#include "acpi.h"
#include "apic.h"
#include "cpu.h"
#include "domain.h"
#include "event.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"
#include "time.h"

struct spinlock irq_lock = SPINLOCK(RANK_IRQ);

static struct irq gsis[MAX_GSIS], msis[MAX_MSIS];
unsigned int gsi_count;
static struct irq *by_vector[256];

/* As irq_take_vectors(); 0: there are none left. */
static unsigned int find_vectors(unsigned int count)
{
	unsigned int v, i;

	for (v = ROUND_UP(VEC_FIRST_DEVICE, count);
	     v + count - 1 <= VEC_LAST_DEVICE; v += count) {
		for (i = 0; i < count && !by_vector[v + i]; i++)
			;
		if (i == count)
			return v;
	}
	return 0;
}

int irq_take_vectors(struct irq *irq, unsigned int count)
{
	unsigned int vector = find_vectors(count), i;

	if (!vector)
		return -ENOSPC;
	for (i = 0; i < count; i++) {
		irq[i].vector = (uint8_t)(vector + i);
		store_release(&by_vector[vector + i], &irq[i]);
	}
	return 0;
}

void irq_drop_vector(struct irq *irq)
{
	if (irq->vector)
		store_release(&by_vector[irq->vector], (struct irq *)NULL);
	irq->vector = 0;
}

void irq_program(struct irq *irq, bool masked)
{
	if (irq->kind == IRQ_GSI) {
		ioapic_write(irq, masked);
		return;
	}
	/* A group of messages has one address: its first member's. */
	if (irq->msi.count)
		msi_write(&irq->msi, cpus[irq->cpu].apic_id, irq->vector);
	msi_mask(&irq->msi, masked);
}

void irq_mask(struct irq *irq, bool masked)
{
	if (irq->kind == IRQ_GSI)
		ioapic_mask(irq, masked);
	else
		msi_mask(&irq->msi, masked);
}

static void device_interrupt(unsigned int vector)
{
	struct irq *irq = load_acquire(&by_vector[vector]);
	unsigned int pirq;

	if (!irq) {
		apic_eoi();
		return;
	}
	if (irq->level) {
		/* Closed until the guest says EOI. */
		spin_guard(&irq_lock);
		ioapic_mask(irq, true);
		irq->in_service = true;
	}
	apic_eoi();
	pirq = READ_ONCE(irq->pirq);
	if (irq->fn)
		irq->fn();
	else if (pirq && dom0)
		pirq_raise(dom0, pirq);
}

void irq_dispatch(const struct cpu_user_regs *r)
{
	unsigned int vector = r->entry_vector;

	switch (vector) {
	case VEC_TIMER:
		apic_eoi();
		timer_interrupt();
		return;
	case VEC_KICK:
		apic_eoi();
		tlb_poll();
		return;
	case VEC_ERROR:
		apic_write(APIC_ESR, 0);
		log_line(LOG_WARNING, "CPU%u: APIC error %#x", this_cpu()->id,
			 apic_read(APIC_ESR));
		apic_eoi();
		return;
	case VEC_FIRST_DEVICE ... VEC_LAST_DEVICE:
		device_interrupt(vector);
		return;
	case VEC_SPURIOUS:
		return; /* not in service: no EOI (SDM 11.9) */
	default:
		/* 0x20..0x2f: a last one of the old controllers; else nobody's. */
		if (vector > 0x2f)
			apic_eoi();
	}
}

/* The GSI of an ISA interrupt. */
static unsigned int isa_gsi(unsigned int irq)
{
	for (unsigned int i = 0; i < acpi.override_count; i++)
		if (acpi.overrides[i].irq == irq)
			return acpi.overrides[i].gsi;
	return irq;
}

void irq_init(void)
{
	ioapic_init(gsis);
	for (unsigned int i = 0; i < MAX_GSIS; i++) {
		if (gsis[i].kind == IRQ_GSI)
			gsi_count = i + 1;
		gsis[i].gsi = i;
		/* PCI lines are level and low; ISA lines edge and high. */
		gsis[i].level = gsis[i].low = i >= 16;
	}
	for (unsigned int i = 0; i < acpi.override_count; i++) {
		const struct acpi_override *o = &acpi.overrides[i];

		if (o->gsi >= gsi_count)
			continue;
		/* "As the bus": ISA, edge and high. */
		gsis[o->gsi].level = (o->flags >> 2 & 3) == 3;
		gsis[o->gsi].low = (o->flags & 3) == 3;
	}
}

int irq_own_isa(unsigned int isa, void (*fn)(void))
{
	struct irq *irq = gsi_irq(isa_gsi(isa));

	if (!irq)
		return -EINVAL;
	spin_guard(&irq_lock);
	if (irq->vector)
		return -EBUSY;
	if (irq_take_vectors(irq, 1))
		return -ENOSPC;
	irq->fn = fn;
	irq->level = false; /* the handler leaves no level behind */
	irq_program(irq, false);
	return 0;
}

struct irq *gsi_irq(unsigned int gsi)
{
	return gsi < gsi_count && gsis[gsi].kind == IRQ_GSI ? &gsis[gsi] :
	       NULL;
}

struct irq *msi_find_free(unsigned int count)
{
	unsigned int i, n = 0;

	for (i = 0; i < MAX_MSIS; i++) {
		n = msis[i].kind == IRQ_NONE ? n + 1 : 0;
		if (n == count)
			return &msis[i + 1 - count];
	}
	return NULL;
}

#define for_each_message(irq, device) \
	for (irq = msis; irq < msis + MAX_MSIS; irq++) \
		if (irq->kind == IRQ_MSI && irq->msi.dev == (device))

bool msi_exists(const struct msi *m)
{
	struct irq *irq;

	for_each_message(irq, m->dev)
		if (!irq->msi.gone && irq->msi.msix == m->msix &&
		    irq->msi.entry == m->entry)
			return true;
	return false;
}

void msi_restore_device(sbdf_t dev)
{
	struct irq *irq;

	spin_guard(&irq_lock);
	for_each_message(irq, dev)
		irq_program(irq, !irq->bound);
}

void msi_forget_device(sbdf_t dev)
{
	struct irq *irq;

	spin_guard(&irq_lock);
	for_each_message(irq, dev)
		irq->msi.gone = true;
}

void irq_dump(void)
{
	for (unsigned int v = VEC_FIRST_DEVICE; v <= VEC_LAST_DEVICE; v++) {
		struct irq *irq = READ_ONCE(by_vector[v]);

		if (!irq)
			continue;
		log_line(LOG_ERR, "vector %#x: %s %u, pirq %u, CPU%u%s%s%s%s",
			 v, irq->kind == IRQ_GSI ? "GSI" : "message",
			 irq->kind == IRQ_GSI ? irq->gsi : irq->msi.entry,
			 irq->pirq, irq->cpu, irq->level ? ", level" : "",
			 irq->bound ? ", bound" : "",
			 irq->in_service ? ", in service" : "",
			 irq->fn ? ", the hypervisor's" : "");
	}
}
