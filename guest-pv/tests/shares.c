/*
 * What domains get of two CPUs. Dom0 builds small domains of its own whose
 * vCPUs run a program of one page (program()), lets them run for 30 s and
 * compares the time that each had with what it should have had. Pinned:
 * docs/scheduling.md. Shares follow weights, also where one vCPU cannot use all
 * that its weight gives it; caps hold on a machine that idles otherwise; no CPU
 * idles while somebody waits; who is asleep at each tick, who wakes all the
 * time and who keeps the hypervisor busy gains nothing.
 *
 * Meant for a machine of two CPUs that counts instructions: guest-pv/checks/
 * shares.
 */
#include "small.h"

#define CPUS 2
#define FIRST 10		/* domain ids */
#define TIME (30000 * MS)

struct load {
	unsigned int count, weight, vcpus, cap;
	uint64_t cpus;		/* bitmap */
	struct order order;
	unsigned int want;	/* each, in tenths of a per cent of a CPU */
};

/* --- scenes --------------------------------------------------------------- */

static uint64_t used[64];
static uint64_t lasted;		/* TIME, and a timer may be late under -icount */

static unsigned int create_all(const struct load *l, unsigned int n)
{
	struct small small;
	unsigned int d = 0;

	for (; n; n--, l++)
		for (unsigned int i = 0; i < l->count; i++, d++) {
			small = (struct small){
				.domid = (domid_t)(FIRST + d),
				.weight = l->weight, .vcpus = l->vcpus,
				.cap = l->cap, .cpus = l->cpus,
				.order = l->order, .policy = host_policy(),
			};
			small_create(&small);
		}
	for (unsigned int i = 0; i < d; i++)
		small_start((domid_t)(FIRST + i));
	return d;
}

/* Each within `off` tenths of what it should have; never less with `least`. */
static void check(const struct load *l, unsigned int n, long off, bool least)
{
	unsigned int d = 0;
	long is;

	for (; n; n--, l++)
		for (unsigned int i = 0; i < l->count; i++, d++) {
			is = (long)(used[d] * 1000 / lasted);
			if (i == 0)
				printk("# weight %u: %ld.%ld %%, ideal "
				       "%u.%u %%\n", l->weight, is / 10,
				       is % 10, l->want / 10, l->want % 10);
			CHECK(is >= (long)l->want - off);
			if (!least)
				CHECK(is <= (long)l->want + off);
		}
}

/*
 * Runs all for TIME, once they have settled. Busy: more than the CPUs can do,
 * so that less than one per cent of their time is left.
 */
static void play(const struct load *l, unsigned int n, long off, bool least,
		 unsigned int busy)
{
	unsigned int domains;
	uint64_t all = 0;

	if (!is_dom0())
		tap_skip("Dom0 alone");
	domains = create_all(l, n);
	small_sleep(1500 * MS);
	for (unsigned int d = 0; d < domains; d++)
		used[d] = small_cpu_time((domid_t)(FIRST + d));
	lasted = time_ns();
	small_sleep(TIME);
	lasted = time_ns() - lasted;
	for (unsigned int d = 0; d < domains; d++) {
		used[d] = small_cpu_time((domid_t)(FIRST + d)) - used[d];
		all += used[d];
	}
	check(l, n, off, least);
	CHECK(all >= lasted / 10000 * 99 * busy);
	for (unsigned int d = 0; d < domains; d++)
		small_destroy((domid_t)(FIRST + d));
	small_sleep(2000 * MS); /* what is left of them is cleared away */
}

#define PLAY(loads, off, busy) \
	play(loads, ARRAY_SIZE(loads), (off), false, (busy))
#define HOG { 0 }
/* While a CPU halts, QEMU's timers of the other are late, if it counts. */
#define ON_FIRST { 1, 256, 1, 0, 1, HOG, 1000 }

static void two_pinned(void)
{
	static const struct load loads[] = {
		ON_FIRST,
		{ 1, 256, 1, 0, 2, HOG, 333 }, { 1, 512, 1, 0, 2, HOG, 667 },
	};

	PLAY(loads, 20, 200);
}

static void eight(void)
{
	static const struct load loads[] = {
		{ 4, 256, 1, 0, 3, HOG, 125 }, { 2, 512, 1, 0, 3, HOG, 250 },
		{ 2, 1024, 1, 0, 3, HOG, 500 },
	};

	PLAY(loads, 20, 200);
}

static void forty(void)
{
	static const struct load loads[] = {
		{ 20, 256, 1, 0, 3, HOG, 25 }, { 10, 512, 1, 0, 3, HOG, 50 },
		{ 10, 1024, 1, 0, 3, HOG, 100 },
	};

	PLAY(loads, 20, 200);
}

static void fills_a_cpu(void)
{
	static const struct load loads[] = {
		{ 1, 256, 1, 0, 3, HOG, 333 }, { 1, 512, 1, 0, 3, HOG, 667 },
		{ 1, 1024, 1, 0, 3, HOG, 1000 },
	};

	PLAY(loads, 20, 200);
}

static void caps(void)
{
	static const struct load loads[][1] = {
		{ { 1, 256, 1, 25, 3, HOG, 250 } },
		{ { 1, 256, 1, 50, 3, HOG, 500 } },
		{ { 1, 256, 2, 150, 3, HOG, 1500 } },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(loads); i++)
		PLAY(loads[i], 30, 0);
}

static void caps_among_hogs(void)
{
	static const struct load loads[] = {
		{ 1, 256, 1, 25, 3, HOG, 250 }, { 1, 256, 1, 50, 3, HOG, 438 },
		{ 3, 256, 1, 0, 3, HOG, 438 },
	};

	PLAY(loads, 30, 200);
}

/* Asleep whenever somebody might look who does so every 10 ms. */
static void sleeper(void)
{
	static const struct load loads[] = {
		ON_FIRST, { 3, 256, 1, 0, 2, HOG, 250 },
		{ 1, 256, 1, 0, 2, { .busy = 9 * MS, .period = 10 * MS }, 250 },
	};

	PLAY(loads, 20, 200);
}

static void waker(void)
{
	static const struct load loads[] = {
		ON_FIRST, { 3, 256, 1, 0, 2, HOG, 250 },
		{ 1, 256, 1, 0, 2, { .busy = 4 * MS / 5, .period = MS }, 250 },
	};

	PLAY(loads, 20, 200);
}

/* It may have what is its own, and costs the other 5 % of his at most. */
static void storm(void)
{
	static const struct load loads[] = {
		{ 1, 256, 2, 0, 3, HOG, 1000 },
		{ 1, 256, 2, 0, 3, { .storm = true }, 0 },
	};

	play(loads, ARRAY_SIZE(loads), 50, true, 200);
}

static const struct test_case cases[] = {
	{ "caps among others", caps_among_hogs },
	{ "two pinned to one CPU", two_pinned },
	{ "8 on 2 CPUs", eight },
	{ "40 on 2 CPUs", forty },
	{ "one fills a CPU", fills_a_cpu },
	{ "caps on an idle machine", caps },
	{ "asleep at each tick", sleeper },
	{ "wakes all the time", waker },
	{ "a storm of hypercalls", storm },
};

TEST_PROGRAM_ALONE(shares, "what domains get of two CPUs", cases);
