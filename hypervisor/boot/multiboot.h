/* Reads what the boot loader left into boot_info; panics if it is unusable. */
#ifndef PV_MULTIBOOT_H
#define PV_MULTIBOOT_H

#include "types.h"

void multiboot_parse(uint32_t magic, paddr_t info);

#endif
