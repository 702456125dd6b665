/* System time, timers, what guests are told of time (cpu/time.c, timer.c). */
#ifndef PV_TIME_H
#define PV_TIME_H

#include "types.h"
#include "lib.h"

struct vcpu;
struct domain;

#define NSEC_PER_SEC 1000000000ULL
#define NSEC_PER_MSEC 1000000ULL

typedef uint64_t nsec_t; /* since boot, monotonic, same on all CPUs */
nsec_t now(void);

/*
 * A timer fires once, on the CPU where it was set, with interrupts off and no
 * lock held. Any CPU may set and stop it at any time.
 */
struct timer {
	nsec_t expires;
	void (*fn)(void *arg);
	void *arg;
	unsigned int cpu;     /* queue it is in while active */
	bool active;          /* that queue's lock */
	bool claimed;         /* somebody sets or stops it */
	/* The queue's heap (cpu/timer.c); link: what points at this one. */
	struct timer *left, *right, **link;
};

void timer_init(struct timer *t, void (*fn)(void *), void *arg);
void timer_set(struct timer *t, nsec_t expires); /* re-arms; past: at once */
/* Any CPU. Then fn has returned or won't run: hold no lock that fn takes. */
void timer_stop(struct timer *t);
/* Moves an active timer to this CPU's queue (vCPU migration). */
void timer_migrate(struct timer *t);

struct time_vcpu {
	struct timer singleshot, periodic, poll;
	nsec_t period;
	uint32_t base;           /* time base and ... */
	unsigned int base_cpu;   /* ... CPU that its time info shows */
};

struct time_domain {
	int tsc_mode;
	int64_t wallclock_offset; /* seconds (settimeoffset) */
};

/* Makes this CPU's timer interrupt come at @when, or a little after. */
void timer_hw_set(nsec_t when);
void timer_init_cpu(void); /* each CPU, before the first timer_set() */

void time_init(void);                     /* calibrates, boot CPU */
void time_init_cpu(void);                 /* each CPU, once its APIC is up */
/* singleshot and periodic send VIRQ_TIMER; poll is the scheduler's. */
void time_init_vcpu(struct vcpu *v);
void time_destroy_vcpu(struct vcpu *v);
/*
 * Brings the vcpu_time_info of v up to date; v is about to run, or runs, on
 * this CPU. Cheap when nothing changed. After a change of v->info set
 * v->time.base to 0 first.
 */
void time_update_vcpu(struct vcpu *v);
void time_update_wallclock(struct domain *d);
uint32_t tsc_khz(void);
/* It is @ns since 1970 at system time @when; tells all domains. */
void wallclock_set(uint64_t ns, nsec_t when);
/* Measures a starting CPU's TSC: it and the boot CPU call these. */
void time_meet_boot_cpu(void);
void time_meet_cpu(unsigned int cpu);
/* For the debug key: clocks and timers. */
void time_dump(void);
void timer_dump(void);

#endif
