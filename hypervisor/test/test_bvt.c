/*
 * Borrowed virtual time on a simulated machine (sched_sim.h). Pinned: a warped
 * program is served at once where credit lets it wait, and has no more of the
 * CPU for it in the long run; a warp ends at its limit and comes back after its
 * pause; who computes keeps the CPU for the allowance; nobody waits longer than
 * docs/scheduling.md says; a CPU that goes to a pool of another policy takes
 * along who runs there. Shares in larger machines: test_shares.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "public/bvt.h"
#include "sched_sim.h"
#include <xen/domctl.h>

#define TIME SECONDS(30)

/* --- a warp against credit's boost ------------------------------------------ */

struct crowd {
	unsigned int cpus, weight; /* of the one that is looked at */
	nsec_t run, sleep;         /* of those that wake often */
};

/* It runs 2 ms every 10 ms, among 4 hogs and 4 frequent wakers per CPU. */
static struct sim *play_crowd(const char *policy, const struct crowd *c,
			      uint32_t warp)
{
	uint64_t all = (1UL << c->cpus) - 1;
	struct sim *s;
	unsigned int i;

	sim_policy = policy;
	machine(c->cpus);
	for (i = 0; i < 4 * c->cpus; i++) {
		add(256, all, 0, 0);
		(void)add_program(256, all, (struct program){
			.run = c->run, .sleep = c->sleep, .seed = i + 1 });
	}
	s = add(c->weight, all, 2 * NSEC_PER_MSEC, 8 * NSEC_PER_MSEC);
	s->d.sched.warp = warp;
	run_for(TIME);
	return s;
}

static void test_wake_to_run(void **state)
{
	static const struct crowd rows[] = {
		{ 1, 256, NSEC_PER_MSEC / 2, NSEC_PER_MSEC },
		{ 1, 256, NSEC_PER_MSEC, 4 * NSEC_PER_MSEC },
		{ 2, 512, NSEC_PER_MSEC, 4 * NSEC_PER_MSEC },
	};
	unsigned int i, shares[2];
	nsec_t waits[2];
	struct sim *s;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		s = play_crowd("credit", &rows[i], 0);
		waits[0] = percentile(s, 99);
		shares[0] = share(s, TIME);
		machine_end();
		s = play_crowd("bvt", &rows[i], 50000);
		waits[1] = percentile(s, 99);
		shares[1] = share(s, TIME);
		machine_end();
		print_message("# 99 of 100 wakes: %llu.%llu ms by credit, "
			      "%llu.%llu by bvt; shares %u.%u and %u.%u %%\n",
			      waits[0] / NSEC_PER_MSEC, waits[0] / STEP % 10,
			      waits[1] / NSEC_PER_MSEC, waits[1] / STEP % 10,
			      shares[0] / 10, shares[0] % 10, shares[1] / 10,
			      shares[1] % 10);
		assert_true(waits[1] * 2 <= waits[0]);
		assert_in_range(shares[1], shares[0] - 20, shares[0] + 20);
	}
}

/* --- limits ------------------------------------------------------------------ */

/* A warp of a second, spent in computing, beside one that has none. */
static nsec_t wait_beside(uint32_t limit_us, uint32_t unwarp_us)
{
	struct sim *other, *s;
	nsec_t waited;

	sim_policy = "bvt";
	machine(1);
	other = add(256, 1, 0, 0);
	run_for(SECONDS(1));
	s = add(256, 1, 0, 0);
	s->d.sched.warp = 1000000;
	s->d.sched.warp_limit = limit_us;
	s->d.sched.unwarp = unwarp_us;
	run_for(SECONDS(60));
	waited = other->waited;
	assert_in_range(share(s, SECONDS(60)), 490, 510);
	machine_end();
	return waited;
}

static void test_warp_limit(void **state)
{
	assert_in_range(wait_beside(0, 0), SECONDS(9) / 10, SECONDS(11) / 10);
	assert_in_range(wait_beside(5000, 500000), 1, 40 * NSEC_PER_MSEC);
}

