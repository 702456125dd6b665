/*
 * I/O APICs (Intel 82093AA): an index and a data register each, so every
 * access is two; irq_lock keeps them together.
 */
#include "irq.h"
#include "acpi.h"
#include "frame.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"

#define REG_VERSION 1
#define REG_ENTRY(i) (0x10 + 2 * (i))
#define ENTRY_MASKED 0x10000u
#define ENTRY_LEVEL 0x8000u
#define ENTRY_LOW 0x2000u

struct ioapic {
	volatile uint32_t *window;
	paddr_t base;
	unsigned int gsi_base, inputs;
};
static struct ioapic ioapics[MAX_IOAPICS];
static unsigned int ioapic_count;

static uint32_t read_reg(const struct ioapic *io, unsigned int reg)
{
	io->window[0] = reg;
	return io->window[4];
}

static void write_reg(const struct ioapic *io, unsigned int reg, uint32_t v)
{
	io->window[0] = reg;
	io->window[4] = v;
}

uint64_t ioapic_encode(const struct irq *irq, bool masked)
{
	/* Fixed delivery, physical destination. */
	return irq->vector | (irq->low ? ENTRY_LOW : 0) |
	       (irq->level ? ENTRY_LEVEL : 0) | (masked ? ENTRY_MASKED : 0) |
	       (uint64_t)(cpus[irq->cpu].apic_id & 0xff) << 56;
}

void ioapic_write(const struct irq *irq, bool masked)
{
	uint64_t words = ioapic_encode(irq, masked);
	unsigned int reg = REG_ENTRY(irq->gsi - irq->ioapic->gsi_base);

	/* Masked until both words are right. */
	write_reg(irq->ioapic, reg, ENTRY_MASKED);
	write_reg(irq->ioapic, reg + 1, (uint32_t)(words >> 32));
	write_reg(irq->ioapic, reg, (uint32_t)words);
}

void ioapic_mask(const struct irq *irq, bool masked)
{
	unsigned int reg = REG_ENTRY(irq->gsi - irq->ioapic->gsi_base);
	uint32_t low = read_reg(irq->ioapic, reg) & ~ENTRY_MASKED;

	write_reg(irq->ioapic, reg, low | (masked ? ENTRY_MASKED : 0));
}

int ioapic_peek(paddr_t base, unsigned int reg, uint32_t *value)
{
	for (unsigned int i = 0; i < ioapic_count; i++) {
		if (ioapics[i].base != base)
			continue;
		if (reg > REG_ENTRY(ioapics[i].inputs))
			return -EINVAL;
		if (reg >= REG_ENTRY(0)) {
			*value = reg % 2 ? 0 : ENTRY_MASKED;
			return 0;
		}
		spin_guard(&irq_lock);
		*value = read_reg(&ioapics[i], reg);
		return 0;
	}
	return -ENODEV;
}

static void setup(const struct acpi_ioapic *a, struct irq *gsis)
{
	struct ioapic *io = &ioapics[ioapic_count];
	uint32_t version;

	io->window = map_mmio(a->addr, PAGE_SIZE);
	if (!io->window)
		return;
	version = read_reg(io, REG_VERSION);
	if (version == UINT32_MAX) /* nothing answers there */
		return;
	io->base = a->addr;
	io->gsi_base = a->gsi_base;
	io->inputs = min((version >> 16 & 0xff) + 1, 240u);
	if (io->gsi_base >= MAX_GSIS || io->inputs > MAX_GSIS - io->gsi_base)
		return;
	ioapic_count++;
	mmio_reserve(a->addr, PAGE_SIZE);
	for (unsigned int i = 0; i < io->inputs; i++) {
		write_reg(io, REG_ENTRY(i), ENTRY_MASKED);
		gsis[io->gsi_base + i].kind = IRQ_GSI;
		gsis[io->gsi_base + i].ioapic = io;
	}
	log_line(LOG_INFO, "IOAPIC at %#x: GSI %u to %u", a->addr,
		 io->gsi_base, io->gsi_base + io->inputs - 1);
}

void ioapic_init(struct irq *gsis)
{
	for (unsigned int i = 0; i < acpi.ioapic_count; i++)
		setup(&acpi.ioapics[i], gsis);
	if (!ioapic_count)
		log_line(LOG_ERR, "no I/O APIC: devices will not work");
}
