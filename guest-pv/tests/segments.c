/*
 * set_segment_base and stack_switch, and the MSRs behind them. Rules: <xen/
 * xen.h>, SEGBASE_*; map, 2.5: FS and GS bases are the guest's, kernel and user
 * have their own GS base, which the hypervisor swaps with the mode. A base
 * that is not canonical is refused on every way in (security lesson 65); all
 * else must succeed, since kernels stop on a failure. State survives switches
 * of mode and of vCPU.
 */
#include "tap.h"
#include "msr.h"

#define MSR_FS_BASE	0xc0000100
#define MSR_GS_BASE	0xc0000101
#define MSR_KGS_BASE	0xc0000102

static uint64_t rdmsr(uint32_t nr)
{
	uint64_t value = 0;

	CHECK_EQ(msr_read(nr, &value), -1);
	return value;
}

static uint64_t read_fs(void)
{
	uint64_t v;

	__asm__ volatile("mov %%fs:0, %0" : "=r"(v));
	return v;
}

static uint64_t read_gs(void)
{
	uint64_t v;

	__asm__ volatile("mov %%gs:0, %0" : "=r"(v));
	return v;
}

static uint64_t a = 0xaaaa, b = 0xbbbb;

static void by_hypercall(void)
{
	CHECK_EQ(hcall_set_segment_base(SEGBASE_FS, &a), 0);
	CHECK_EQ(read_fs(), 0xaaaa);
	CHECK_EQ(rdmsr(MSR_FS_BASE), (unsigned long)&a);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_KERNEL, &b), 0);
	CHECK_EQ(read_gs(), 0xbbbb);
	CHECK_EQ(rdmsr(MSR_GS_BASE), (unsigned long)&b);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER, &a), 0);
	CHECK_EQ(rdmsr(MSR_KGS_BASE), (unsigned long)&a);
	CHECK_EQ(read_gs(), 0xbbbb);
}

static void by_msr(void)
{
	CHECK_EQ(msr_write(MSR_FS_BASE, (unsigned long)&b), -1);
	CHECK_EQ(read_fs(), 0xbbbb);
	CHECK_EQ(msr_write(MSR_GS_BASE, (unsigned long)&a), -1);
	CHECK_EQ(read_gs(), 0xaaaa);
	CHECK_EQ(msr_write(MSR_KGS_BASE, (unsigned long)&b), -1);
	CHECK_EQ(rdmsr(MSR_KGS_BASE), (unsigned long)&b);
}

static void not_canonical(void)
{
	static const uint64_t bad[] = {
		NONCANONICAL, 0xffff7fffffffffff, 1ul << 63,
		0x0123456789abcdef,
	};
	uint64_t fs = rdmsr(MSR_FS_BASE), gs = rdmsr(MSR_GS_BASE);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		CHECK_EQ(hcall_set_segment_base(SEGBASE_FS, bad[i]), -EINVAL);
		CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER, bad[i]),
			 -EINVAL);
		CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_KERNEL, bad[i]),
			 -EINVAL);
		CHECK_EQ(msr_write(MSR_FS_BASE, bad[i]), 13);
		CHECK_EQ(msr_write(MSR_GS_BASE, bad[i]), 13);
		CHECK_EQ(msr_write(MSR_KGS_BASE, bad[i]), 13);
	}
	CHECK_EQ(rdmsr(MSR_FS_BASE), fs);
	CHECK_EQ(rdmsr(MSR_GS_BASE), gs);
}

static void unknown_segment(void)
{
	CHECK_EQ(hcall_set_segment_base(4, 0), -EINVAL);
	CHECK_EQ(hcall_set_segment_base(-1, 0), -EINVAL);
}

/* A selector for user GS: any value, and null if it cannot be loaded. */
static void gs_user_selector(void)
{
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0xe02b), 0);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0x1233), 0);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0xffff), 0);
	CHECK_EQ(hcall_set_segment_base(SEGBASE_GS_USER_SEL, 0), 0);
}

static void kept_over_calls(void)
{
	PREPARE(hcall_set_segment_base(SEGBASE_FS, &a));
	PREPARE(hcall_set_segment_base(SEGBASE_GS_KERNEL, &b));
	for (int i = 0; i < 20; i++) {
		hcall_sched_op(SCHEDOP_yield, NULL);
		hcall_xen_version(XENVER_version, NULL);
		try_read(UNMAPPED_VA, NULL);
	}
	CHECK_EQ(read_fs(), 0xaaaa);
	CHECK_EQ(read_gs(), 0xbbbb);
}

