/*
 * What everybody gets, over 30 s, on machines of up to 64 CPUs and 1,000 vCPUs
 * (sched_sim.h), beside what he should have got (sched_model.h). Pinned: shares
 * follow weights within two points, wherever vCPUs may run and however many
 * there are; caps hold within three; no CPU idles beside vCPUs that wait; OVER
 * never runs where UNDER waits; nobody waits longer than docs/scheduling.md
 * says; programs that compute and sleep get what a machine would give them that
 * can be divided at will.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "sched_sim.h"

#define TIME SECONDS(30)
#define ALL (~0UL)
#define SLICE (30 * NSEC_PER_MSEC)

/* count hogs of a kind. cap: % of one CPU, 0 none. */
struct kind {
	unsigned int count, weight;
	uint64_t affinity;
	unsigned int cap;
};

struct scene {
	const char *name;
	unsigned int cpus;
	struct kind kinds[6];
};

static struct claim claims[MAX_SIM];

static uint64_t all_of(unsigned int n)
{
	return n < 64 ? (1UL << n) - 1 : ALL;
}

static void populate(const struct scene *s)
{
	uint64_t all = all_of(s->cpus);
	const struct kind *k;
	struct sim *sim;
	unsigned int i;

	machine(s->cpus);
	for (k = s->kinds; k < s->kinds + ARRAY_SIZE(s->kinds); k++)
		for (i = 0; i < k->count; i++) {
			claims[sim_count] = (struct claim){
				k->weight, k->cap ? k->cap / 100.0 : 1,
				k->affinity & all, 0,
			};
			sim = add(k->weight, k->affinity & all, 0, 0);
			if (k->cap)
				sched_set_cap(&sim->d, (uint16_t)k->cap);
		}
	water_fill(claims, sim_count, all);
}

/*
 * docs/scheduling.md, "How long a vCPU waits": among others that compute. Half
 * the share: the pace may still be on its way there.
 */
static nsec_t longest_wait(double share)
{
	unsigned int n = longest_queue;

	return (nsec_t)(2.0 * (double)SLICE / share) +
	       n * (SLICE + TICK / 2) + (n / 16 + 2) * TICK;
}

/* Deviations by kind, too: of many vCPUs each has little to be off by. */
static void judge(const struct scene *s)
{
	double off, worst = 0, mean;
	const struct kind *k = s->kinds;
	unsigned int i, n = 0;

	for (i = 0; i < sim_count; i++) {
		off = share(sims[i], TIME) - claims[i].share * 1000;
		worst = max(worst, off < 0 ? -off : off);
		mean = n ? mean + off : off;
		if (!k->cap && sims[i]->waited > longest_wait(claims[i].share))
			fail_msg("%s: waited %llu ms with %.1f %%", s->name,
				 sims[i]->waited / NSEC_PER_MSEC,
				 claims[i].share * 100);
		if (++n < k->count)
			continue;
		mean /= n;
		if (mean * mean > (n >= 100 ? 4 : 20 * 20))
			fail_msg("%s: weight %u is %.1f %% off", s->name,
				 k->weight, mean / 10);
		k++;
		n = 0;
	}
	print_message("# %s: at most %.1f %% off\n", s->name, worst / 10);
	assert_true(worst <= 20);
	assert_true(spare_ns < TIME * s->cpus / 100);
	assert_true(idle_ns < TIME * s->cpus / 100);
	assert_int_equal(inverted_ns, 0);
}

static void play(const struct scene *s, unsigned int n)
{
	for (; n; n--, s++) {
		populate(s);
		run_for(TIME);
		judge(s);
		machine_end();
	}
}

static void test_weights(void **state)
{
	static const struct scene scenes[] = {
		{ "8 on 2 CPUs", 2, {
			{ 4, 256, ALL, 0 }, { 2, 512, ALL, 0 },
			{ 2, 1024, ALL, 0 } } },
		{ "40 on 2 CPUs", 2, {
			{ 20, 256, ALL, 0 }, { 10, 512, ALL, 0 },
			{ 10, 1024, ALL, 0 } } },
		{ "65 on 64 CPUs", 64, { { 65, 256, ALL, 0 } } },
		{ "1000 on 64 CPUs", 64, {
			{ 400, 256, ALL, 0 }, { 300, 512, ALL, 0 },
			{ 300, 1024, ALL, 0 } } },
		{ "1000 on 2 CPUs", 2, {
			{ 400, 256, ALL, 0 }, { 300, 512, ALL, 0 },
			{ 300, 1024, ALL, 0 } } },
	};

	play(scenes, ARRAY_SIZE(scenes));
}

