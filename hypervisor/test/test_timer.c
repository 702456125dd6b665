/*
 * cpu/timer.c: timers fire in order, once, not before their time, wherever
 * they were set; stopped ones do not. cpu/clock.h: rates and corrections.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "cpu.h"
#include "irq.h"
#include "time.h"
#include "clock.h"

#define TIMERS 300
#define NEVER (~0ULL)

static nsec_t clock_ns;
static nsec_t armed[MAX_CPUS]; /* what the hardware was last set to */
static unsigned int arm_count;
static bool ticking; /* the clock moves by itself, for several threads */
static nsec_t shared_clock;

nsec_t now(void)
{
	return ticking ? atomic_add(&shared_clock, 1) : clock_ns;
}

void timer_hw_set(nsec_t when)
{
	armed[this_cpu()->id] = when;
	arm_count++;
}

static void run_on(unsigned int cpu)
{
	host_cpu = &cpus[cpu];
}

static int setup(void **state)
{
	cpus_present = 4;
	for (unsigned int i = 0; i < 4; i++) {
		cpus[i].id = i;
		run_on(i);
		timer_init_cpu();
		armed[i] = NEVER;
	}
	run_on(0);
	clock_ns = 1000;
	arm_count = 0;
	return 0;
}

struct probe {
	struct timer t;
	unsigned int fired;
	nsec_t at;
	bool wanted; /* the model: is set, for `when` */
	nsec_t when;
};

static nsec_t last_fired;

static void fire(void *arg)
{
	struct probe *p = arg;

	assert_true(p->wanted);
	assert_true(p->t.expires == p->when && p->when <= clock_ns);
	assert_true(p->when >= last_fired);
	last_fired = p->when;
	p->wanted = false;
	p->fired++;
	p->at = clock_ns;
}

static void probe_set(struct probe *p, nsec_t when)
{
	p->wanted = true;
	p->when = when;
	timer_set(&p->t, when);
}

/* Random sets, stops and moves on four CPUs against a list of what is due. */
static void test_against_model(void **state)
{
	struct probe *p = calloc(TIMERS, sizeof(*p));
	unsigned int i, cpu, fired = 0;

	for (i = 0; i < TIMERS; i++)
		timer_init(&p[i].t, fire, &p[i]);
	srandom(1);
	for (unsigned int round = 0; round < 30000; round++) {
		i = (unsigned int)random() % TIMERS;
		run_on((unsigned int)random() % 4);
		switch (random() % 8) {
		case 0:
			timer_stop(&p[i].t);
			p[i].wanted = false;
			break;
		case 1:
			timer_migrate(&p[i].t);
			break;
		default:
			probe_set(&p[i], clock_ns + (nsec_t)random() % 5000);
		}
		if (random() % 16)
			continue;
		clock_ns += (nsec_t)random() % 2000;
		for (cpu = 0; cpu < 4; cpu++) {
			run_on(cpu);
			last_fired = 0;
			timer_interrupt();
		}
		for (i = 0; i < TIMERS; i++)
			assert_false(p[i].wanted && p[i].when <= clock_ns);
	}
	for (i = 0; i < TIMERS; i++) {
		assert_int_equal(p[i].t.active, p[i].wanted);
		timer_stop(&p[i].t);
		fired += p[i].fired;
	}
	assert_true(fired > 10000);
	free(p);
}

static void test_past_is_at_once(void **state)
{
	struct probe p = { 0 };

	timer_init(&p.t, fire, &p);
	last_fired = 0;
	probe_set(&p, 5);
	assert_int_equal(armed[0], 5);
	timer_interrupt();
	assert_int_equal(p.fired, 1);
	timer_interrupt();
	assert_int_equal(p.fired, 1);
}

/* The hardware is touched when the first expiry comes nearer, only then. */
static void test_hardware_is_spared(void **state)
{
	struct probe a = { 0 }, b = { 0 };

	timer_init(&a.t, fire, &a);
	timer_init(&b.t, fire, &b);
	last_fired = 0;
	probe_set(&a, 5000);
	assert_int_equal(arm_count, 1);
	probe_set(&b, 9000);
	probe_set(&a, 6000);
	assert_int_equal(arm_count, 1);
	clock_ns = 5000; /* too early: for the timer that was moved */
	timer_interrupt();
	assert_int_equal(a.fired, 0);
	assert_int_equal(armed[0], 6000);
	clock_ns = 20000;
	timer_interrupt();
	assert_int_equal(a.fired + b.fired, 2);
}

static struct probe periodic;
static unsigned int periodic_left;

static void fire_again(void *arg)
{
	periodic.fired++;
	if (--periodic_left)
		timer_set(&periodic.t, periodic.t.expires + 10);
	else
		timer_stop(&periodic.t); /* by itself: must not wait for itself */
}

