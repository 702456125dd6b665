/*
 * MSI and MSI-X (PCI Local Bus Specification 3.0, 6.8). The hypervisor owns
 * address, data and mask bits; Dom0 turns the capability as a whole on and
 * off, as it does with any other bit of its devices.
 */
#include "irq.h"
#include "frame.h"

#define CONTROL 2
#define MSI_ENABLE 0x0001u
#define MSI_CAPABLE(c) (1u << ((c) >> 1 & 7))
#define MSI_LOG2_SHIFT 4
#define MSI_LOG2_MASK 0x0070u
#define MSI_WIDE 0x0080u
#define MSI_MASKABLE 0x0100u
#define MSIX_ENTRIES(c) (((c) & 0x7ff) + 1)
#define MSIX_TABLE 4
#define MSIX_SLOT 16
#define MSIX_SLOT_MASKED 1u

/* Mapped pages of tables; a mapping is never undone, so it is kept here. */
#define TABLE_PAGES 64
static struct {
	paddr_t pa;
	uint8_t *va;
} tables[TABLE_PAGES]; /* irq_lock: all callers hold it */

static uint8_t *map_table_page(paddr_t pa)
{
	for (unsigned int i = 0; i < TABLE_PAGES; i++) {
		if (!tables[i].va) {
			tables[i].va = map_mmio(pa, PAGE_SIZE);
			tables[i].pa = pa;
		}
		if (tables[i].pa == pa)
			return tables[i].va;
	}
	return NULL;
}

static int find_slot(struct msi *m)
{
	uint32_t where = pci_read(m->dev, m->cap + MSIX_TABLE, 4);
	paddr_t bar = pci_bar(m->dev, where & 7), pa;
	uint8_t *page;

	if (!bar)
		return -ENODEV;
	/* Without RAM in the way: a table in RAM would be a guest's page. */
	pa = bar + (where & ~7u) + m->entry * MSIX_SLOT;
	if (frame_of(paddr_mfn(pa)))
		return -ENODEV;
	page = map_table_page(pa & PAGE_MASK);
	if (!page)
		return -ENOMEM;
	m->slot = (volatile uint32_t *)(page + (pa & ~PAGE_MASK));
	return 0;
}

int msi_find(struct msi *m, sbdf_t dev, bool msix, unsigned int entry,
	     unsigned int count)
{
	struct msi found = { .dev = dev, .msix = msix };
	uint32_t control;
	int rc;

	found.cap = (uint16_t)pci_find_capability(dev, msix ? PCI_CAP_MSIX :
						  PCI_CAP_MSI);
	if (!found.cap)
		return -ENODEV;
	control = pci_read(dev, found.cap + CONTROL, 2);
	if (msix) {
		if (count != 1 || entry >= MSIX_ENTRIES(control))
			return -EINVAL;
		found.entry = (uint16_t)entry;
		found.maskable = true;
		rc = find_slot(&found);
		if (rc)
			return rc;
	} else {
		if (count > MSI_CAPABLE(control))
			return -EINVAL;
		found.wide = control & MSI_WIDE;
		found.maskable = control & MSI_MASKABLE;
	}
	found.count = (uint16_t)count;
	*m = found;
	msi_mask(m, true);
	return 0;
}

/* MSI-X registers answer only while memory decoding is on. */
static bool slot_reachable(const struct msi *m)
{
	return pci_read(m->dev, PCI_COMMAND, 2) & PCI_COMMAND_MEMORY;
}

/* Fixed delivery to one CPU, edge (Intel SDM volume 3, 11.11). */
void msi_write(const struct msi *m, uint32_t apic_id, uint8_t vector)
{
	uint32_t address = 0xfee00000u | (apic_id & 0xff) << 12, control;

	if (m->gone)
		return;
	if (m->msix) {
		if (!slot_reachable(m))
			return;
		m->slot[0] = address;
		m->slot[1] = 0;
		m->slot[2] = vector;
		return;
	}
	pci_write(m->dev, m->cap + 4, 4, address);
	if (m->wide)
		pci_write(m->dev, m->cap + 8, 4, 0);
	pci_write(m->dev, m->cap + (m->wide ? 12 : 8), 2, vector);
	control = pci_read(m->dev, m->cap + CONTROL, 2) & ~MSI_LOG2_MASK;
	control |= (uint32_t)__builtin_ctz(m->count) << MSI_LOG2_SHIFT;
	pci_write(m->dev, m->cap + CONTROL, 2, control);
}

void msi_mask(const struct msi *m, bool masked)
{
	unsigned int reg = m->cap + (m->wide ? 16 : 12);
	uint32_t bits;

	if (m->gone || !m->maskable)
		return;
	if (m->msix) {
		if (!slot_reachable(m))
			return;
		m->slot[3] = masked ? m->slot[3] | MSIX_SLOT_MASKED :
			     m->slot[3] & ~MSIX_SLOT_MASKED;
		(void)m->slot[3]; /* posted writes arrive before the read */
		return;
	}
	bits = pci_read(m->dev, reg, 4);
	bits = masked ? bits | 1u << m->entry : bits & ~(1u << m->entry);
	pci_write(m->dev, reg, 4, bits);
}

void msi_disable(const struct msi *m)
{
	if (m->gone)
		return;
	pci_write(m->dev, m->cap + CONTROL, 2,
		  pci_read(m->dev, m->cap + CONTROL, 2) & ~MSI_ENABLE);
}
