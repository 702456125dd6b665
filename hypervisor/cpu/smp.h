/* Other CPUs: starting them, meeting them (cpu/smp.c, cpu/time.c). */
#ifndef PV_SMP_H
#define PV_SMP_H

#include "types.h"

/*
 * Boot CPU: starts all others, one after the other. Each cpus[i].idle has its
 * stack; a CPU arrives in ap_main() on it and sets its `online` at the end.
 * One that does not come is left out, with a line in the log.
 */
void smp_start(void);
/*
 * The other side of the door; in boot/main.c. It sets the CPU up as far as
 * taking traps, calls smp_arrived(), goes on, sets c->online.
 */
struct cpu;
noreturn_fn void ap_main(struct cpu *c);
void smp_arrived(struct cpu *c); /* stops while the boot CPU looks it over */

/* Measures a starting CPU's TSC: it and the boot CPU call these. */
void time_meet_boot_cpu(void);
void time_meet_cpu(unsigned int cpu);

#endif
