/*
 * CPU pools: threads as CPUs, with guests that run, sleep and wake each other
 * while CPUs and domains go from pool to pool. Pinned: a refusal changes
 * nothing; who may not run on a CPU any more runs there no more when the call
 * returns; nobody is lost, nobody is counted twice; each policy takes over what
 * the other left.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "policy.h"
#include "public/bvt.h"
#include "smp.h"
#include <xen/domctl.h>

#define CPUS 4
#define DOMAINS 4
#define VCPUS 3

#define CHECK_EQ(a, b) smp_check((a) == (b))

static struct domain *domains[DOMAINS];
static uint64_t steps[DOMAINS][VCPUS];

/* Whoever takes a CPU away tells it right after that. */
static bool may_be_here(const struct vcpu *v)
{
	nsec_t end = now() + 5 * NSEC_PER_SEC;

	while (!allowed(v, this_cpu()->id) &&
	       !READ_ONCE(this_cpu()->need_resched))
		if (now() > end)
			return false;
	return true;
}

/* vCPU 0 computes, 1 sleeps till it is woken, 2 wakes it and yields. */
static void guest(struct vcpu *v)
{
	unsigned int i = 0;

	while (i < DOMAINS - 1 && domains[i] != v->domain)
		i++;
	smp_check(may_be_here(v));
	(void)atomic_add(&steps[i][v->id], 1);
	if (v->id == 1) {
		sched_block_prepare();
		if (vcpu_must_stop(v))
			sched_block_cancel();
		else
			schedule();
	} else if (v->id == 2) {
		vcpu_wake(v->domain->vcpu[1]);
		sched_yield();
	}
}

static void make_domains(void)
{
	unsigned int i;

	memset(steps, 0, sizeof(steps));
	for (i = 0; i < DOMAINS; i++)
		domains[i] = smp_domain(VCPUS);
	for (i = 0; i < DOMAINS; i++)
		CHECK_EQ(domain_unpause(domains[i]), 0);
}

static void kill_domains(void)
{
	unsigned int i;

	for (i = 0; i < DOMAINS; i++)
		domain_kill(domains[i]);
	for (i = 0; i < 5000 && domain_scan(1); i++)
		smp_sleep(NSEC_PER_MSEC);
	smp_check(!domain_scan(1));
}

static void all_go_on(void)
{
	unsigned int i, k, tries;
	uint64_t before;

	for (i = 0; i < DOMAINS; i++)
		for (k = 0; k < VCPUS; k++) {
			before = READ_ONCE(steps[i][k]);
			for (tries = 0; tries < 5000 &&
			     READ_ONCE(steps[i][k]) == before; tries++)
				smp_sleep(NSEC_PER_MSEC);
			smp_check(READ_ONCE(steps[i][k]) != before);
		}
}

/* --- refusals ----------------------------------------------------------------- */

static void same(const struct pool_info *a)
{
	struct pool_info b;

	CHECK_EQ(pool_info(a->id, &b), 0);
	CHECK_EQ(memcmp(a, &b, sizeof(b)), 0);
}

static void refusals(void)
{
	unsigned int id = POOL_ANY, other = POOL_ANY, taken = 0;
	struct pool_info zero;
	struct domain *d;

	make_domains();
	d = domains[0];
	CHECK_EQ(pool_info(0, &zero), 0);
	CHECK_EQ(zero.cpus, 0xful);
	CHECK_EQ(zero.domains, DOMAINS);
	CHECK_EQ(pool_info(1, &(struct pool_info){ 0 }), -ENOENT);
	CHECK_EQ(pool_create(&id, XEN_SCHEDULER_RTDS), -EINVAL);
	CHECK_EQ(pool_create(&taken, XEN_SCHEDULER_CREDIT), -EEXIST);
	CHECK_EQ(pool_create(&id, XEN_SCHEDULER_BVT), 0);
	CHECK_EQ(id, 1);
	CHECK_EQ(pool_move_domain(id, d), -ENODEV); /* it has no CPU */
	CHECK_EQ(pool_move_domain(7, d), -ENOENT);
	CHECK_EQ(pool_add_cpu(id, 2), -ENODEV); /* it is not free */
	CHECK_EQ(pool_add_cpu(id, POOL_ANY), -ENODEV);
	CHECK_EQ(pool_add_cpu(id, CPUS), -EINVAL);
	CHECK_EQ(pool_add_cpu(7, 2), -ENOENT);
	CHECK_EQ(pool_remove_cpu(7, 2), -ENOENT);
	CHECK_EQ(pool_remove_cpu(id, 2), -ENODEV);
	CHECK_EQ(pool_remove_cpu(0, CPUS), -EINVAL);
	CHECK_EQ(pool_destroy(0), -EBUSY);
	CHECK_EQ(pool_destroy(7), -ENOENT);
	same(&zero);

	CHECK_EQ(pool_remove_cpu(0, POOL_ANY), 0);
	CHECK_EQ(pool_free_cpus(), 8);
	d->vcpu[0]->sched.affinity_before = 0xf;
	CHECK_EQ(sched_set_affinity(d->vcpu[0], 2, ~0UL), 0);
	CHECK_EQ(sched_set_affinity(d->vcpu[0], 8, ~0UL), -EINVAL);
	CHECK_EQ(pool_remove_cpu(0, 1), -EADDRINUSE);
	d->vcpu[0]->sched.affinity_before = 0;
	CHECK_EQ(pool_remove_cpu(0, 1), 0); /* and it runs elsewhere */
	CHECK_EQ(d->vcpu[0]->sched.hard_affinity, 2);
	CHECK_EQ(d->vcpu[0]->sched.may_run, 5);
	CHECK_EQ(pool_remove_cpu(0, 2), 0);
	CHECK_EQ(pool_info(0, &zero), 0);
	CHECK_EQ(zero.cpus, 1);
	CHECK_EQ(pool_remove_cpu(0, 0), -EBUSY); /* the last one */
	same(&zero);
	CHECK_EQ(pool_add_cpu(id, 3), 0);
	CHECK_EQ(pool_destroy(id), -EBUSY);
	CHECK_EQ(pool_move_domain(id, d), 0);
	CHECK_EQ(d->vcpu[0]->sched.may_run, 8);
	CHECK_EQ(pool_remove_cpu(id, 3), -EBUSY);
	d->privileged = true;
	CHECK_EQ(pool_move_domain(0, d), -EINVAL); /* Dom0 stays */
	d->privileged = false;
	CHECK_EQ(pool_move_domain(0, d), 0);
	CHECK_EQ(pool_remove_cpu(id, 3), 0); /* its last, and no domain */
	CHECK_EQ(pool_create(&other, XEN_SCHEDULER_CREDIT), 0);
	CHECK_EQ(other, 2);
	CHECK_EQ(pool_destroy(id), 0);
	CHECK_EQ(pool_destroy(other), 0);
	for (id = 1; id < CPUS; id++)
		CHECK_EQ(pool_add_cpu(0, POOL_ANY), 0);
	CHECK_EQ(d->vcpu[0]->sched.may_run, 2); /* as it was asked for */
	all_go_on();
	kill_domains();
}

