/*
 * fpu_taskswitch and the FPU's state. Rules: fpu_taskswitch(1) makes the next
 * FPU instruction raise #NM, (0) takes that back; CR0.TS as seen by the guest
 * follows (map, 2.5). Registers of one vCPU are never those of another
 * (security lesson 69). The kernel itself is compiled without FPU registers.
 */
#include "tap.h"

#define fpu_taskswitch(on) hypercall1(__HYPERVISOR_fpu_taskswitch, on)

static void use_fpu(void *arg)
{
	(void)arg;
	__asm__ volatile("fninit\n pxor %%xmm0, %%xmm0" : : : "memory");
}

static uint64_t read_cr0(void)
{
	uint64_t v;

	__asm__ volatile("mov %%cr0, %0" : "=r"(v));
	return v;
}

static void traps_when_set(void)
{
	CHECK_EQ(fpu_taskswitch(0), 0);
	CHECK_EQ(trap_catch(use_fpu, NULL, NULL), -1);
	CHECK_EQ(fpu_taskswitch(1), 0);
	CHECK_EQ(trap_catch(use_fpu, NULL, NULL), 7);
	/*
	 * The original clears TS as it delivers #NM, as its ABI says; a
	 * kernel clears it anyway.
	 */
	CHECK_EQ(fpu_taskswitch(0), 0);
	CHECK_EQ(trap_catch(use_fpu, NULL, NULL), -1);
}

static void visible_in_cr0(void)
{
	PREPARE(fpu_taskswitch(1));
	CHECK_EQ(read_cr0() & 8, 8);
	PREPARE(fpu_taskswitch(0));
	CHECK_EQ(read_cr0() & 8, 0);
}

static void clts_clears(void)
{
	PREPARE(fpu_taskswitch(1));
	__asm__ volatile("clts");
	CHECK_EQ(read_cr0() & 8, 0);
	CHECK_EQ(trap_catch(use_fpu, NULL, NULL), -1);
}

static void load_xmm(uint64_t value)
{
	__asm__ volatile("movq %0, %%xmm0\n punpcklqdq %%xmm0, %%xmm0\n"
			 "movdqa %%xmm0, %%xmm7\n movdqa %%xmm0, %%xmm15"
			 : : "r"(value));
}

static bool xmm_is(uint64_t value)
{
	uint64_t a, b, c;

	__asm__ volatile("movq %%xmm0, %0\n movq %%xmm7, %1\n"
			 "psrldq $8, %%xmm15\n movq %%xmm15, %2"
			 : "=r"(a), "=r"(b), "=r"(c));
	return a == value && b == value && c == value;
}

static void kept_over_calls(void)
{
	uint64_t buf[2];

	PREPARE(fpu_taskswitch(0));
	load_xmm(0x1122334455667788);
	for (int i = 0; i < 50; i++) {
		hcall_sched_op(SCHEDOP_yield, NULL);
		hcall_xen_version(XENVER_extraversion, buf);
		try_read(UNMAPPED_VA, NULL);
	}
	CHECK(xmm_is(0x1122334455667788));
}

static void kept_over_a_sleep(void)
{
	struct sched_poll poll = { .timeout = time_ns() + 2000000 };

	load_xmm(0x8877665544332211);
	hcall_sched_op(SCHEDOP_poll, &poll);
	CHECK(xmm_is(0x8877665544332211));
}

static void x87_and_mxcsr_kept(void)
{
	uint16_t cw = 0x27f, got_cw;
	uint32_t mxcsr = 0x1f80 | 0x6000, got_mxcsr, old;

	__asm__ volatile("stmxcsr %0\n fldcw %1\n ldmxcsr %2"
			 : "=m"(old) : "m"(cw), "m"(mxcsr));
	for (int i = 0; i < 50; i++)
		hcall_sched_op(SCHEDOP_yield, NULL);
	__asm__ volatile("fnstcw %0\n stmxcsr %1"
			 : "=m"(got_cw), "=m"(got_mxcsr));
	CHECK_EQ(got_cw, cw);
	CHECK_EQ(got_mxcsr, mxcsr);
	__asm__ volatile("fninit\n ldmxcsr %0" : : "m"(old));
}

static volatile unsigned int stop, other_result;

static void other_vcpu(void *arg)
{
	uint64_t a, b;

	(void)arg;
	fpu_taskswitch(0);
	__asm__ volatile("movq %%xmm0, %0\n movq %%xmm7, %1"
			 : "=r"(a), "=r"(b));
	/* A new vCPU starts with clean registers. */
	other_result = a == 0 && b == 0 ? 1 : 2;
	load_xmm(0xdddddddddddddddd);
	while (!stop)
		hcall_sched_op(SCHEDOP_yield, NULL);
	if (!xmm_is(0xdddddddddddddddd))
		other_result = 3;
	stop = 2;
}

static void apart_from_other_vcpus(void)
{
	uint64_t end;

	if (cpus_possible() < 3)
		tap_skip("needs a third vCPU that nobody has used");
	load_xmm(0x4242424242424242);
	stop = other_result = 0;
	REQUIRE_EQ(cpu_start(2, other_vcpu, NULL), 0);
	for (int i = 0; i < 300; i++)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK(xmm_is(0x4242424242424242));
	stop = 1;
	end = time_ns() + 20000000000;
	while (stop != 2 && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(stop, 2);
	CHECK_EQ(other_result, 1);
}

static const struct test_case cases[] = {
	{ "traps when set", traps_when_set },
	{ "visible in CR0", visible_in_cr0 },
	{ "clts clears it", clts_clears },
	{ "registers are kept over calls", kept_over_calls },
	{ "registers are kept over a sleep", kept_over_a_sleep },
	{ "x87 and MXCSR are kept", x87_and_mxcsr_kept },
	{ "apart from other vCPUs", apart_from_other_vcpus },
};

TEST_PROGRAM(fpu, "fpu_taskswitch and FPU state", cases);
