/*
 * PCI configuration space: through the port pair 0xcf8/0xcfc, which holds an
 * address between two accesses and so needs a lock, or in memory (MCFG) for
 * segments and registers that the ports do not reach.
 */
#include "pci.h"
#include "acpi.h"
#include "cpu.h"
#include "frame.h"
#include "spinlock.h"

#define ADDRESS_PORT 0xcf8
#define DATA_PORT 0xcfc
#define ADDRESS_ENABLE 0x80000000u

static struct spinlock pci_lock = SPINLOCK(RANK_PCI);

/*
 * Pages of configuration space in memory, mapped as they are first used and
 * never unmapped: pci_lock guards the table.
 */
#define PAGES 32
static struct {
	paddr_t pa;
	volatile uint8_t *va;
} pages[PAGES];

static uint32_t port_in(unsigned int offset, unsigned int size)
{
	uint16_t port = (uint16_t)(DATA_PORT + offset);

	if (size == 1)
		return inb(port);
	return size == 2 ? inw(port) : inl(port);
}

static void port_out(unsigned int offset, unsigned int size, uint32_t v)
{
	uint16_t port = (uint16_t)(DATA_PORT + offset);

	if (size == 1)
		outb(port, (uint8_t)v);
	else if (size == 2)
		outw(port, (uint16_t)v);
	else
		outl(port, v);
}

uint32_t pci_port_read(uint32_t address, unsigned int offset,
		       unsigned int size)
{
	uint32_t v;

	spin_lock(&pci_lock);
	outl(ADDRESS_PORT, address);
	v = port_in(offset, size);
	spin_unlock(&pci_lock);
	return v;
}

void pci_port_write(uint32_t address, unsigned int offset, unsigned int size,
		    uint32_t v)
{
	spin_lock(&pci_lock);
	outl(ADDRESS_PORT, address);
	port_out(offset, size, v);
	spin_unlock(&pci_lock);
}

/* Where the firmware's MCFG puts a function's 4 KiB; 0: nowhere. */
static paddr_t ecam_address(sbdf_t dev)
{
	uint8_t bus = (uint8_t)(dev >> 8);

	for (unsigned int i = 0; i < acpi.ecam_count; i++) {
		const struct acpi_ecam *e = &acpi.ecam[i];

		if (e->addr && e->segment == dev >> 16 &&
		    bus >= e->start_bus && bus <= e->end_bus)
			return e->addr + ((paddr_t)(dev & 0xffff) << 12);
	}
	return 0;
}

/* pci_lock held. */
static volatile uint8_t **ecam_slot(paddr_t pa)
{
	for (unsigned int i = 0; i < PAGES; i++) {
		if (!pages[i].pa)
			pages[i].pa = pa;
		if (pages[i].pa == pa)
			return &pages[i].va;
	}
	return NULL;
}

static volatile uint8_t *ecam_page(sbdf_t dev)
{
	paddr_t pa = ecam_address(dev);
	volatile uint8_t *va = NULL, **slot;

	if (!pa)
		return NULL;
	spin_lock(&pci_lock);
	slot = ecam_slot(pa);
	if (slot)
		va = *slot;
	spin_unlock(&pci_lock);
	if (!slot || va)
		return va;
	/* Mapping takes the heap's lock. Twice the same does no harm. */
	va = map_mmio(pa, PAGE_SIZE);
	spin_lock(&pci_lock);
	*slot = va;
	spin_unlock(&pci_lock);
	return va;
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
	volatile uint8_t *page;

	if (ports_reach(dev, reg))
		return pci_port_read(port_address(dev, reg), reg & 3, size);
	page = reg < PAGE_SIZE ? ecam_page(dev) : NULL;
	if (!page)
		return UINT32_MAX >> (32 - 8 * size);
	if (size == 1)
		return page[reg];
	if (size == 2)
		return *(volatile uint16_t *)(page + reg);
	return *(volatile uint32_t *)(page + reg);
}

void pci_write(sbdf_t dev, unsigned int reg, unsigned int size, uint32_t v)
{
	volatile uint8_t *page;

	if (ports_reach(dev, reg)) {
		pci_port_write(port_address(dev, reg), reg & 3, size, v);
		return;
	}
	page = reg < PAGE_SIZE ? ecam_page(dev) : NULL;
	if (!page)
		return;
	if (size == 1)
		page[reg] = (uint8_t)v;
	else if (size == 2)
		*(volatile uint16_t *)(page + reg) = (uint16_t)v;
	else
		*(volatile uint32_t *)(page + reg) = v;
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
			e->addr = 0; /* the firmware lied */
		return 0;
	}
	return -ENODEV;
}
