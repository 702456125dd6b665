/*
 * CPU pools. Each CPU is in one pool, or in none; each domain is in one, and
 * runs on its CPUs alone, as its policy says. A CPU in no pool runs hypervisor
 * threads only, which run anywhere: it is in a pool of its own kind, free_cpus,
 * which has no domains and which nobody is told of.
 *
 * pools_lock guards who is where, and that a pool with domains has a CPU. What
 * follows from a change is done for one vCPU after the other (vcpu_place()),
 * with preemption points in between: a vCPU that comes in meanwhile reads what
 * the change has left, and whoever made a vCPU known places it once more after
 * that (vcpu_create()). So nobody is left behind on a CPU that he may not have.
 */
#include "policy.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

#define MAX_POOLS (MAX_CPUS + 1) /* each with a CPU, and one without */

struct spinlock pools_lock = SPINLOCK(RANK_POOL);
static struct sched_pool pools[MAX_POOLS], free_cpus;
static uint32_t last_serial;

static const struct sched_policy *const policies[] = {
	&sched_credit, &sched_bvt,
};

/* --- pools ---------------------------------------------------------------- */

static void pool_init(struct sched_pool *p, unsigned int id,
		      const struct sched_policy *policy)
{
	memset(p, 0, sizeof(*p));
	p->id = id;
	p->policy = policy;
	p->serial = ++last_serial;
	p->slice = policy->slice;
	p->rate_limit = RATE_LIMIT;
	p->tick = min(p->slice / 3, (nsec_t)TICK);
}

static const struct sched_policy *policy_named(const char *name)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (!strcmp(name, policies[i]->name))
			return policies[i];
	return NULL;
}

void sched_init(const char *name, uint64_t slice_ms, uint64_t rate_us)
{
	const struct sched_policy *policy = policy_named(*name ? name :
							 "credit");

	if (!policy) {
		policy = &sched_credit;
		log_line(LOG_WARNING, "sched=%s: not known; %s is used", name,
			 policy->name);
	}
	pool_init(&free_cpus, ~0u, &sched_credit);
	pool_init(&pools[0], 0, policy);
	if (slice_ms == SCHED_DEFAULT)
		slice_ms = pools[0].slice / NSEC_PER_MSEC;
	if (rate_us == SCHED_DEFAULT)
		rate_us = min(RATE_LIMIT / 1000, slice_ms * 1000);
	if (pool_set_times(0, slice_ms, rate_us))
		log_line(LOG_WARNING, "a slice of %lu ms and a rate limit of "
			 "%lu us are refused", slice_ms, rate_us);
}

void pool_begin(struct sched_cpu *q)
{
	q->pool = &pools[0];
	q->policy = q->pool->policy;
	q->policy->init_queue(q);
	q->pool->cpus |= 1UL << q->cpu;
	q->pool->nr_cpus++;
}

/* Lock held; NULL: there is none. */
static struct sched_pool *find(unsigned int id)
{
	unsigned int i;

	for (i = 0; i < MAX_POOLS; i++)
		if (pools[i].serial && pools[i].id == id)
			return &pools[i];
	return NULL;
}

static struct sched_pool *unused(void)
{
	unsigned int i;

	for (i = 0; i < MAX_POOLS; i++)
		if (!pools[i].serial)
			return &pools[i];
	return NULL;
}

int pool_create(unsigned int *id, unsigned int policy_id)
{
	const struct sched_policy *policy = NULL;
	struct sched_pool *p;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(policies); i++)
		if (policies[i]->id == policy_id)
			policy = policies[i];
	if (!policy)
		return -EINVAL;
	spin_guard(&pools_lock);
	p = unused();
	if (!p)
		return -ENOSPC;
	if (*id == POOL_ANY)
		for (*id = 0; find(*id);)
			++*id;
	else if (find(*id))
		return -EEXIST;
	pool_init(p, *id, policy);
	return 0;
}