static void times(void)
{
	static const struct {
		uint64_t slice, rate;
		int rc;
	} rows[] = {
		{ 1, 1000, 0 }, { 1000, 500000, 0 }, { 30, 0, 0 },
		{ 30, 100, 0 }, { 0, 1000, -EINVAL }, { 1001, 1000, -EINVAL },
		{ 30, 99, -EINVAL }, { 1000, 500001, -EINVAL },
		{ 1, 1001, -EINVAL }, { 30, ~0UL, -EINVAL },
	};
	struct pool_info before, after;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		CHECK_EQ(pool_info(0, &before), 0);
		CHECK_EQ(pool_set_times(0, rows[i].slice, rows[i].rate),
			 rows[i].rc);
		CHECK_EQ(pool_info(0, &after), 0);
		CHECK_EQ(after.slice_ms, rows[i].rc ? before.slice_ms :
			 rows[i].slice);
		CHECK_EQ(after.rate_us, rows[i].rc ? before.rate_us :
			 rows[i].rate);
	}
	CHECK_EQ(pool_set_times(9, 30, 1000), -ENOENT);
	CHECK_EQ(pool_set_times(0, 30, 1000), 0);
}

static void test_refusals(void **state)
{
	smp_run(CPUS, refusals);
	smp_run(1, times);
}

/* --- everything at once -------------------------------------------------------- */

static bool one_of(int rc, int a, int b, int c)
{
	return rc == 0 || rc == a || rc == b || rc == c;
}

static void check_weights(void)
{
	uint64_t sum = 0, seen = 0, i;

	/* The main thread, and the reaper if it runs. */
	for (i = 0; i < CPUS; i++) {
		if (seen >> i & 1)
			continue;
		for (uint64_t k = i; k < CPUS; k++)
			seen |= (uint64_t)(cpus[k].sched->pool ==
					   cpus[i].sched->pool) << k;
		sum += cpus[i].sched->pool->weight;
	}
	smp_check(sum <= 2 * 256);
}

static void storm(void)
{
	unsigned int i, a = POOL_ANY, b = POOL_ANY, moved = 0;
	struct pool_info info;
	int rc;

	make_domains();
	CHECK_EQ(pool_create(&a, XEN_SCHEDULER_BVT), 0);
	CHECK_EQ(pool_create(&b, XEN_SCHEDULER_CREDIT), 0);
	for (i = 0; i < 1500; i++) {
		unsigned int pool = (unsigned int)rand() % 3;
		unsigned int cpu = (unsigned int)rand() % CPUS;

		switch (rand() % 4) {
		case 0:
			rc = pool_remove_cpu(pool, cpu);
			smp_check(one_of(rc, -ENODEV, -EBUSY, 0));
			break;
		case 1:
			rc = pool_add_cpu(pool, cpu);
			smp_check(one_of(rc, -ENODEV, 0, 0));
			break;
		case 2:
			rc = pool_move_domain(pool, domains[cpu % DOMAINS]);
			smp_check(one_of(rc, -ENODEV, 0, 0));
			moved += !rc;
			break;
		default:
			smp_sleep(NSEC_PER_MSEC / 5);
		}
	}
	all_go_on();
	print_message("# %u domains moved\n", moved);
	kill_domains();
	for (i = 0; i < 3; i++) {
		CHECK_EQ(pool_info(i, &info), 0);
		CHECK_EQ(info.id, i);
		CHECK_EQ(info.domains, 0);
	}
	check_weights();
}

static void test_storm(void **state)
{
	smp_run(CPUS, storm);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_storm),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	smp_guest = guest;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
