/* What the boot loader handed over (boot/multiboot.c). */
#ifndef PV_BOOT_H
#define PV_BOOT_H

#include "types.h"

#define MAX_RAM_RANGES 64
#define MAX_MODULES 8

struct e820entry { /* 20 bytes, as the ABI has it */
	uint64_t addr, size;
	uint32_t type; /* 1 RAM, 2 reserved, 3 ACPI, 4 NVS, 5 unusable */
} __attribute__((packed));

struct boot_module {
	paddr_t start;
	uint64_t len;
	const char *cmdline; /* first word already dropped */
};

struct boot_info {
	char cmdline[1024];
	char loader[64];
	struct e820entry map[MAX_RAM_RANGES];
	unsigned int map_entries;
	struct boot_module modules[MAX_MODULES];
	unsigned int module_count;
	paddr_t rsdp; /* 0: search */
};

extern struct boot_info boot_info;

/* Reads what the boot loader left; panics if it is unusable. */
void multiboot_parse(uint32_t magic, paddr_t info);

/*
 * Command line "name=value name2": the value of name, NULL if absent, "" if
 * given without a value; copied to buf. Last one wins.
 */
const char *boot_option(const char *name, char *buf, size_t size);

#endif
