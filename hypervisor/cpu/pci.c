/*
 * PCI configuration space: through the port pair 0xcf8/0xcfc, which holds an
 * address between two accesses and so needs a lock, or in memory (MCFG) for
 * segments and registers that the ports do not reach.
 */
#include "pci.h"
#include "acpi.h"
#include "spinlock.h"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT 0xcfc
#define ADDRESS_ENABLE 0x80000000u

static struct spinlock pci_lock = SPINLOCK(RANK_PCI);

uint32_t pci_port_read(uint32_t address, unsigned int offset,
		       unsigned int size)
{
	spin_guard(&pci_lock);
	outl(ADDRESS_PORT, address);
	return in_sized((uint16_t)(DATA_PORT + offset), size);
}

void pci_port_write(uint32_t address, unsigned int offset, unsigned int size,
		    uint32_t v)
{
	spin_guard(&pci_lock);
	outl(ADDRESS_PORT, address);
	out_sized((uint16_t)(DATA_PORT + offset), size, v);
}

/* A register in memory; NULL: the ports reach it, or nothing does. */
static volatile void *ecam_register(sbdf_t dev, unsigned int reg)
{
	uint8_t bus = (uint8_t)(dev >> 8);

	for (unsigned int i = 0; i < acpi.ecam_count; i++) {
		const struct acpi_ecam *e = &acpi.ecam[i];

		if (e->window && reg < PAGE_SIZE && e->segment == dev >> 16 &&
		    bus >= e->start_bus && bus <= e->end_bus)
			return e->window + ((dev & 0xffff) << 12) + reg;
	}
	return NULL;
}

static bool ports_reach(sbdf_t dev, unsigned int reg)
{
	return dev < 0x10000 && reg < 256;
}

static uint32_t port_address(sbdf_t dev, unsigned int reg)
{
	return ADDRESS_ENABLE | dev << 8 | (reg & 0xfc);
}

uint32_t pci_read(sbdf_t dev, unsigned int reg, unsigned int size)
{
	volatile void *at;

	if (ports_reach(dev, reg))
		return pci_port_read(port_address(dev, reg), reg & 3, size);
	at = ecam_register(dev, reg);
	if (!at)
		return UINT32_MAX >> (32 - 8 * size);
	return size == 1 ? *(volatile uint8_t *)at :
	       size == 2 ? *(volatile uint16_t *)at : *(volatile uint32_t *)at;
}

void pci_write(sbdf_t dev, unsigned int reg, unsigned int size, uint32_t v)
{
	volatile void *at;

	if (ports_reach(dev, reg)) {
		pci_port_write(port_address(dev, reg), reg & 3, size, v);
		return;
	}
	at = ecam_register(dev, reg);
	if (!at)
		return;
	if (size == 1)
		*(volatile uint8_t *)at = (uint8_t)v;
	else if (size == 2)
		*(volatile uint16_t *)at = (uint16_t)v;
	else
		*(volatile uint32_t *)at = v;
}

unsigned int pci_find_capability(sbdf_t dev, uint8_t id)
{
	unsigned int at, left = 48; /* as many as fit: a list may be a ring */

	if (pci_read(dev, 0, 2) == 0xffff ||
	    !(pci_read(dev, PCI_STATUS, 2) & PCI_STATUS_CAPABILITIES))
		return 0;
	at = pci_read(dev, PCI_CAPABILITIES, 1) & 0xfc;
	for (; at >= 0x40 && left; left--) {
		if (pci_read(dev, at, 1) == id)
			return at;
		at = pci_read(dev, at + 1, 1) & 0xfc;
	}
	return 0;
}

paddr_t pci_bar(sbdf_t dev, unsigned int bar)
{
	unsigned int header = pci_read(dev, PCI_HEADER_TYPE, 1) & 0x7f;
	uint32_t low, high = 0;

	if (bar >= (header == 0 ? 6u : header == 1 ? 2u : 0u))
		return 0;
	low = pci_read(dev, PCI_BAR0 + 4 * bar, 4);
	if (low & 1) /* ports */
		return 0;
	if ((low & 6) == 4)
		high = pci_read(dev, PCI_BAR0 + 4 * bar + 4, 4);
	return (paddr_t)high << 32 | (low & ~15u);
}

int pci_mmcfg_confirm(paddr_t addr, uint16_t segment, uint8_t start_bus,
		      uint8_t end_bus, bool ok)
{
	for (unsigned int i = 0; i < acpi.ecam_count; i++) {
		struct acpi_ecam *e = &acpi.ecam[i];

		if (e->addr != addr || e->segment != segment ||
		    e->start_bus != start_bus || e->end_bus != end_bus)
			continue;
		if (!ok)
			e->window = NULL; /* the firmware lied */
		return 0;
	}
	return -ENODEV;
}
