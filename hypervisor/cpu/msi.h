/* Message-signalled interrupts: a device's capability or table. */
#ifndef PV_MSI_H
#define PV_MSI_H

#include "types.h"
#include "pci.h"

struct msi {
	sbdf_t dev;
	uint16_t cap;         /* offset of the capability */
	bool msix;
	bool wide;            /* MSI: 64-bit address */
	bool maskable;        /* MSI: has mask bits */
	bool gone;            /* the device has left: touch nothing */
	uint16_t entry;       /* MSI-X: table entry; MSI: message number */
	uint16_t count;       /* MSI: messages of the group, on the first */
	volatile uint32_t *slot; /* MSI-X: the table entry */
};

struct msi_message {
	uint64_t address;
	uint32_t data;
};

/* Fixed delivery to one CPU, edge (Intel SDM volume 3, 11.11). */
struct msi_message msi_compose(uint32_t apic_id, uint8_t vector);

/*
 * Finds the capability and the table: fills @m, changes nothing but the mask
 * of that message. -ENODEV (no such capability), -EINVAL (no such entry, or
 * more messages than the device can send), -ENOMEM.
 */
must_check int msi_find(struct msi *m, sbdf_t dev, bool msix,
			unsigned int entry, unsigned int count);
/* For MSI the group's first message stands for all: @m->count of them. */
void msi_write(const struct msi *m, struct msi_message msg);
void msi_mask(const struct msi *m, bool masked);
void msi_enable(const struct msi *m, bool on);

#endif