/* A turn may be warped, and after that none for a while. */
static void test_unwarp(void **state)
{
	static const struct {
		uint32_t unwarp_us;
		nsec_t least, most;
	} rows[] = {
		{ 0, 0, 2 * STEP },
		{ 5000, 0, 2 * STEP },
		{ 200000, 10 * STEP, 20 * NSEC_PER_MSEC },
	};
	unsigned int i;
	struct sim *s;

	sim_policy = "bvt";
	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		machine(1);
		add(256, 1, 0, 0);
		add(256, 1, 0, 0);
		s = add(256, 1, 2 * NSEC_PER_MSEC, 8 * NSEC_PER_MSEC);
		s->d.sched.warp = 50000;
		s->d.sched.warp_limit = 1900;
		s->d.sched.unwarp = rows[i].unwarp_us;
		run_for(SECONDS(20));
		assert_in_range(percentile(s, 50), rows[i].least,
				rows[i].most);
		machine_end();
	}
}

/* --- turns ------------------------------------------------------------------- */

static unsigned int turns_in(nsec_t ns)
{
	const struct vcpu *last = NULL;
	unsigned int n = 0;
	nsec_t end = sim_clock + ns;

	while (sim_clock < end) {
		run_for(STEP);
		n += cpus[0].running != last;
		last = cpus[0].running;
	}
	return n;
}

/* Each goes on until it is an allowance ahead: two of them after the other's. */
static void test_allowance(void **state)
{
	static const unsigned int slices[] = { 3, 10, 30, 100 };
	unsigned int i, turns;

	sim_policy = "bvt";
	for (i = 0; i < ARRAY_SIZE(slices); i++) {
		machine(1);
		assert_int_equal(pool_set_times(0, slices[i], 1000), 0);
		add(256, 1, 0, 0);
		add(256, 1, 0, 0);
		run_for(SECONDS(1));
		turns = turns_in(SECONDS(10));
		assert_in_range(turns, 10000 / (3 * slices[i]),
				10000 / slices[i]);
		machine_end();
	}
}

/* docs/scheduling.md, "How long a vCPU waits", for bvt without warps. */
static void test_waits(void **state)
{
	static const unsigned int weights[] = { 64, 256, 1024, 4096 };
	const nsec_t c = 5 * NSEC_PER_MSEC, t = c / 3;
	uint64_t total = 0;
	nsec_t bound;
	unsigned int i;

	sim_policy = "bvt";
	machine(1);
	for (i = 0; i < 40; i++) {
		total += weights[i % 4];
		add(weights[i % 4], 1, i % 3 ? 0 : (1 + i) * STEP, i * 7 * STEP);
	}
	run_for(SECONDS(60));
	for (i = 0; i < 40; i++) {
		bound = (c + t) * total / weights[i % 4] + 40 * (c + t);
		assert_in_range(sims[i]->waited, 0, bound);
	}
	machine_end();
}

/* --- pools ------------------------------------------------------------------- */

/* CPU 1 goes from pool to pool under two hogs, which keep their shares. */
static void test_change_of_policy(void **state)
{
	static const unsigned int policies[] = {
		XEN_SCHEDULER_BVT, XEN_SCHEDULER_CREDIT, XEN_SCHEDULER_BVT,
	};
	struct sim *a, *b;
	unsigned int i, id;
	nsec_t before;

	sim_policy = "credit";
	machine(2);
	add(256, 1, 0, 0);
	a = add(256, 2, 0, 0);
	b = add(512, 2, 0, 0);
	for (i = 0; i < ARRAY_SIZE(policies); i++) {
		id = POOL_ANY;
		assert_int_equal(pool_create(&id, policies[i]), 0);
		assert_int_equal(id, i + 1);
		host_cpu = &cpus[0];
		assert_int_equal(pool_remove_cpu(i, 1), 0);
		assert_int_equal(pool_add_cpu(id, 1), 0);
		assert_int_equal(cpus[0].sched->pool->weight, 256);
		before = vcpu_runtime(&a->v);
		run_for(SECONDS(10));
		assert_in_range(vcpu_runtime(&a->v) - before,
				SECONDS(31) / 10, SECONDS(36) / 10);
		assert_in_range(vcpu_runtime(&a->v) + vcpu_runtime(&b->v),
				sim_clock - 3 * STEP, sim_clock);
	}
	machine_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake_to_run),
		cmocka_unit_test(test_warp_limit),
		cmocka_unit_test(test_unwarp),
		cmocka_unit_test(test_allowance),
		cmocka_unit_test(test_waits),
		cmocka_unit_test(test_change_of_policy),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
