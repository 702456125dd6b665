/*
 * Exceptions and how they are bounced: set_trap_table, the frame on the
 * stack, error codes, the event mask, and what reaches user mode's kernel.
 * Rules: struct trap_info in arch-x86/xen.h (flags: bits 0-1 the privilege of
 * `int`, bit 2 masks events), the frame of the map, 2.3; security lessons
 * 60, 61, 63. Page faults tell their address in vcpu_info.arch.cr2 and their
 * user bit is that of the guest's own modes.
 */
#include "tap.h"

static struct regs seen;
static uint64_t seen_flags;
static uint8_t seen_mask;
static volatile unsigned int hits;

/* Notes the frame and goes on behind the instruction, SKIP bytes long. */
static unsigned int skip;

static bool note(struct regs *regs)
{
	__asm__ volatile("pushf\n pop %0" : "=r"(seen_flags));
	seen = *regs;
	seen_mask = READ_ONCE(vcpu_info()->evtchn_upcall_mask);
	hits++;
	regs->rip += skip;
	return true;
}

static void watch(unsigned int vector, unsigned int length)
{
	memset(&seen, 0, sizeof(seen));
	hits = 0;
	skip = length;
	trap_hooks[vector] = note;
}

static void frame_of_int3(void)
{
	unsigned long sp, after;

	watch(3, 0);
	__asm__ volatile("mov %%rsp, %0\n int3\n mov %%rsp, %1"
			 : "=r"(sp), "=r"(after) : : "memory");
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.vector, 3);
	CHECK_EQ(seen.rsp, sp);
	CHECK_EQ(after, sp);
	CHECK_EQ(seen.cs & 0xffff, 0xe030);
	CHECK_EQ(seen.ss & 0xffff, FLAT_KERNEL_SS);
	CHECK_EQ(seen.rflags & 0x200, 0x200);
	CHECK_EQ(seen.rflags & 0x3000, 0);
	CHECK_EQ(seen.cs >> 32 & 0xff, 0);
	CHECK_EQ(seen_mask, 0);
}

static void frame_with_events_masked(void)
{
	watch(3, 0);
	events_disable();
	__asm__ volatile("int3" : : : "memory");
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 1);
	events_enable();
	CHECK_EQ(seen.rflags & 0x200, 0);
	CHECK_EQ(seen.cs >> 32 & 0xff, 1);
	CHECK_EQ(seen_mask, 1);
}

extern uint8_t trap_stubs[];

static long set_one(uint8_t vector, uint8_t flags, unsigned long address)
{
	struct trap_info table[2] = {
		{ .vector = vector, .flags = flags, .cs = FLAT_KERNEL_CS,
		  .address = address },
	};

	return hcall_set_trap_table(table);
}

static void handler_that_masks(void)
{
	unsigned long stub = (unsigned long)trap_stubs + 3 * 16;

	REQUIRE_EQ(set_one(3, 3 | 4, stub), 0);
	watch(3, 0);
	__asm__ volatile("int3" : : : "memory");
	CHECK_EQ(seen_mask, 1);
	CHECK_EQ(seen.cs >> 32 & 0xff, 0);
	CHECK_EQ(seen.rflags & 0x200, 0x200);
	/* iret has set the mask from the flags. */
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
	trap_table_load();
}

static void flags_cleared_for_handler(void)
{
	watch(3, 0);
	/* NT and AC, RF is not settable so; then int3, then clear again. */
	__asm__ volatile("pushf\n orl $0x44000, (%%rsp)\n popf\n int3\n"
			 "pushf\n andl $~0x44000, (%%rsp)\n popf"
			 : : : "memory", "cc");
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.rflags & 0x44000, 0x44000);
	CHECK_EQ(seen_flags & 0x44100, 0);
}

static void single_step(void)
{
	watch(1, 0);
	__asm__ volatile("pushf\n pushf\n orl $0x100, (%%rsp)\n popf\n nop\n"
			 "popf\n nop" : : : "memory", "cc");
	CHECK(hits >= 1);
	CHECK_EQ(seen.vector, 1);
	CHECK_EQ(seen_flags & 0x100, 0);
}

static void run_de(void *arg)
{
	(void)arg;
	__asm__ volatile("xor %%edx, %%edx\n mov $1, %%eax\n div %%edx"
			 : : : "eax", "edx", "cc");
}

static void run_bp(void *arg)
{
	(void)arg;
	__asm__ volatile(".byte 0xcd, 0x03");
}

static void run_of(void *arg)
{
	(void)arg;
	__asm__ volatile(".byte 0xcd, 0x04");
}

static void run_ud(void *arg)
{
	(void)arg;
	__asm__ volatile("ud2");
}

static void run_gp(void *arg)
{
	(void)arg;
	(void)*(volatile int *)NONCANONICAL;
}

static void run_ss(void *arg)
{
	(void)arg;
	__asm__ volatile("mov %%rbp, %%rax\n mov %0, %%rbp\n"
			 "mov 8(%%rbp), %%rcx\n mov %%rax, %%rbp"
			 : : "r"(NONCANONICAL) : "rax", "rcx");
}

