/*
 * How a row of a benchmark is measured: a function that does its operation N
 * times runs once to warm up and then in rounds; the best round counts, since
 * what disturbs a round (the hypervisor's timer) only adds. One more round of
 * N operations runs between marks, for who counts what the counter does not
 * see.
 */
#ifndef GUEST_TESTS_BENCH_H
#define GUEST_TESTS_BENCH_H

#include "tap.h"

/*
 * Prints `BENCH NAME TICKS N`: ticks of the time stamp counter for one
 * operation, with one decimal. LESS ticks of each are known to be waiting,
 * and are left out.
 */
void bench_measure(const char *name, void (*run)(unsigned long n),
		   unsigned long n, unsigned long less);

#endif
