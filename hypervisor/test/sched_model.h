/*
 * What a scheduler should do, without one: programs as they would be served by
 * a machine that can be divided at will, or by plain turns. Knows nothing of
 * the hypervisor's scheduler.
 */
#ifndef PV_TEST_SCHED_MODEL_H
#define PV_TEST_SCHED_MODEL_H

#include "types.h"
#include "time.h"

/* Computes, sleeps, over and over. run 0: computes for ever. */
struct program {
	nsec_t run, sleep;
	uint32_t seed;          /* not 0: rounds of half to one and a half */
};

/* The next round of p: what to compute, then to sleep. */
void program_round(struct program *p, nsec_t *run, nsec_t *sleep);

/* Somebody who wants time: in CPUs, so that 1.0 is one of them. */
struct claim {
	double weight, limit;   /* at most so much: 1 without a cap */
	uint64_t affinity;
	double share;           /* the result */
};

/*
 * Divides the CPUs: in proportion to weights, except that nobody gets more
 * than his limit or than the CPUs he may use have left for him; what one
 * cannot use the others divide in the same way.
 */
void water_fill(struct claim *claims, unsigned int n, uint64_t cpus);

/* A program on a modelled machine. */
struct modelled {
	struct program p;
	double weight;
	uint64_t affinity;
	nsec_t got, waited;     /* the results: time, longest wait */
	/* the model's own */
	nsec_t left, sleep, wake_at, since;
	double owed;
	bool runs;
};

/* Divided at will by water_fill(). */
void model_fluid(struct modelled *m, unsigned int n, unsigned int cpus,
		 nsec_t time, nsec_t step);
/* One queue for all CPUs, a slice each in turn, whatever the weight. */
void model_turns(struct modelled *m, unsigned int n, unsigned int cpus,
		 nsec_t time, nsec_t step, nsec_t slice);

#endif