static void run_bad_selector(void *arg)
{
	(void)arg;
	__asm__ volatile("mov %0, %%es" : : "r"(0x1233));
}

static void simple_exceptions(void)
{
	static const struct {
		void (*run)(void *);
		int vector;
		uint64_t error;
	} rows[] = {
		{ run_de, 0, 0 }, { run_bp, 3, 0 }, { run_of, 4, 0 },
		{ run_ud, 6, 0 }, { run_gp, 13, 0 },
		{ run_bad_selector, 13, 0x1230 },
	};
	struct trap t;
	int vector;

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		memset(&t, 0, sizeof(t));
		CHECK_EQ(trap_catch(rows[i].run, NULL, &t), rows[i].vector);
		CHECK_EQ(t.regs.error, rows[i].error);
		CHECK_EQ(t.regs.cs & 0xffff, 0xe030);
	}
	/* A stack address: #SS on hardware, this QEMU says #GP. */
	vector = trap_catch(run_ss, NULL, &t);
	CHECK_EITHER(vector, 12, 13);
}

static void page_fault_errors(void)
{
	void *page = page_alloc();
	struct trap t;
	struct { volatile uint64_t *at; uint64_t value; } a;
	int vector;

	PREPARE(hcall_update_va_mapping(page,
					mfn_pte(virt_to_mfn(page), PTE_ROX),
					UVMF_INVLPG));
	a.value = 1;
	a.at = (volatile uint64_t *)UNMAPPED_VA;
	vector = try_read(UNMAPPED_VA, NULL);
	CHECK_EQ(vector, 14);
	watch(14, 0);
	trap_hooks[14] = NULL;
	vector = trap_catch((void (*)(void *))UNMAPPED_VA, &a, &t);
	CHECK_EQ(vector, 14);
	CHECK_EQ(t.regs.rip, UNMAPPED_VA);
	CHECK_EQ(t.cr2, UNMAPPED_VA);
	CHECK_EITHER(t.regs.error, 0, 0x10);
	CHECK_EQ(t.regs.error & 5, 0);
	PREPARE(hcall_update_va_mapping(page,
					mfn_pte(virt_to_mfn(page), PTE_RWX),
					UVMF_INVLPG));
	page_free(page);
}

static void write_to(void *arg)
{
	*(volatile uint32_t *)arg = 1;
}

static void read_from(void *arg)
{
	(void)*(volatile uint32_t *)arg;
}

static void kernel_error_codes(void)
{
	void *page = page_alloc();
	uint64_t pte = mfn_pte(virt_to_mfn(page), PTE_ROX | PTE_NX);
	struct trap t;

	CHECK_EQ(trap_catch(read_from, (void *)(UNMAPPED_VA + 0x123), &t),
		 14);
	CHECK_EQ(t.regs.error, 0);
	CHECK_EQ(t.cr2, UNMAPPED_VA + 0x123);
	CHECK_EQ(trap_catch(write_to, (void *)UNMAPPED_VA, &t), 14);
	CHECK_EQ(t.regs.error, 2);
	PREPARE(hcall_update_va_mapping(page, pte, UVMF_INVLPG));
	CHECK_EQ(trap_catch(write_to, page, &t), 14);
	CHECK_EQ(t.regs.error, 3);
	CHECK_EQ(t.cr2, (unsigned long)page);
	CHECK_EQ(trap_catch((void (*)(void *))(unsigned long)page, NULL, &t),
		 14);
	CHECK_EQ(t.regs.error, 0x11);
	PREPARE(page_set_rw(page));
	page_free(page);
}

static void int_n_of_the_kernel(void)
{
	struct trap t;

	watch(VECTOR_INT80, 0);
	__asm__ volatile("int $0x80" : : : "memory");
	CHECK_EQ(hits, 1);
	CHECK_EQ(seen.cs & 0xffff, 0xe030);
	/* Behind the instruction, and no error code. */
	CHECK_EQ(*(uint8_t *)(seen.rip - 2), 0xcd);
	(void)t;
}

static void run_int81(void *arg)
{
	(void)arg;
	__asm__ volatile("int $0x81");
}

static void int_n_without_right(void)
{
	struct trap t;

	/* DPL 0 in the trap table: refused as #GP at the instruction. */
	CHECK_EQ(trap_catch(run_int81, NULL, &t), 13);
	CHECK_EQ(*(uint8_t *)t.regs.rip, 0xcd);
	/*
	 * The error code holds the vector; this QEMU counts it in gates of
	 * 16 bytes, which a hypervisor may pass on or correct.
	 */
	CHECK_EITHER(t.regs.error, 0x81 << 3 | 2, 0x81 << 4 | 2);
}

static void table_refused(void)
{
	CHECK_EQ(hcall_set_trap_table(UNMAPPED_VA), -EFAULT);
	CHECK_EQ(hcall_set_trap_table(XEN_VA), -EFAULT);
	CHECK_EQ(hcall_set_trap_table(NONCANONICAL), -EFAULT);
	CHECK_EQ(set_one(5, 0, NONCANONICAL), -EINVAL);
	CHECK_EQ(set_one(5, 0, 0x8000000000000000), -EINVAL);
	CHECK_EQ(set_one(5, 0, 0xffff7fffffffffff), -EINVAL);
	trap_table_load();
}

