/*
 * A machine with several CPUs on which sched/ and domain/ run for real: CPUs
 * are threads, vCPUs switch stacks, timers fire, interrupts are looked for
 * between a guest's steps. What the other rooms would do is counted
 * (host/rooms.c).
 */
#ifndef PV_TEST_SMP_H
#define PV_TEST_SMP_H

#include "domain.h"

/* Runs fn as a hypervisor thread on @cpus CPUs; returns when it has. */
void smp_run(unsigned int cpus, void (*fn)(void));
/* What a guest's vCPU does: steps with smp_exit() in between, for ever. */
extern void (*smp_guest)(struct vcpu *v);
/* One exit to the hypervisor: interrupts, then the guest boundary. */
void smp_exit(void);
/* Sleeps for a while as a thread does. */
void smp_sleep(nsec_t ns);

/* Failures from any thread; smp_run() fails the test that has any. */
void smp_fail(const char *what, int line);
#define smp_check(e) ((e) ? (void)0 : smp_fail(#e, __LINE__))

/* A domain with its vCPUs, up and paused once. */
struct domain *smp_domain(unsigned int vcpus);

/* host/rooms.c: objects and pages of the hypervisor's that are in use. */
extern uint32_t rooms_objects, rooms_pages;
extern uint32_t rooms_virqs; /* VIRQ_DOM_EXC raised */

#endif