/* A weight gives more than the vCPU can use, or its CPUs have. */
static void test_water_filled(void **state)
{
	static const struct scene scenes[] = {
		{ "two pinned to one of two CPUs", 2, {
			{ 1, 256, 1, 0 }, { 1, 512, 1, 0 } } },
		{ "two pinned, one to four", 2, {
			{ 1, 256, 1, 0 }, { 1, 1024, 1, 0 } } },
		{ "two pinned, two that are not", 2, {
			{ 1, 256, 1, 0 }, { 1, 512, 1, 0 },
			{ 1, 256, ALL, 0 }, { 1, 512, ALL, 0 } } },
		{ "heavy ones pinned, two that are not", 2, {
			{ 2, 1024, 1, 0 }, { 1, 256, ALL, 0 },
			{ 1, 512, ALL, 0 } } },
		{ "one fills a CPU", 2, {
			{ 1, 256, ALL, 0 }, { 1, 512, ALL, 0 },
			{ 1, 1024, ALL, 0 } } },
		{ "32 fill a CPU", 64, {
			{ 32, 256, ALL, 0 }, { 32, 512, ALL, 0 },
			{ 32, 1024, ALL, 0 } } },
		{ "two halves of 4 CPUs", 4, {
			{ 2, 256, 3, 0 }, { 2, 512, 3, 0 },
			{ 1, 512, 12, 0 }, { 4, 1024, 12, 0 } } },
		{ "halves that overlap", 4, {
			{ 3, 256, 3, 0 }, { 3, 512, 6, 0 },
			{ 3, 1024, 12, 0 } } },
		{ "caps among hogs", 2, {
			{ 1, 256, ALL, 25 }, { 1, 256, ALL, 50 },
			{ 4, 256, ALL, 0 }, { 2, 512, ALL, 0 } } },
	};

	play(scenes, ARRAY_SIZE(scenes));
}

/* A new weight counts at once, for who never sleeps, too. */
static void test_new_weight(void **state)
{
	struct sim *a, *b;
	nsec_t before;

	machine(1);
	a = add(256, 1, 0, 0);
	b = add(256, 1, 0, 0);
	run_for(SECONDS(3));
	a->d.sched.weight = 768;
	run_for(SECONDS(1));
	before = vcpu_runtime(&a->v);
	run_for(SECONDS(10));
	assert_in_range(vcpu_runtime(&a->v) - before, SECONDS(73) / 10,
			SECONDS(77) / 10);
	assert_int_equal(cpus[0].sched->pool->weight, 1024);
	a->d.sched.weight = 256;
	b->d.sched.weight = 65535;
	run_for(SECONDS(1));
	assert_int_equal(cpus[0].sched->pool->weight, 65535 + 256);
	machine_end();
}

/* One tick after all came to one CPU's queue no CPU idles that may run one. */
static void test_spread_of_many(void **state)
{
	unsigned int i;

	machine(64);
	for (i = 0; i < 100; i++) /* the first CPU is home to all */
		add(256, i % 4 ? ALL : 1, 0, 0);
	run_for(TICK);
	assert_true(idle_ns < TICK * 64);
	idle_ns = 0;
	run_for(SECONDS(1));
	assert_int_equal(idle_ns, 0);
	machine_end();
}

/* Whenever he sleeps: at each phase of the tick that he might dodge. */
static void test_dodgers(void **state)
{
	unsigned int phase, tries[] = { 5, 10, 20, 50 }, i;
	struct sim *dodger;

	for (i = 0; i < ARRAY_SIZE(tries); i++)
		for (phase = 0; phase < 100; phase += 7) {
			machine(1);
			add(256, 1, 0, 0);
			run_for(phase * STEP);
			dodger = add(256, 1, (100 - tries[i]) * STEP,
				     tries[i] * STEP);
			run_for(SECONDS(5));
			assert_in_range(share(dodger, SECONDS(5)), 0, 520);
			machine_end();
		}
}

/* However long his turns and his sleep: three hogs keep their three parts. */
static void test_wakers(void **state)
{
	static const unsigned int runs[] = { 1, 3, 8, 15, 60, 150 };
	struct sim *waker;
	unsigned int i, k;

	for (i = 0; i < ARRAY_SIZE(runs); i++)
		for (k = 1; k <= 8; k *= 2) {
			machine(1);
			for (sim_count = 0; sim_count < 3;)
				add(256, 1, 0, 0);
			waker = add(256, 1, runs[i] * STEP, k * STEP);
			run_for(SECONDS(10));
			assert_in_range(share(waker, SECONDS(10)), 0, 270);
			machine_end();
		}
}

/* --- programs that compute and sleep -------------------------------------- */

/* As claims; each round waits for somebody's turn that has just begun. */
static struct claim late[MAX_SIM];
static struct modelled fluid[MAX_SIM], turns[MAX_SIM];

