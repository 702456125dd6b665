/*
 * Caps. A domain with a cap has an account in time of any CPU: what its vCPUs
 * run is charged to it, each period pays the cap's part. Once a period's worth
 * is open they park at the guest boundary, though CPUs idle, until it is paid.
 * That is seen a tick late at most; what was overdrawn is paid too, so that the
 * share is exact in the long run. A timer may come late, for a machine that is
 * itself virtual by more than a period: then that time is paid for, too, and may
 * be had later, since the domain stood still meanwhile.
 *
 * The account is atomic; the domain's lock guards the timer.
 */
#include "policy.h"

#define PERIOD (30 * NSEC_PER_MSEC)

/* ns in a period; 0: no cap. */
static int64_t budget_of(const struct domain *d)
{
	return READ_ONCE(d->sched.cap) * (int64_t)PERIOD / 100;
}

bool cap_used_up(const struct domain *d)
{
	int64_t budget = budget_of(d);

	return budget && READ_ONCE(d->sched.cap_used) >= budget;
}

void sched_set_cap(struct domain *d, uint16_t percent)
{
	spin_lock(&d->lock);
	WRITE_ONCE(d->sched.cap, percent);
	timer_set(&d->sched.cap_timer, now() + PERIOD);
	spin_unlock(&d->lock);
}

/* A period is over. After the cap is gone this runs once, to let all go. */
void sched_pay_cap(void *domain)
{
	struct domain *d = domain;
	int64_t budget, late, most;
	nsec_t t = now();

	spin_lock(&d->lock); /* two may not pay for the same time */
	budget = budget_of(d);
	late = budget * (int64_t)min(t - d->sched.cap_timer.expires,
				     (nsec_t)NSEC_PER_SEC) / (int64_t)PERIOD;
	/* A tick in hand: so much may have run and not be charged yet. */
	most = READ_ONCE(d->sched.cap_used) + (int64_t)TICK + late;
	(void)atomic_sub(&d->sched.cap_used,
			 max(min(budget + late, most), (int64_t)0));
	if (budget && !domain_is_dying(d))
		timer_set(&d->sched.cap_timer, t + PERIOD);
	spin_unlock(&d->lock);
	domain_unpark_vcpus(d);
}
