/*
 * The credit policy on a simulated machine (sched_sim.h): shares follow weights,
 * no CPU idles while somebody waits, short jobs are served at once, sleeping at
 * the right moment gains nothing, a lone queue is spread. What the shares are
 * measured against in larger machines: test_shares.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sched_sim.h"

static void test_weights_on_one_cpu(void **state)
{
	struct sim *a, *b, *c;

	machine(1);
	a = add(256, 1, 0, 0);
	b = add(512, 1, 0, 0);
	c = add(1024, 1, 0, 0);
	run_for(SECONDS(30));
	assert_share(a, SECONDS(30), 143, 20);
	assert_share(b, SECONDS(30), 286, 20);
	assert_share(c, SECONDS(30), 571, 20);
	assert_int_equal(idle_ns, 0);
	machine_end();
}

static void equal_hogs(unsigned int hogs, unsigned int want)
{
	unsigned int i;

	machine(2);
	for (i = 0; i < hogs; i++)
		add(256, 3, 0, 0);
	run_for(SECONDS(30));
	for (i = 0; i < hogs; i++)
		assert_share(sims[i], SECONDS(30), want, 20);
	assert_true(idle_ns < SECONDS(30) * 2 / 100);
	machine_end();
}

static void test_equal_hogs(void **state)
{
	equal_hogs(2, 1000);
	equal_hogs(3, 667);
	equal_hogs(8, 250);
	equal_hogs(40, 50);
}

static void test_weights_on_two_cpus(void **state)
{
	static const struct {
		unsigned int weight, want;
	} rows[] = {
		{ 256, 125 }, { 256, 125 }, { 256, 125 }, { 256, 125 },
		{ 512, 250 }, { 512, 250 }, { 1024, 500 }, { 1024, 500 },
	};
	unsigned int i;

	machine(2);
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		add(rows[i].weight, 3, 0, 0);
	run_for(SECONDS(30));
	for (i = 0; i < ARRAY_SIZE(rows); i++)
		assert_share(sims[i], SECONDS(30), rows[i].want, 30);
	assert_true(idle_ns < SECONDS(30) * 2 / 100);
	machine_end();
}

/* One that needs little, among hogs: served within a few steps. */
static void test_short_jobs(void **state)
{
	struct sim *s;
	unsigned int i;

	machine(2);
	for (i = 0; i < 8; i++)
		add(256, 3, 0, 0);
	s = add(256, 3, 5 * STEP, 10 * NSEC_PER_MSEC);
	run_for(SECONDS(10));
	assert_true(s->worst <= NSEC_PER_MSEC);
	/* Four of 104 steps: the fifth ends as it begins. Less what it waits. */
	assert_share(s, SECONDS(10), 36, 5);
	machine_end();
}

/* Three steps after it slept it is back: the hog's turn lasts ten. */
static void test_rate_limit(void **state)
{
	struct sim *waker;

	machine(1);
	add(256, 1, 0, 0);
	waker = add(256, 1, STEP, 3 * STEP);
	run_for(SECONDS(1)); /* the first wait is that of a beginner */
	waker->worst = 0;
	run_for(SECONDS(1));
	assert_in_range(waker->worst, 6 * STEP, 8 * STEP);
	machine_end();
}

/* Asleep at each tick, and still charged for what it used. */
static void test_dodger(void **state)
{
	struct sim *hog, *dodger;

	machine(1);
	hog = add(256, 1, 0, 0);
	dodger = add(256, 1, 95 * STEP, 5 * STEP);
	run_for(SECONDS(30));
	assert_in_range(share(dodger, SECONDS(30)), 400, 520);
	assert_in_range(share(hog, SECONDS(30)), 480, 600);
	machine_end();
}

/* Wakes all the time; its boosts cost the hog nothing of its share. */
static void test_frequent_waker(void **state)
{
	struct sim *hog, *waker;

	machine(1);
	hog = add(256, 1, 0, 0);
	waker = add(256, 1, 8 * STEP, 2 * STEP);
	run_for(SECONDS(30));
	assert_in_range(share(waker, SECONDS(30)), 400, 530);
	assert_in_range(share(hog, SECONDS(30)), 470, 600);
	machine_end();
}

/* All begin at home on CPU 0; the others come and take them. */
static void test_spread(void **state)
{
	unsigned int i;

	machine(8);
	for (i = 0; i < 8; i++)
		add(256, 0xff, 0, 0)->v.sched.cpu = 0;
	run_for(TICK);
	idle_ns = 0;
	run_for(SECONDS(1));
	assert_int_equal(idle_ns, 0);
	for (i = 0; i < 8; i++)
		assert_true(share(sims[i], SECONDS(1)) >= 990);
	machine_end();
}

/* Who wakes at home, on a CPU that idles, is left to it by other idle CPUs. */
static void test_home_first(void **state)
{
	struct sim *s;

	machine(2);
	s = add(256, 2, 5 * STEP, 5 * STEP);
	run_for(SECONDS(1));
	s->v.sched.hard_affinity = 3;
	set_may_run(&s->v, 3);
	while (!s->wake_at)
		run_for(STEP);
	s->wake_at = 0;
	host_cpu = &cpus[0];
	vcpu_wake(&s->v);
	schedule();
	assert_int_equal(s->v.sched.cpu, 1);
	run_for(STEP);
	assert_true(cpus[1].running == &s->v);
	machine_end();
}

