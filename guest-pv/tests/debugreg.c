/*
 * set_debugreg and get_debugreg. Rules: a guest may watch its own addresses,
 * never the hypervisor's; reserved bits are fixed, general detect is not
 * offered, register numbers end at 7 (map, 2.5; security lessons 62, 65).
 */
#include "tap.h"

#define set_dr(n, v) hypercall2(__HYPERVISOR_set_debugreg, n, v)
#define get_dr(n) hypercall1(__HYPERVISOR_get_debugreg, n)

static volatile uint64_t watched;
static volatile unsigned int hits;
static volatile uint64_t hit_dr6;

static bool note_db(struct regs *regs)
{
	(void)regs;
	hits++;
	hit_dr6 = (uint64_t)get_dr(6);
	return true;
}

static void all_off(void)
{
	set_dr(7, 0x400);
	for (int i = 0; i < 4; i++)
		set_dr(i, 0);
	set_dr(6, 0xffff0ff0);
}

static void set_and_get(void)
{
	for (int i = 0; i < 4; i++) {
		CHECK_EQ(set_dr(i, 0x1000 * (i + 1)), 0);
		CHECK_EQ(get_dr(i), 0x1000 * (i + 1));
	}
	CHECK_EQ(set_dr(7, 0x400), 0);
	CHECK_EQ(get_dr(7), 0x400);
	all_off();
}

static void data_breakpoint(void)
{
	trap_hooks[1] = note_db;
	hits = 0;
	PREPARE(set_dr(0, &watched));
	PREPARE(set_dr(7, 0x400 | 1 | 0xd0000));	/* L0, write, 8 of 4 */
	watched = 1;
	CHECK_EQ(hits, 1);
	CHECK_EQ(hit_dr6 & 0xf, 1);
	(void)watched;
	PREPARE(set_dr(7, 0x400));
	watched = 2;
	CHECK_EQ(hits, 1);
	all_off();
}

static void survives_switches(void)
{
	trap_hooks[1] = note_db;
	hits = 0;
	PREPARE(set_dr(1, &watched));
	PREPARE(set_dr(7, 0x400 | 4 | 0xd00000));
	for (int i = 0; i < 20; i++)
		hcall_sched_op(SCHEDOP_yield, NULL);
	watched = 3;
	CHECK_EQ(hits, 1);
	CHECK_EQ(hit_dr6 & 0xf, 2);
	CHECK_EQ(get_dr(1), (unsigned long)&watched);
	all_off();
}

/* A watched buffer that the hypervisor writes on our behalf does no harm. */
static void hypervisor_touches_watched(void)
{
	static struct xen_feature_info info __attribute__((aligned(8)));

	trap_hooks[1] = note_db;
	PREPARE(set_dr(0, &info));
	PREPARE(set_dr(7, 0x400 | 1 | 0xd0000));
	info.submap_idx = 0;
	CHECK_EQ(hcall_xen_version(XENVER_get_features, &info), 0);
	all_off();
	CHECK(info.submap != 0);
}

static void hypervisor_addresses(void)
{
	static const unsigned long bad[] = {
		XEN_RO_VA, XEN_VA, 0xffff82d040200000, 0xffff87fffffffff8,
	};

	for (int i = 0; i < 4; i++)
		for (unsigned int j = 0; j < ARRAY_SIZE(bad); j++) {
			CHECK(set_dr(i, bad[j]) < 0);
			CHECK_EQ(get_dr(i), 0);
		}
	for (int i = 0; i < 4; i++)
		CHECK(set_dr(i, NONCANONICAL) < 0);
	all_off();
}

static void bad_control(void)
{
	/* General detect would trap the hypervisor's own accesses. */
	CHECK(set_dr(7, 0x400 | 0x2000) < 0 || !(get_dr(7) & 0x2000));
	/* I/O breakpoints need CR4.DE, which we have not set. */
	CHECK(set_dr(7, 0x400 | 1 | 0x20000) < 0 ||
	      (get_dr(7) & 0x20000) == 0);
	/* The upper half must be zero. */
	(void)set_dr(7, 1ul << 40 | 0x400);
	CHECK_EQ((uint64_t)get_dr(7) >> 32, 0);
	(void)set_dr(6, 1ul << 40);
	CHECK_EQ((uint64_t)get_dr(6) >> 32, 0);
	all_off();
}

static void bad_numbers(void)
{
	CHECK(set_dr(8, 0) < 0);
	CHECK(set_dr(-1, 0) < 0);
	CHECK(set_dr(0x7fffffff, 0) < 0);
	/* -ENODEV by the original, whose ABI does not name the errno. */
	CHECK_EITHER(get_dr(8), -ENODEV, -EINVAL);
	CHECK_EITHER(get_dr(-1), -ENODEV, -EINVAL);
	CHECK_EITHER(get_dr(0x7fffffff), -ENODEV, -EINVAL);
}

static void do_mov_dr(void *arg)
{
	uint64_t v;

	(void)arg;
	__asm__ volatile("mov %%dr7, %0\n mov %0, %%dr7" : "=r"(v));
	__asm__ volatile("mov %0, %%dr3\n mov %%dr3, %0" : "+r"(v));
}

/* By instruction: emulated or refused as #GP, but never harmful. */
static void by_instruction(void)
{
	int vector = trap_catch(do_mov_dr, NULL, NULL);

	CHECK_EITHER(vector, -1, 13);
	all_off();
}

static const struct test_case cases[] = {
	{ "set and get", set_and_get },
	{ "a data breakpoint", data_breakpoint },
	{ "breakpoints survive switches", survives_switches },
	{ "the hypervisor touches a watched place",
	  hypervisor_touches_watched },
	{ "the hypervisor's addresses", hypervisor_addresses },
	{ "bad bits of DR7 and DR6", bad_control },
	{ "bad numbers", bad_numbers },
	{ "by instruction", by_instruction },
};

TEST_PROGRAM(debugreg, "set_debugreg, get_debugreg", cases);
