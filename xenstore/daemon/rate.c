/* How fast an unprivileged domain may write: see rate.h. */
#include "xenstore/daemon/rate.h"

#include "xenstore/daemon/domain.h"

#define WRITE		1000	/* one of them */
#define SECOND_MS	1000
#define START_BURSTS	4

static int64_t least(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

void rate_begin(struct domain *d)
{
	int64_t burst = d->srv->quota[QUOTA_WRITE_BURST];
	uint64_t now = server_now();

	d->rate = (struct rate){
		.bucket = burst * WRITE,
		.start = START_BURSTS * burst * WRITE,
		.filled = now, .second = now,
	};
}

static void fill(struct domain *d)
{
	const uint32_t *quota = d->srv->quota;
	int64_t most = (int64_t)quota[QUOTA_WRITE_BURST] * WRITE;
	int64_t all = (int64_t)quota[QUOTA_WRITE_RESERVE] * WRITE;
	struct rate *r = &d->rate;
	uint64_t now = server_now();

	r->bucket += (int64_t)(now - r->filled) * quota[QUOTA_WRITE_RATE];
	r->filled = now;
	if (r->bucket <= most)
		return;
	d->srv->write_reserve = least(d->srv->write_reserve +
				      r->bucket - most, all);
	r->bucket = most;
}

static void count(struct rate *r, unsigned int writes)
{
	uint64_t now = server_now();

	if (now - r->second >= SECOND_MS) {
		r->last = now - r->second < 2 * SECOND_MS ? r->count : 0;
		r->count = 0;
		r->second = now;
	}
	r->count += writes;
}

bool rate_allows(struct domain *d)
{
	struct rate *r = &d->rate;

	if (!d->srv->quota[QUOTA_WRITE_RATE])
		return true;
	fill(d);
	if (r->start > 0 || r->bucket > 0 || d->srv->write_reserve > 0)
		return true;
	domain_refused(d->srv, d->domid, QUOTA_WRITE_RATE, r->count);
	return false;
}

void rate_charge(struct domain *d, unsigned int writes)
{
	struct rate *r = &d->rate;
	int64_t owed = (int64_t)writes * WRITE, part;

	count(r, writes);
	part = least(owed, r->start);
	r->start -= part;
	r->bucket -= owed - part;
	if (r->bucket >= 0)
		return;
	part = least(-r->bucket, d->srv->write_reserve);
	r->bucket += part;
	d->srv->write_reserve -= part;
}

int rate_wait(const struct domain *d)
{
	uint32_t limit = d->srv->quota[QUOTA_WRITE_RATE];

	return limit ? (int)(-d->rate.bucket / limit) + 1 : 1;
}

uint32_t rate_now(struct domain *d)
{
	count(&d->rate, 0);
	return d->rate.last;
}
