/*
 * Hypercalls that do not exist answer -ENOSYS, whatever number and arguments
 * they come with, and do nothing. Rule: <xen/xen.h>, the list of numbers; a
 * number is an index that must be bounded (security lesson 35).
 */
#include "tap.h"

static void unused_numbers(void)
{
	static const unsigned long nrs[] = {
		43, 44, 45, 46, 47, 56, 57, 58, 59, 60, 61, 62, 63, 64, 100,
		255, 256, 0x7fffffff, 0x80000000, 0xffffffff, 0x100000000,
		~0ul, 1ul << 63,
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(nrs); i++)
		CHECK_EQ(hypercall0(nrs[i]), -ENOSYS);
}

static void with_arguments(void)
{
	CHECK_EQ(hypercall6(60, ~0ul, NONCANONICAL, XEN_VA, 0, 1ul << 63,
			    UNMAPPED_VA), -ENOSYS);
}

/* Not offered, or not to a PV guest: kexec 37, tmem 38, argo 39, hvm_op 34. */
static void not_offered(void)
{
	CHECK_EQ(hypercall0(__HYPERVISOR_tmem_op), -ENOSYS);
}

/* All registers but rax, rcx and r11 and those of arguments are kept. */
static void registers_kept(void)
{
	unsigned long rbx = 0x1111, r12 = 0x2222, r13 = 0x3333, r14 = 0x4444;
	unsigned long r15 = 0x5555, rax = __HYPERVISOR_xen_version;

	__asm__ volatile(
		"mov %1, %%rbx\n mov %2, %%r12\n mov %3, %%r13\n"
		"mov %4, %%r14\n mov %5, %%r15\n"
		"xor %%edi, %%edi\n xor %%esi, %%esi\n syscall\n"
		"mov %%rbx, %1\n mov %%r12, %2\n mov %%r13, %3\n"
		"mov %%r14, %4\n mov %%r15, %5\n"
		: "+a"(rax), "+m"(rbx), "+m"(r12), "+m"(r13), "+m"(r14),
		  "+m"(r15)
		: : "rbx", "r12", "r13", "r14", "r15", "rdi", "rsi", "rdx",
		    "r10", "r8", "r9", "rcx", "r11", "memory", "cc");
	CHECK_EQ(rax, 4 << 16 | 17);
	CHECK_EQ(rbx, 0x1111);
	CHECK_EQ(r12, 0x2222);
	CHECK_EQ(r13, 0x3333);
	CHECK_EQ(r14, 0x4444);
	CHECK_EQ(r15, 0x5555);
}

static const struct test_case cases[] = {
	{ "unused numbers", unused_numbers },
	{ "with arguments", with_arguments },
	{ "calls that are not offered", not_offered },
	{ "registers are kept over a hypercall", registers_kept },
};

TEST_PROGRAM(unknown, "hypercalls that do not exist", cases);