static void test_sets_itself_again(void **state)
{
	timer_init(&periodic.t, fire_again, NULL);
	periodic_left = 100;
	timer_set(&periodic.t, clock_ns);
	clock_ns += 500;
	timer_interrupt();
	assert_int_equal(periodic.fired, 51);
	/*
	 * The hardware once, when all is done: its register may be dear (on
	 * a machine that is virtual itself), and a function may hold a lock.
	 */
	assert_int_equal(arm_count, 2);
	clock_ns += 100000;
	timer_interrupt();
	assert_int_equal(periodic.fired, 100);
	assert_false(periodic.t.active);
	assert_int_equal(arm_count, 2);
}

static void test_moves_to_the_cpu_that_sets_it(void **state)
{
	struct probe p = { 0 };

	timer_init(&p.t, fire, &p);
	last_fired = 0;
	run_on(1);
	probe_set(&p, 2000);
	run_on(2);
	probe_set(&p, 3000);
	assert_int_equal(p.t.cpu, 2);
	clock_ns = 4000;
	run_on(1);
	timer_interrupt();
	assert_int_equal(p.fired, 0);
	run_on(2);
	timer_interrupt();
	assert_int_equal(p.fired, 1);
}

/*
 * Four CPUs set and stop the same few timers, which set themselves again as
 * they fire: what a guest with four vCPUs does to one periodic timer.
 */
static struct timer shared[2];
static pthread_barrier_t start;

static void fire_shared(void *arg)
{
	struct timer *t = arg;

	timer_set(t, t->expires + 50);
}

static void *one_cpu(void *arg)
{
	unsigned int seed = (unsigned int)(uintptr_t)arg;

	run_on(seed);
	pthread_barrier_wait(&start);
	for (unsigned int i = 0; i < 500000; i++) {
		struct timer *t = &shared[rand_r(&seed) % ARRAY_SIZE(shared)];

		if (rand_r(&seed) % 4)
			timer_set(t, now() + (nsec_t)rand_r(&seed) % 100);
		else
			timer_stop(t);
		timer_interrupt();
	}
	return NULL;
}

static void test_many_cpus_one_timer(void **state)
{
	pthread_t threads[4];
	unsigned int i;

	ticking = true;
	pthread_barrier_init(&start, NULL, 4);
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		timer_init(&shared[i], fire_shared, &shared[i]);
	for (i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, one_cpu,
			       (void *)(uintptr_t)i);
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	ticking = false;
	/* Nobody sets them any more: stopped is stopped, and queues empty. */
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		timer_stop(&shared[i]);
	clock_ns = NEVER - 1;
	for (i = 0; i < 4; i++) {
		run_on(i);
		armed[i] = 0;
		timer_interrupt();
		assert_int_equal(armed[i], 0);
	}
	for (i = 0; i < ARRAY_SIZE(shared); i++)
		assert_false(shared[i].active);
}

static void test_rates(void **state)
{
	static const uint64_t rates[] = {
		1000000, 3579545, 99999999, 1000000000, 1000000001,
		2000000000, 2596159000, 5000000000,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(rates); i++) {
		struct timebase b = { .tsc = 77, .ns = 5 };
		uint64_t hour = 3600 * rates[i], ns;

		timebase_set_rate(&b, rates[i]);
		assert_true(b.mul & 1u << 31);
		ns = timebase_at(&b, 77 + hour) - 5;
		/* One part in 10^8. */
		assert_in_range(ns, 3600 * NSEC_PER_SEC - 36000,
				3600 * NSEC_PER_SEC + 36000);
		assert_int_equal(timebase_at(&b, 77), 5);
		assert_int_equal(timebase_at(&b, 70), 5);
	}
}

static void test_corrections(void **state)
{
	static const struct {
		int64_t error, gone; /* after the four seconds */
	} cases[] = {
		{ 0, 0 }, { 100000, 100000 }, { -100000, -100000 },
		{ 1000000000, 2000000 }, { -1000000000, -2000000 },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(cases); i++) {
		const uint64_t hz = 2596159000;
		struct timebase b = { .tsc = 1000 }, was;
		uint64_t tsc = 1000 + 10 * hz;
		int64_t gained;

		timebase_set_rate(&b, hz);
		was = b;
		timebase_correct(&b, tsc, hz, cases[i].error,
				 4 * NSEC_PER_SEC);
		/* No step. */
		assert_int_equal(timebase_at(&b, tsc), timebase_at(&was, tsc));
		gained = (int64_t)(timebase_at(&was, tsc + 4 * hz) -
				   timebase_at(&b, tsc + 4 * hz));
		assert_in_range(gained - cases[i].gone + 2000, 0, 4000);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_against_model, setup),
		cmocka_unit_test_setup(test_past_is_at_once, setup),
		cmocka_unit_test_setup(test_hardware_is_spared, setup),
		cmocka_unit_test_setup(test_sets_itself_again, setup),
		cmocka_unit_test_setup(test_moves_to_the_cpu_that_sets_it,
				       setup),
		cmocka_unit_test_setup(test_many_cpus_one_timer, setup),
		cmocka_unit_test(test_rates),
		cmocka_unit_test(test_corrections),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