/* Pinned ones stay where they are, whoever idles. */
static void test_pinned(void **state)
{
	unsigned int i;

	machine(4);
	for (i = 0; i < 4; i++)
		add(256, 4, 0, 0);
	run_for(SECONDS(4));
	for (i = 0; i < 4; i++) {
		assert_int_equal(sims[i]->v.sched.cpu, 2);
		assert_share(sims[i], SECONDS(4), 250, 20);
	}
	/* Nobody looks for them in that queue, however many they are. */
	assert_int_equal(cpus[2].sched->waiting, 3);
	assert_false(cpus[0].sched->policy->wants(cpus[0].sched,
						  cpus[2].sched));
	assert_int_equal(sched_set_affinity(&sims[0]->v, 0xf0, ~0UL), -EINVAL);
	assert_int_equal(sched_set_affinity(&sims[0]->v, 1, ~0UL), 0);
	run_for(SECONDS(4));
	assert_int_equal(sims[0]->v.sched.cpu, 0);
	machine_end();
}

/* Who wakes its sibling goes on for a moment, and then makes room. */
static void test_sibling_waits_a_moment(void **state)
{
	struct sim *a, *b, *other;

	machine(1);
	a = add(256, 1, 0, 0);
	b = add(256, 1, STEP, SECONDS(1));
	other = add(256, 1, STEP, SECONDS(1));
	join(a, b);
	run_for(SECONDS(1) / 2);
	assert_true(b->v.sched.blocked && other->v.sched.blocked);
	assert_true(cpus[0].running == &a->v);
	vcpu_wake(&b->v);
	run_for(STEP);
	assert_true(b->v.sched.queued);
	run_for(STEP);
	assert_true(b->v.sched.blocked); /* it has had its one step */
	run_for(15 * STEP);
	vcpu_wake(&other->v);
	run_for(STEP);
	assert_true(other->v.sched.blocked);
	machine_end();
}

/* Who waits and may go elsewhere from here on is fetched by an idle CPU. */
static void test_unpinned(void **state)
{
	struct sim *a, *b;

	machine(2);
	a = add(256, 1, 0, 0);
	b = add(256, 1, 0, 0);
	run_for(SECONDS(1));
	if (!b->v.sched.queued)
		b = a;
	assert_true(b->v.sched.queued);
	assert_int_equal(sched_set_affinity(&b->v, 3, ~0UL), 0);
	run_for(2 * STEP);
	assert_true(cpus[1].running == &b->v);
	machine_end();
}

/* With CPUs to spare, a cap holds; its others may have what it leaves. */
static void test_cap(void **state)
{
	static const unsigned int caps[] = { 5, 10, 25, 50, 75, 150 };
	struct sim *a, *b;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		machine(2);
		a = add(256, 3, 0, 0);
		b = add(256, 3, 0, 0);
		join(a, b);
		sched_set_cap(&a->d, (uint16_t)caps[i]);
		run_for(SECONDS(30));
		assert_in_range(share(a, SECONDS(30)) + share(b, SECONDS(30)),
				caps[i] * 99 / 10, caps[i] * 102 / 10);
		sched_set_cap(&a->d, 0);
		run_for(SECONDS(30));
		assert_true(share(a, SECONDS(30)) > 950);
		machine_end();
	}
}

/* Whoever pays late pays for that time, too. */
static void test_cap_paid_late(void **state)
{
	static const unsigned int caps[] = { 10, 25, 50 };
	struct sim *a;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(caps); i++) {
		machine(1);
		sim_late = 100 * NSEC_PER_MSEC;
		a = add(256, 1, 0, 0);
		sched_set_cap(&a->d, (uint16_t)caps[i]);
		run_for(SECONDS(60));
		assert_share(a, SECONDS(60), caps[i] * 10, 20);
		machine_end();
	}
}

/* Who uses less than its cap feels nothing of it. */
static void test_cap_not_reached(void **state)
{
	struct sim *s;

	machine(1);
	s = add(256, 1, 20 * STEP, 80 * STEP);
	sched_set_cap(&s->d, 40);
	run_for(SECONDS(10));
	assert_share(s, SECONDS(10), 191, 3);
	assert_true(s->worst <= STEP);
	machine_end();
}

/* The times of the four states add up to all time. */
static void test_runstate(void **state)
{
	struct vcpu_runstate_info r;
	struct sim *s;

	machine(1);
	add(256, 1, 0, 0);
	s = add(256, 1, 30 * STEP, 50 * STEP);
	run_for(SECONDS(5));
	vcpu_runstate(&s->v, &r);
	assert_true(r.time[RUNSTATE_running] > 0);
	assert_true(r.time[RUNSTATE_runnable] > 0);
	assert_true(r.time[RUNSTATE_blocked] > SECONDS(1));
	assert_int_equal(r.time[0] + r.time[1] + r.time[2] + r.time[3],
			 SECONDS(5));
	machine_end();
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_weights_on_one_cpu),
		cmocka_unit_test(test_equal_hogs),
		cmocka_unit_test(test_weights_on_two_cpus),
		cmocka_unit_test(test_short_jobs),
		cmocka_unit_test(test_rate_limit),
		cmocka_unit_test(test_dodger),
		cmocka_unit_test(test_frequent_waker),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_home_first),
		cmocka_unit_test(test_sibling_waits_a_moment),
		cmocka_unit_test(test_pinned),
		cmocka_unit_test(test_unpinned),
		cmocka_unit_test(test_cap),
		cmocka_unit_test(test_cap_paid_late),
		cmocka_unit_test(test_cap_not_reached),
		cmocka_unit_test(test_runstate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
