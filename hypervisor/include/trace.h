/*
 * Tracing (sched/trace.c): what the scheduler does, as records of
 * xen/trace.h in a ring for each CPU, which the control domain reads. Costs a
 * load and a branch where it is off.
 */
#ifndef PV_TRACE_H
#define PV_TRACE_H

#include "types.h"
#include "lib.h"
#include "public/trace.h"

extern uint32_t trace_mask; /* of events that are on; 0: none */

/* A record of @n (at most 7) words, if the event is on. Interrupts are off. */
void trace_write(uint32_t event, unsigned int n, const uint32_t *words);

#define trace(event, ...) do { \
	if (unlikely(READ_ONCE(trace_mask))) { \
		const uint32_t words_[] = { __VA_ARGS__ }; \
		trace_write(event, ARRAY_SIZE(words_), words_); \
	} \
} while (0)

/* Rings of so many pages (1 to 8) for all CPUs: once. 0, -EINVAL, -ENOMEM. */
must_check int trace_make_rings(unsigned int pages);
/* The frame of struct t_info, a page, 0: no rings; and the events chosen. */
uint64_t trace_info(uint32_t *mask);
must_check int trace_enable(bool on); /* -EINVAL: there are no rings */
void trace_choose(uint32_t mask);     /* events: TRC_ALL */
void trace_choose_cpus(uint64_t mask);

#endif
