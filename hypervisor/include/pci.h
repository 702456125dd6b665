/* PCI configuration space. */
#ifndef PV_PCI_H
#define PV_PCI_H

#include "types.h"

/* segment << 16 | bus << 8 | device << 3 | function */
typedef uint32_t sbdf_t;

#define PCI_COMMAND 0x04
#define PCI_COMMAND_MEMORY 0x2
#define PCI_STATUS 0x06
#define PCI_STATUS_CAPABILITIES 0x10
#define PCI_BAR0 0x10
#define PCI_CAPABILITIES 0x34
#define PCI_HEADER_TYPE 0x0e
#define PCI_CAP_MSI 0x05
#define PCI_CAP_MSIX 0x11

/* @size 1, 2 or 4, @reg aligned to it. All ones where nothing answers. */
uint32_t pci_read(sbdf_t dev, unsigned int reg, unsigned int size);
void pci_write(sbdf_t dev, unsigned int reg, unsigned int size, uint32_t v);

/*
 * As through ports 0xcf8 and 0xcfc + @offset, with @address as latched by a
 * guest; @offset + @size <= 4.
 */
uint32_t pci_port_read(uint32_t address, unsigned int offset,
		       unsigned int size);
void pci_port_write(uint32_t address, unsigned int offset, unsigned int size,
		    uint32_t v);

/* Offset of a capability; 0: none. */
unsigned int pci_find_capability(sbdf_t dev, uint8_t id);
/* Machine address of memory BAR @bar (0..5); 0: none, or not memory. */
paddr_t pci_bar(sbdf_t dev, unsigned int bar);

/*
 * Dom0 says that this window is what the firmware reserved for configuration
 * space (PHYSDEVOP_pci_mmcfg_reserved). 0, -ENODEV (no such in the MCFG).
 */
must_check int pci_mmcfg_confirm(paddr_t addr, uint16_t segment,
				 uint8_t start_bus, uint8_t end_bus, bool ok);

#endif
