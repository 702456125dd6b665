/*
 * The machine's end (cpu/reboot.c). Both stop all CPUs and try each way that the
 * hardware has; neither returns.
 */
#ifndef PV_MACHINE_H
#define PV_MACHINE_H

#include "types.h"

noreturn_fn void machine_power_off(void);
/* Dom0 prepared soft-off: these values go to the PM1 control registers. */
noreturn_fn void machine_sleep(uint16_t pm1a, uint16_t pm1b);
noreturn_fn void machine_reboot(void);

/* First thing in every NMI: halts when another CPU ends the machine. */
void machine_nmi(void);

#endif
