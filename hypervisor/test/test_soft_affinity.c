/*
 * Soft affinity on a simulated machine (sched_sim.h), with both policies: a vCPU
 * runs where it would rather run whenever that costs nobody anything, and
 * elsewhere rather than not at all; shares are what they are without it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sched_sim.h"

/* One that may run anywhere and would rather run on those. */
static struct sim *add_soft(uint64_t soft, nsec_t run, nsec_t sleep)
{
	struct sim *s = add(256, (1ul << cpus_present) - 1, run, sleep);

	assert_int_equal(sched_set_affinity(&s->v, s->v.sched.hard_affinity,
					    soft), 0);
	return s;
}

/* For that long s runs on one of those CPUs, for the most part at least. */
static void assert_at_home(const struct sim *s, nsec_t ns, uint64_t mask)
{
	nsec_t end = sim_clock + ns;
	unsigned int i, on = 0, off = 0;

	while (sim_clock < end) {
		run_for(STEP);
		for (i = 0; i < cpus_present; i++)
			if (cpus[i].running == &s->v)
				++*(mask >> i & 1 ? &on : &off);
	}
	if (!on || off * 20 > on)
		fail_msg("%u steps where it would rather be, %u elsewhere", on,
			 off);
}

/* An idle machine: where it would rather be, from the first moment. */
static void test_idle_machine(void **state)
{
	struct sim *hog, *sleeper;

	machine(4);
	hog = add_soft(1 << 2, 0, 0);
	sleeper = add_soft(1 << 3, 5 * STEP, 15 * STEP);
	run_for(STEP);
	assert_true(cpus[2].running == &hog->v);
	assert_at_home(sleeper, SECONDS(1), 1 << 3);
	assert_at_home(hog, SECONDS(1), 1 << 2);
	machine_end();
}

/* Its CPU is busy: it runs on another one, and goes back within a tick. */
static void test_goes_back(void **state)
{
	struct sim *pinned, *s;

	machine(2);
	pinned = add(256, 1, 0, 0);
	s = add_soft(1, 0, 0);
	run_for(SECONDS(1));
	assert_true(cpus[1].running == &s->v);
	assert_true(share(s, SECONDS(1)) >= 990);
	assert_true(share(pinned, SECONDS(1)) >= 990);
	pinned->d.pause_count = 1;
	vcpu_stop(&pinned->v);
	run_for(TICK + 2 * STEP);
	assert_true(cpus[0].running == &s->v);
	assert_true(idle_ns <= STEP); /* on its way */
	machine_end();
}

/* One that never runs until a tick goes back when it wakes. */
static void test_wakes_there(void **state)
{
	struct sim *pinned, *s;

	machine(2);
	pinned = add(256, 1, 0, 0);
	s = add_soft(1, 5 * STEP, 5 * STEP);
	run_for(SECONDS(1));
	pinned->d.pause_count = 1;
	vcpu_stop(&pinned->v);
	run_for(TICK);
	assert_at_home(s, SECONDS(1), 1);
	machine_end();
}

/* Its home is busy: another CPU that it likes is asked before others. */
static void test_offered(void **state)
{
	struct sim *s;

	machine(4);
	(void)add(256, 1, 0, 0);
	s = add(256, 1, 0, 0);
	run_for(STEP);
	assert_true(s->v.sched.queued);
	assert_int_equal(sched_set_affinity(&s->v, 0xf, 9), 0);
	run_for(STEP);
	assert_true(cpus[3].running == &s->v);
	machine_end();
}

/* Many want the one CPU: no other idles for that. */
static void test_no_cpu_idles(void **state)
{
	unsigned int i;

	machine(4);
	for (i = 0; i < 8; i++)
		add_soft(1, 0, 0);
	run_for(TICK);
	idle_ns = 0;
	run_for(SECONDS(10));
	assert_int_equal(idle_ns, 0);
	for (i = 0; i < 8; i++)
		assert_share(sims[i], SECONDS(10), 500, 30);
	machine_end();
}

/* As many for each CPU, and all on wrong ones at first: they change places. */
static void test_change_places(void **state)
{
	const unsigned int n = 4, each = 3;
	unsigned int i;

	machine(n);
	for (i = 0; i < n * each; i++)
		add_soft(1u << i % n, 0, 0);
	run_for(SECONDS(1));
	for (i = 0; i < n * each; i++)
		assert_int_equal(sched_set_affinity(&sims[i]->v, (1u << n) - 1,
						    1u << (i / each)), 0);
	run_for(SECONDS(2));
	for (i = 0; i < n * each; i++)
		assert_at_home(sims[i], SECONDS(1), 1u << (i / each));
	for (i = 0; i < n * each; i++)
		assert_share(sims[i], sim_clock, 1000 / each, 20);
	machine_end();
}

/* Three for one CPU, one for the other: all have half a CPU. */
static void test_shares(void **state)
{
	struct sim *s[4];
	unsigned int i;

	machine(2);
	for (i = 0; i < 4; i++)
		s[i] = add_soft(i < 3 ? 1 : 2, 0, 0);
	run_for(SECONDS(30));
	for (i = 0; i < 4; i++)
		assert_share(s[i], SECONDS(30), 500, 20);
	assert_at_home(s[3], SECONDS(1), 2);
	machine_end();
}

/* No CPU of it is one that the vCPU may run on: as if there were none. */
static void test_no_such_cpu(void **state)
{
	struct sim *s;

	machine(4);
	s = add_soft(1, 0, 0);
	assert_int_equal(sched_set_affinity(&s->v, 0xc, 1), 0);
	run_for(SECONDS(1));
	assert_at_home(s, SECONDS(1), 0xc);
	assert_int_equal(sched_set_affinity(&s->v, 0xf, 1ul << 40), 0);
	run_for(SECONDS(1));
	assert_true(share(s, SECONDS(3)) >= 990);
	machine_end();
}

#define BOTH(test)                                                             \
	{ #test " (credit)", test, as_credit, NULL, NULL },                    \
	{ #test " (bvt)", test, as_bvt, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_idle_machine),
		BOTH(test_goes_back),
		BOTH(test_wakes_there),
		BOTH(test_offered),
		BOTH(test_no_cpu_idles),
		BOTH(test_change_places),
		BOTH(test_shares),
		BOTH(test_no_such_cpu),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
