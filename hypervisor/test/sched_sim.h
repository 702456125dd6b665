/*
 * A simulated machine for the scheduler's host tests: one thread plays all
 * CPUs in steps of a tenth of a millisecond. The files of sched/ are the real
 * ones; vCPUs are programs that compute and sleep, one to a domain unless a
 * test joins them.
 */
#ifndef PV_TEST_SCHED_SIM_H
#define PV_TEST_SCHED_SIM_H

#include "domain.h"
#include "policy.h"
#include "sched_model.h"

#define STEP (NSEC_PER_MSEC / 10)
#define MAX_SIM 1024
#define SIM_WAITS 2000
#define SECONDS(n) ((n) * NSEC_PER_SEC)

struct sim {
	struct domain d;
	struct vcpu v, *vcpus[2];
	struct program p;
	nsec_t left, wake_at;   /* of this round */
	nsec_t woken, worst;    /* wake-up to first step */
	nsec_t waited;          /* the longest time runnable and not running */
	uint32_t waits[SIM_WAITS]; /* wakes by steps to the first step; more */
};

extern const char *sim_policy; /* of machine()'s first pool */
/* For a test's setup: with that policy from here on. */
int as_bvt(void **state);
int as_credit(void **state);
extern struct sim *sims[MAX_SIM];
extern unsigned int sim_count;
extern nsec_t sim_clock;
extern nsec_t sim_late;     /* timers of caps are late by up to that */
/* Of all CPUs, since machine(): */
extern nsec_t idle_ns;      /* while somebody waited who may run there */
extern nsec_t spare_ns;     /* while more were runnable than there are CPUs */
extern nsec_t inverted_ns;  /* OVER ran, UNDER or better waited in its queue */
extern unsigned int longest_queue;

void machine(unsigned int n);
void machine_end(void);
/* affinity: a bitmap; home is its first CPU. run 0: a hog. */
struct sim *add(unsigned int weight, uint64_t affinity, nsec_t run,
		nsec_t sleep);
struct sim *add_program(unsigned int weight, uint64_t affinity,
			struct program p);
/* b becomes a second vCPU of a's domain. */
void join(struct sim *a, struct sim *b);
void run_for(nsec_t ns);
/* What so many per cent of its wakes waited at most. */
nsec_t percentile(const struct sim *s, unsigned int percent);
/* In tenths of a per cent of one CPU. */
unsigned int share(const struct sim *s, nsec_t total);
void assert_share(const struct sim *s, nsec_t total, unsigned int want,
		  unsigned int tolerance);

#endif
