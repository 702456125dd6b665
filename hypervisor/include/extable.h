/*
 * The exception table: instructions of the hypervisor that may fault, each
 * with the place to go on from (cpu/extable.c). EXTABLE() goes into inline
 * assembly; its arguments are local labels.
 */
#ifndef PV_EXTABLE_H
#define PV_EXTABLE_H

#include "types.h"

struct extable_entry {
	int32_t insn, fixup; /* relative to the field itself */
};

#define EXTABLE(insn, fixup) \
	".pushsection .extable, \"a\"; .balign 4;" \
	".long " insn " - .; .long " fixup " - .; .popsection;"

/*
 * One word to or from guest memory, on the paths that a guest takes thousands
 * of times a second. The caller has checked the range (guest_range_ok()) and
 * opened user access. A fault of a store goes to the label; one of a load sets
 * rc, an int, to -EFAULT and leaves var undefined.
 */
#define GUEST_STORE(ptr, val, fault) \
	__asm__ goto("1: movq %0, %1; " EXTABLE("1b", "%l[" #fault "]") \
		     :: "r"((uint64_t)(val)), "m"(*(uint64_t *)(ptr)) \
		     : "memory" : fault)
#define GUEST_LOAD(var, ptr, rc) \
	__asm__ volatile("1: movq %2, %0; 2:" \
			 ".pushsection .text.fixup, \"ax\";" \
			 "3: movl %3, %1; jmp 2b;" \
			 ".popsection;" EXTABLE("1b", "3b") \
			 : "=&r"(var), "+r"(rc) \
			 : "m"(*(const uint64_t *)(ptr)), "i"(-EFAULT))

uint64_t extable_find(uint64_t rip); /* 0: none */

#endif