/* The table without an end: the call stops at what it cannot read. */
static void table_without_end(void)
{
	struct trap_info *table = page_alloc();
	unsigned long last = TEST_VA + (300ul << PAGE_SHIFT);

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*table); i++) {
		table[i].vector = 200;
		table[i].cs = FLAT_KERNEL_CS;
		table[i].address = (unsigned long)trap_stubs;
	}
	pt_map(last, mfn_pte(virt_to_mfn(table), PTE_RWX));
	CHECK_EQ(hcall_set_trap_table(last), -EFAULT);
	pt_map(last, 0);
	page_free(table);
	CHECK_EQ(set_one(200, 0, 0), 0);
}

static void clear_and_load_again(void)
{
	CHECK_EQ(hcall_set_trap_table(NULL), 0);
	trap_table_load();
	CHECK_EQ(try_read(UNMAPPED_VA, NULL), 14);
}

/* Traps of user mode come to the stack of the last stack_switch. */
static void user_exceptions(void)
{
	static const struct {
		uint8_t code[8];
		unsigned int vector;
		uint64_t error;
		unsigned int length;
	} rows[] = {
		{ { 0x0f, 0x0b }, 6, 0, 0 },		/* ud2 */
		{ { 0xf4 }, 13, 0, 0 },			/* hlt */
		{ { 0xfa }, 13, 0, 0 },			/* cli */
		{ { 0x0f, 0x09 }, 13, 0, 0 },		/* wbinvd */
		{ { 0x0f, 0x20, 0xd8 }, 13, 0, 0 },	/* mov %cr3,%rax */
		{ { 0xe4, 0x80 }, 13, 0, 0 },		/* in $0x80,%al */
		{ { 0x0f, 0x32 }, 13, 0, 0 },		/* rdmsr */
		{ { 0xcc }, 3, 0, 1 },			/* int3 */
		{ { 0xcd, 0x80 }, VECTOR_INT80, 0, 2 },
		{ { 0x8a, 0x03 }, 14, 4, 0 },		/* mov (%rbx),%al */
		{ { 0x88, 0x03 }, 14, 6, 0 },		/* mov %al,(%rbx) */
	};
	unsigned long va = USER_VA + 0x1000;
	uint8_t *page = user_map_page(va);

	for (unsigned int i = 0; i < ARRAY_SIZE(rows); i++) {
		struct regs r = { .rip = va, .rsp = va + PAGE_SIZE };
		struct trap t;

		memcpy(page, rows[i].code, sizeof(rows[i].code));
		r.rbx = USER_VA + 0x3000;
		r.r12 = 0x5678;
		user_run(&r, &t);
		CHECK_EQ(t.regs.vector, rows[i].vector);
		CHECK_EQ(t.regs.error, rows[i].error);
		CHECK_EQ(t.regs.rip, va + rows[i].length);
		CHECK_EQ(t.regs.rsp, va + PAGE_SIZE);
		CHECK_EQ(t.regs.cs & 3, 3);
		CHECK_EQ(t.regs.r12, 0x5678);
		if (rows[i].vector == 14)
			CHECK_EQ(t.cr2, USER_VA + 0x3000);
	}
}

/* The kernel's own half is not there for user mode. */
static void user_reads_kernel(void)
{
	static const uint8_t code[] = { 0x8a, 0x03, 0x0f, 0x05 };
	unsigned long va = USER_VA + 0x1000;
	unsigned long targets[] = {
		(unsigned long)&seen, start_info->pt_base, XEN_VA,
		P2M_BASE, 0xffff828000000000,
	};

	memcpy(user_map_page(va), code, sizeof(code));
	for (unsigned int i = 0; i < ARRAY_SIZE(targets); i++) {
		struct regs r = { .rip = va, .rsp = va + PAGE_SIZE };
		struct trap t;

		r.rbx = targets[i];
		user_run(&r, &t);
		CHECK_EQ(t.regs.vector, 14);
		CHECK_EQ(t.cr2, targets[i]);
		CHECK_EQ(t.regs.error & 4, 4);
	}
}

static const struct test_case cases[] = {
	{ "frame of int3", frame_of_int3 },
	{ "frame with events masked", frame_with_events_masked },
	{ "a handler that masks events", handler_that_masks },
	{ "flags are cleared for a handler", flags_cleared_for_handler },
	{ "single step", single_step },
	{ "simple exceptions", simple_exceptions },
	{ "page faults of a jump", page_fault_errors },
	{ "error codes of page faults", kernel_error_codes },
	{ "int 0x80 of the kernel", int_n_of_the_kernel },
	{ "int n without the right", int_n_without_right },
	{ "tables refused", table_refused },
	{ "a table without an end", table_without_end },
	{ "clear and load again", clear_and_load_again },
	{ "exceptions of user mode", user_exceptions },
	{ "user mode reads the kernel", user_reads_kernel },
};

TEST_PROGRAM(traps, "set_trap_table and exceptions", cases);
