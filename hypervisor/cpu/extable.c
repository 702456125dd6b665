/*
 * Instructions of the hypervisor that may fault, and where to go on then:
 * copies from and to guests, MSR accesses, the return to a guest.
 */
#include "extable.h"
#include "arch.h"

extern const struct extable_entry extable_start[], extable_end[];

uint64_t extable_find(uint64_t rip)
{
	const struct extable_entry *e;

	for (e = extable_start; e < extable_end; e++)
		if ((uint64_t)&e->insn + (int64_t)e->insn == rip)
			return (uint64_t)&e->fixup + (int64_t)e->fixup;
	return 0;
}

bool rdmsr_safe(uint32_t msr, uint64_t *v)
{
	uint32_t lo, hi;
	uint8_t ok = 1;

	__asm__ volatile("1: rdmsr; 2:"
			 ".pushsection .text.fixup, \"ax\";"
			 "3: xor %b2, %b2; xor %0, %0; xor %1, %1; jmp 2b;"
			 ".popsection;" EXTABLE("1b", "3b")
			 : "=a"(lo), "=d"(hi), "+q"(ok) : "c"(msr));
	*v = (uint64_t)hi << 32 | lo;
	return ok;
}

bool wrmsr_safe(uint32_t msr, uint64_t v)
{
	uint8_t ok = 1;

	__asm__ volatile("1: wrmsr; 2:"
			 ".pushsection .text.fixup, \"ax\";"
			 "3: xor %b0, %b0; jmp 2b;"
			 ".popsection;" EXTABLE("1b", "3b")
			 : "+q"(ok) : "c"(msr), "a"((uint32_t)v),
			   "d"((uint32_t)(v >> 32)) : "memory");
	return ok;
}
