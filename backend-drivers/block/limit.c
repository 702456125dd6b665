/* See limit.h. Rates up to 2^40 a second and times of days do not overflow. */
#include "backend-drivers/block/limit.h"

#define SECOND 1000000u
#define RATE_MAX ((uint64_t)1 << 40)

void limit_set(struct limit *l, uint64_t rate, uint64_t burst, uint64_t now)
{
	if (rate > RATE_MAX)
		rate = RATE_MAX;
	if (!burst)
		burst = rate / 10 + 1;
	if (burst > RATE_MAX)
		burst = RATE_MAX;
	*l = (struct limit){
		.rate = rate, .burst = burst, .left = (int64_t)burst,
		.at = now,
	};
}

static void fill(struct limit *l, uint64_t now)
{
	uint64_t gone = now - l->at, part, more;

	/* What fills any bucket, whatever it owes, is enough. */
	if (gone > 3600ull * SECOND)
		gone = 3600ull * SECOND;
	part = gone % SECOND * l->rate;
	more = gone / SECOND * l->rate + part / SECOND;
	if (!more)
		return;		/* too short a time to count: it adds up */
	l->at = now - part % SECOND / l->rate;
	l->left += (int64_t)more;
	if (l->left > (int64_t)l->burst)
		l->left = (int64_t)l->burst;
}

uint64_t limit_wait(struct limit *l, uint64_t now)
{
	if (!l->rate)
		return 0;
	fill(l, now);
	if (l->left > 0)
		return 0;
	return (uint64_t)(1 - l->left) * SECOND / l->rate + 1;
}

void limit_take(struct limit *l, uint64_t units)
{
	if (l->rate)
		l->left -= (int64_t)units;
}