/* User mode sees its own GS and the same FS; the kernel its own again. */
static void kept_over_user_mode(void)
{
	/* mov %fs:0,%rax; mov %gs:0,%rbx; syscall */
	static const uint8_t code[] = {
		0x64, 0x48, 0x8b, 0x04, 0x25, 0, 0, 0, 0,
		0x65, 0x48, 0x8b, 0x1c, 0x25, 0, 0, 0, 0,
		0x0f, 0x05,
	};
	unsigned long va = USER_VA + 0x6000;
	uint64_t *page = user_map_page(va);
	struct regs r = { .rip = va, .rsp = va + PAGE_SIZE };
	struct trap t;

	memcpy(page, code, sizeof(code));
	page[100] = 0xf5;
	page[101] = 0x65;
	PREPARE(hcall_set_segment_base(SEGBASE_FS, va + 800));
	PREPARE(hcall_set_segment_base(SEGBASE_GS_KERNEL, &b));
	PREPARE(hcall_set_segment_base(SEGBASE_GS_USER, va + 808));
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	CHECK_EQ(t.regs.rax, 0xf5);
	CHECK_EQ(t.regs.rbx, 0x65);
	CHECK_EQ(read_gs(), 0xbbbb);
	CHECK_EQ(read_fs(), 0xf5);
	CHECK_EQ(rdmsr(MSR_KGS_BASE), va + 808);
}

static volatile unsigned int stop, other_ok;

static void other_vcpu(void *arg)
{
	static uint64_t c = 0xcccc;

	(void)arg;
	hcall_set_segment_base(SEGBASE_FS, &c);
	hcall_set_segment_base(SEGBASE_GS_KERNEL, &c);
	while (!stop)
		hcall_sched_op(SCHEDOP_yield, NULL);
	other_ok = read_fs() == 0xcccc && read_gs() == 0xcccc;
	stop = 2;
}

static void kept_over_vcpus(void)
{
	uint64_t end;

	if (cpus_possible() < 2)
		tap_skip("one vCPU");
	PREPARE(hcall_set_segment_base(SEGBASE_FS, &a));
	PREPARE(hcall_set_segment_base(SEGBASE_GS_KERNEL, &b));
	stop = other_ok = 0;
	REQUIRE_EQ(cpu_start(1, other_vcpu, NULL), 0);
	for (int i = 0; i < 200; i++)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(read_fs(), 0xaaaa);
	CHECK_EQ(read_gs(), 0xbbbb);
	stop = 1;
	end = time_ns() + 20000000000;
	while (stop != 2 && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(other_ok, 1);
}

/* Selectors of data segments are kept; ring 3 is forced or asked for. */
static void selectors_kept(void)
{
	uint16_t ds, es;

	__asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"(0xe02b));
	for (int i = 0; i < 10; i++)
		hcall_sched_op(SCHEDOP_yield, NULL);
	__asm__ volatile("mov %%ds, %0\n mov %%es, %1" : "=r"(ds), "=r"(es));
	CHECK_EQ(ds, 0xe02b);
	CHECK_EQ(es, 0xe02b);
	__asm__ volatile("mov %0, %%ds\n mov %0, %%es" : : "r"(0));
}

/* The stack for bounces from user mode is the one that was named last. */
static void stack_switch_used(void)
{
	static const uint8_t code[] = { 0x0f, 0x05 };
	unsigned long va = USER_VA + 0x6000, ss = FLAT_KERNEL_SS;
	struct regs r = { .rip = va, .rsp = va + PAGE_SIZE };
	struct trap t;
	unsigned long sp;

	memcpy(user_map_page(va), code, sizeof(code));
	user_run(&r, &t);
	CHECK_EQ(t.regs.vector, VECTOR_SYSCALL);
	/* Taken now, used at the next bounce: any value is accepted here. */
	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	CHECK_EQ(hcall_stack_switch(ss, sp), 0);
	CHECK_EQ(hcall_stack_switch(ss & ~3ul, sp), 0);
}

static void stack_switch_bad(void)
{
	unsigned long sp;

	/* The original takes it and fails at the use; a refusal is as good. */
	CHECK_EITHER(hcall_stack_switch(FLAT_KERNEL_SS, NONCANONICAL), 0,
		     -EINVAL);
	CHECK_EITHER(hcall_stack_switch(FLAT_KERNEL_SS, XEN_VA), 0, -EINVAL);
	__asm__ volatile("mov %%rsp, %0" : "=r"(sp));
	CHECK_EQ(hcall_stack_switch(FLAT_KERNEL_SS, sp), 0);
}

static const struct test_case cases[] = {
	{ "bases by hypercall", by_hypercall },
	{ "bases by MSR", by_msr },
	{ "bases that are not canonical", not_canonical },
	{ "unknown segment", unknown_segment },
	{ "user GS by selector", gs_user_selector },
	{ "bases are kept over calls", kept_over_calls },
	{ "bases are kept over user mode", kept_over_user_mode },
	{ "bases are kept over vCPUs", kept_over_vcpus },
	{ "selectors are kept", selectors_kept },
	{ "stack_switch is used", stack_switch_used },
	{ "stack_switch to bad places", stack_switch_bad },
};

TEST_PROGRAM(segments, "set_segment_base, stack_switch", cases);
