/*
 * A clock of known rate, to which the TSC is held: the ACPI PM timer, else the
 * HPET, else (for calibration alone) channel 2 of the PIT.
 */
#ifndef PV_CLOCK_H
#define PV_CLOCK_H

#include "types.h"

struct clock {
	const char *name;
	uint64_t hz;
	uint32_t mask;            /* width of the counter */
	uint32_t (*read)(void);
	bool steady;              /* counts on after calibration */
};

/* Chooses and starts one; after acpi_init(). */
const struct clock *clock_find(void);

/* Seconds since 1970 from the battery clock; reads it when it is at rest. */
uint64_t rtc_read(void);

#endif
