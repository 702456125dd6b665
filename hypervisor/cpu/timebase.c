#include "timebase.h"
#include "time.h"

void timebase_set_rate(struct timebase *b, uint64_t hz)
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

void timebase_correct(struct timebase *b, uint64_t tsc, uint64_t hz,
		      int64_t error, uint64_t over)
{
	int64_t limit = (int64_t)over / 2000;
	int64_t slew = min(max(error, -limit), limit);
	uint64_t rate = hz;

	b->ns = timebase_at(b, tsc);
	b->tsc = tsc;
	/* A clock that is ahead counts as if there were more ticks a second. */
	rate += (uint64_t)((int64_t)hz * slew / (int64_t)over);
	timebase_set_rate(b, rate);
}