/* n programs by chance, the same here and in the models. */
static void programs(unsigned int n, unsigned int n_cpus, uint32_t seed,
		     bool weights)
{
	unsigned int i, weight;
	struct program p;

	machine(n_cpus);
	for (i = 0; i < n; i++) {
		seed = seed * 1664525u + 1013904223u;
		weight = weights ? 256u << (seed >> 8) % 3 : 256;
		p = (struct program){
			.run = (nsec_t)(1 + (seed >> 12) % 200) * STEP,
			.sleep = (nsec_t)(1 + (seed >> 20) % 400) * STEP,
			.seed = seed | 1,
		};
		if (i % 4 == 0)
			p.run = 0;
		fluid[i] = (struct modelled){
			.p = p, .weight = weight, .affinity = all_of(n_cpus),
		};
		turns[i] = fluid[i];
		claims[i] = (struct claim){
			weight, p.run ? (double)p.run /
				(double)(p.run + p.sleep) : 1,
			all_of(n_cpus), 0,
		};
		late[i] = claims[i];
		if (p.run) /* and the last step of a round takes no time */
			late[i].limit = (double)(p.run - STEP) /
				(double)(p.run + p.sleep + RATE_LIMIT);
		(void)add_program(weight, all_of(n_cpus), p);
	}
	water_fill(claims, n, all_of(n_cpus));
	water_fill(late, n, all_of(n_cpus));
}

/*
 * Two ideals. The fluid one divides each moment among those who want it then,
 * and forgets them when they sleep; the other divides the whole time, of which
 * a sleeper wants a part, or a little less, if he waits each time.
 * Credit lies between: it remembers a slice. In points of a CPU: the furthest
 * that anybody is from all between the two.
 */
static double furthest(nsec_t time)
{
	double got, a, low, high, off, worst = 0;
	unsigned int i;

	for (i = 0; i < sim_count; i++) {
		got = 100 * (double)vcpu_runtime(&sims[i]->v) / (double)time;
		a = 100 * (double)fluid[i].got / (double)time;
		low = min(a, 100 * late[i].share);
		high = max(a, 100 * claims[i].share);
		off = got < low ? low - got : got > high ? got - high : 0;
		worst = max(worst, off);
	}
	return worst;
}

/* Without weights plain turns should do; they, too, serve who wakes late. */
static nsec_t longest_turn(void)
{
	nsec_t longest = 0;
	unsigned int i;

	for (i = 0; i < sim_count; i++)
		longest = max(longest, turns[i].waited);
	return longest;
}

/* Those who wake may come first: docs/scheduling.md. */
static void assert_waits(void)
{
	nsec_t bound, worst = 0;
	double total = 0, rate;
	unsigned int i;

	for (i = 0; i < sim_count; i++)
		total += fluid[i].weight;
	for (i = 0; i < sim_count; i++) {
		rate = min(fluid[i].weight * cpus_present / total, 1.0);
		bound = (nsec_t)((double)(longest_wait(rate) + longest_queue *
					  (SLICE + TICK)) / rate);
		worst = max(worst, sims[i]->waited);
		assert_true(sims[i]->waited <= bound);
	}
	print_message("# the longest wait: %llu ms\n", worst / NSEC_PER_MSEC);
}

static void test_models(void **state)
{
	static const struct {
		unsigned int programs, cpus;
		bool weights;
	} rows[] = {
		{ 8, 1, true }, { 12, 2, false }, { 24, 4, true },
		{ 200, 16, false }, { 200, 64, true }, { 1000, 64, true },
		{ 1000, 64, false },
	};
	const nsec_t time = TIME / 3;
	unsigned int i;
	double off;

	for (i = 0; i < ARRAY_SIZE(rows); i++) {
		programs(rows[i].programs, rows[i].cpus, 77 + i,
			 rows[i].weights);
		model_fluid(fluid, sim_count, rows[i].cpus, time, STEP);
		model_turns(turns, sim_count, rows[i].cpus, time, STEP, SLICE);
		run_for(time);
		off = furthest(time);
		print_message("# %u programs on %u CPUs: %.1f points off; "
			      "longest plain turn: %llu ms\n", sim_count,
			      rows[i].cpus, off,
			      longest_turn() / NSEC_PER_MSEC);
		assert_waits();
		assert_true(off <= 4);
		assert_true(spare_ns < time * rows[i].cpus / 100);
		assert_int_equal(inverted_ns, 0);
		machine_end();
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(test_weights, as_bvt),
		cmocka_unit_test_setup(test_water_filled, as_bvt),
		cmocka_unit_test_setup(test_spread_of_many, as_bvt),
		cmocka_unit_test_setup(test_dodgers, as_bvt),
		cmocka_unit_test_setup(test_wakers, as_bvt),
		cmocka_unit_test_setup(test_weights, as_credit),
		cmocka_unit_test(test_water_filled),
		cmocka_unit_test(test_new_weight),
		cmocka_unit_test(test_spread_of_many),
		cmocka_unit_test(test_dodgers),
		cmocka_unit_test(test_wakers),
		cmocka_unit_test(test_models),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
