/* I/O APICs: inputs by their global number, the GSI. */
#ifndef PV_IOAPIC_H
#define PV_IOAPIC_H

#include "types.h"

/*
 * Boot CPU: maps those of the MADT, masks all inputs. Dom0 may not touch
 * their memory. Returns the number of GSIs: the highest, plus one.
 */
unsigned int ioapic_init(void);
bool ioapic_has(unsigned int gsi);

struct ioapic_entry {
	uint8_t vector;
	bool level, low, masked;
	uint8_t apic_id;
};

/* The words of a redirection entry (82093AA data sheet, 3.2.4). */
uint64_t ioapic_encode(const struct ioapic_entry *e);

/* Callers hold irq_lock; @gsi exists. */
void ioapic_write(unsigned int gsi, const struct ioapic_entry *e);
void ioapic_mask(unsigned int gsi, bool masked);

/*
 * A register by the machine address of its I/O APIC, as Dom0 reads it: only
 * the identification; inputs read as masked. -ENODEV, -EINVAL.
 */
must_check int ioapic_peek(paddr_t base, unsigned int reg, uint32_t *value);

#endif
