/*
 * Below cpu/time.c. A clock of known rate, to which the TSC is held: the ACPI
 * PM timer, else the HPET, else (for calibration alone) channel 2 of the PIT;
 * and the way from TSC ticks to nanoseconds, plain arithmetic in the ABI's
 * form (struct vcpu_time_info): ns = base + ((ticks << shift) * mul >> 32),
 * where a negative shift goes right.
 */
#ifndef PV_CLOCK_H
#define PV_CLOCK_H

#include "time.h"

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

struct timebase {
	uint64_t tsc, ns;  /* at this TSC it was that time */
	uint32_t mul;
	int8_t shift;
};

static inline uint64_t timebase_scale(const struct timebase *b, uint64_t ticks)
{
	if (b->shift >= 0)
		ticks <<= b->shift;
	else
		ticks >>= -b->shift;
	return (uint64_t)((unsigned __int128)ticks * b->mul >> 32);
}

/* A TSC just before the base (another CPU's clock) counts as the base. */
static inline uint64_t timebase_at(const struct timebase *b, uint64_t tsc)
{
	return b->ns + ((int64_t)(tsc - b->tsc) > 0 ?
			timebase_scale(b, tsc - b->tsc) : 0);
}

/* Sets mul and shift for @hz ticks a second: the most precise pair. */
static inline void timebase_set_rate(struct timebase *b, uint64_t hz)
{
	uint64_t mul;
	int shift = 0;

	/* mul = 10^9 * 2^32 / (hz * 2^shift), brought into [2^31, 2^32). */
	while (hz > 2 * NSEC_PER_SEC) {
		hz = (hz + 1) / 2;
		shift--;
	}
	while (hz <= NSEC_PER_SEC) {
		hz *= 2;
		shift++;
	}
	mul = (NSEC_PER_SEC << 32) / hz;
	b->mul = (uint32_t)min(mul, (uint64_t)UINT32_MAX);
	b->shift = (int8_t)shift;
}

/*
 * Starts a new stretch at @tsc, without a step: from there the clock runs
 * such that an error of @error ns (ours minus true) is gone after @over ns,
 * at most 500 ppm off the rate of @hz.
 */
static inline void timebase_correct(struct timebase *b, uint64_t tsc,
				    uint64_t hz, int64_t error, uint64_t over)
{
	int64_t limit = (int64_t)over / 2000;
	int64_t slew = min(max(error, -limit), limit);

	b->ns = timebase_at(b, tsc);
	b->tsc = tsc;
	/* A clock that is ahead counts as if there were more ticks a second. */
	hz += (uint64_t)((int64_t)hz * slew / (int64_t)over);
	timebase_set_rate(b, hz);
}

#endif
