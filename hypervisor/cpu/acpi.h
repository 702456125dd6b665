/* What the firmware's tables say that the hypervisor must know. */
#ifndef PV_ACPI_H
#define PV_ACPI_H

#include "types.h"
#include "cpu.h"

#define MAX_IOAPICS 16
#define MAX_OVERRIDES 32
#define MAX_ECAM 8

struct acpi_ioapic {
	uint32_t addr, gsi_base;
	uint8_t id;
};

struct acpi_override { /* of an ISA interrupt */
	uint32_t gsi;
	uint16_t flags;  /* MPS INTI: polarity bits 0-1, trigger 2-3 */
	uint8_t irq;
};

struct acpi_ecam { /* PCI configuration space in memory (MCFG) */
	uint64_t addr;
	volatile uint8_t *window; /* mapped, of segments but the first */
	uint16_t segment;
	uint8_t start_bus, end_bus;
};

struct acpi_register { /* generic address structure, 12 bytes in tables */
	uint8_t space; /* 0 memory, 1 I/O ports, 2 PCI configuration */
	uint64_t addr; /* 0: not there */
};

struct acpi_info {
	unsigned int cpu_count;
	uint32_t apic_id[MAX_CPUS], acpi_id[MAX_CPUS];
	uint64_t lapic_addr;
	unsigned int ioapic_count, override_count, ecam_count;
	struct acpi_ioapic ioapics[MAX_IOAPICS];
	struct acpi_override overrides[MAX_OVERRIDES];
	struct acpi_ecam ecam[MAX_ECAM];

	uint16_t pm_timer;        /* port; 0: none */
	bool pm_timer_32bit;
	uint16_t pm1a_control, pm1b_control; /* ports; 0: none */
	bool s5_known;            /* sleep types of soft-off, from the DSDT */
	uint8_t s5_type_a, s5_type_b;
	paddr_t dsdt;
	struct acpi_register reset;
	uint8_t reset_value;
	volatile uint8_t *reset_window; /* mapped, if it is in memory */
	uint64_t hpet;            /* machine address; 0: none */
	uint16_t sci;             /* interrupt of the ACPI controller */
	paddr_t rsdp;             /* 0: no tables at all */
};

extern struct acpi_info acpi;

/*
 * Boot CPU, once map_boot() works: finds and reads the tables, fills cpus[]
 * (the running CPU comes first) and cpus_present.
 */
void acpi_init(void);

/*
 * Looks for the package _S5_ in AML code: the two sleep types of soft-off.
 * We run no AML, but this object is constant by its nature.
 */
void acpi_parse_dsdt(const void *table, size_t len, struct acpi_info *info);

/*
 * Reads one table (by its signature) into @info; @len bytes of it are mapped
 * and its checksum was right. Unknown tables are left alone. A damaged table
 * is read as far as it makes sense.
 */
void acpi_parse_table(const void *table, size_t len, struct acpi_info *info);

#endif