/* A CPU that leaves is the pool's until those who ran there have gone. */
int pool_destroy(unsigned int id)
{
	struct sched_pool *p;
	unsigned int i;

	spin_guard(&pools_lock);
	p = find(id);
	if (!p)
		return -ENOENT;
	if (p->domains || p->cpus)
		return -EBUSY;
	for (i = 0; i < cpus_present; i++)
		if (cpus[i].sched->pool == p)
			return -EBUSY;
	p->serial = 0;
	return 0;
}

int pool_info(unsigned int id, struct pool_info *info)
{
	const struct sched_pool *p = NULL;
	unsigned int i;

	spin_guard(&pools_lock);
	for (i = 0; i < MAX_POOLS; i++)
		if (pools[i].serial && pools[i].id >= id &&
		    (!p || pools[i].id < p->id))
			p = &pools[i];
	if (!p)
		return -ENOENT;
	*info = (struct pool_info){
		.id = p->id, .policy = p->policy->id, .cpus = p->cpus,
		.domains = p->domains,
		.slice_ms = (uint32_t)(p->slice / NSEC_PER_MSEC),
		.rate_us = (uint32_t)(p->rate_limit / 1000),
	};
	return 0;
}

int pool_set_times(unsigned int id, uint64_t slice_ms, uint64_t rate_us)
{
	struct sched_pool *p;

	if (slice_ms < XEN_SYSCTL_CSCHED_TSLICE_MIN ||
	    slice_ms > XEN_SYSCTL_CSCHED_TSLICE_MAX ||
	    (rate_us && rate_us < XEN_SYSCTL_SCHED_RATELIMIT_MIN) ||
	    rate_us > XEN_SYSCTL_SCHED_RATELIMIT_MAX ||
	    rate_us > slice_ms * 1000)
		return -EINVAL;
	spin_guard(&pools_lock);
	p = find(id);
	if (!p)
		return -ENOENT;
	WRITE_ONCE(p->slice, slice_ms * NSEC_PER_MSEC);
	WRITE_ONCE(p->rate_limit, rate_us * 1000);
	WRITE_ONCE(p->tick, min(p->slice / 3, (nsec_t)TICK));
	return 0;
}

unsigned int sched_policy_id(void)
{
	return pools[0].policy->id;
}

/* --- their domains --------------------------------------------------------- */

uint64_t pool_cpus_of(const struct domain *d)
{
	const struct sched_pool *p = READ_ONCE(d->sched.pool);

	return p ? READ_ONCE(p->cpus) : ~0UL;
}

unsigned int pool_of(const struct domain *d, unsigned int *policy)
{
	const struct sched_pool *p = READ_ONCE(d->sched.pool);

	*policy = p->policy->id;
	return p->id;
}

/* Lock held. */
static int find_with_cpus(unsigned int id, struct sched_pool **p)
{
	*p = find(id);
	if (!*p)
		return -ENOENT;
	return (*p)->cpus ? 0 : -ENODEV;
}

int pool_join(struct domain *d, unsigned int id)
{
	struct sched_pool *p;
	int rc;

	spin_guard(&pools_lock);
	rc = find_with_cpus(id, &p);
	if (rc)
		return rc;
	p->domains++;
	d->sched.pool = p;
	return 0;
}

void pool_leave(struct domain *d)
{
	spin_guard(&pools_lock);
	d->sched.pool->domains--;
}

/* All vCPUs of d are where they may be, and run nowhere else any more. */
static void settle_domain(struct domain *d)
{
	struct vcpu *v;

	for_each_vcpu(d, v) {
		vcpu_place(v);
		preempt_yield();
	}
	for_each_vcpu(d, v)
		while (!allowed(v, READ_ONCE(v->sched.cpu)))
			preempt_yield(); /* it runs there, and has been told */
}

