/* Between cpu/timer.c and its hardware (cpu/time.c). */
#ifndef PV_TIMER_H
#define PV_TIMER_H

#include "time.h"

/* Makes this CPU's timer interrupt come at @when, or a little after. */
void timer_hw_set(nsec_t when);
void timer_init_cpu(void); /* each CPU, before the first timer_set() */
/* For the debug key: clocks and timers. */
void time_dump(void);
void timer_dump(void);

#endif