int pool_move_domain(unsigned int id, struct domain *d)
{
	struct sched_pool *p;
	int rc;

	if (d->privileged)
		return -EINVAL;
	spin_lock(&pools_lock);
	rc = find_with_cpus(id, &p);
	if (!rc) {
		d->sched.pool->domains--;
		p->domains++;
		WRITE_ONCE(d->sched.pool, p);
	}
	spin_unlock(&pools_lock);
	if (!rc)
		settle_domain(d);
	return rc;
}

/* --- their CPUs ------------------------------------------------------------ */

static void settle_pool(const struct sched_pool *p)
{
	struct domain *d = NULL;

	while ((d = domain_next(d)))
		if (READ_ONCE(d->sched.pool) == p)
			settle_domain(d);
}

static bool cpu_exists(unsigned int cpu)
{
	return cpu < cpus_present && READ_ONCE(cpus[cpu].online);
}

uint64_t pool_free_cpus(void)
{
	spin_guard(&pools_lock);
	return free_cpus.cpus;
}

int pool_add_cpu(unsigned int id, unsigned int cpu)
{
	struct sched_pool *p;

	spin_lock(&pools_lock);
	p = find(id);
	if (cpu == POOL_ANY && free_cpus.cpus)
		cpu = (unsigned int)__builtin_ctzll(free_cpus.cpus);
	if (!p || !cpu_exists(cpu) || !(free_cpus.cpus >> cpu & 1)) {
		spin_unlock(&pools_lock);
		return !p ? -ENOENT : cpu == POOL_ANY || cpu_exists(cpu) ?
		       -ENODEV : -EINVAL;
	}
	free_cpus.cpus &= ~(1UL << cpu);
	free_cpus.nr_cpus--;
	WRITE_ONCE(p->cpus, p->cpus | 1UL << cpu);
	p->nr_cpus++;
	queue_change_pool(cpus[cpu].sched, p);
	spin_unlock(&pools_lock);
	settle_pool(p);
	return 0;
}

/* A vCPU is bound to the CPU for as long as it needs it (pin_override). */
static bool somebody_needs(const struct sched_pool *p, unsigned int cpu)
{
	struct domain *d = NULL;
	struct vcpu *v;
	bool needed = false;

	while ((d = domain_next(d)))
		if (READ_ONCE(d->sched.pool) == p)
			for_each_vcpu(d, v)
				needed |= v->sched.affinity_before &&
					  v->sched.hard_affinity == 1UL << cpu;
	return needed;
}

/* Lock held: cpu is no longer p's. */
static int give_up(struct sched_pool *p, unsigned int *cpu)
{
	if (*cpu == POOL_ANY && p->cpus)
		*cpu = 63u - (unsigned int)__builtin_clzll(p->cpus);
	if (!cpu_exists(*cpu))
		return *cpu == POOL_ANY ? -ENODEV : -EINVAL;
	if (!(p->cpus >> *cpu & 1))
		return -ENODEV;
	if (p->nr_cpus == 1 && p->domains)
		return -EBUSY;
	WRITE_ONCE(p->cpus, p->cpus & ~(1UL << *cpu));
	p->nr_cpus--;
	return 0;
}

int pool_remove_cpu(unsigned int id, unsigned int cpu)
{
	struct sched_pool *p;
	int rc;

	spin_lock(&pools_lock);
	p = find(id);
	spin_unlock(&pools_lock);
	if (!p)
		return -ENOENT;
	if (cpu < cpus_present && somebody_needs(p, cpu))
		return -EADDRINUSE;
	spin_lock(&pools_lock);
	rc = p->id == id && p->serial ? give_up(p, &cpu) : -ENOENT;
	spin_unlock(&pools_lock);
	if (rc)
		return rc;
	settle_pool(p);
	spin_lock(&pools_lock);
	free_cpus.cpus |= 1UL << cpu;
	free_cpus.nr_cpus++;
	queue_change_pool(cpus[cpu].sched, &free_cpus);
	spin_unlock(&pools_lock);
	return 0;
}
