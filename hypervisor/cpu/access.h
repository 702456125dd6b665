/*
 * Instructions of the hypervisor that may fault, each with the place to go on
 * from: the exception table, which cpu/trap.c searches. Guest memory is
 * reached by these alone, in a range that the caller has checked
 * (guest_range_ok()), between user_access_begin() and user_access_end().
 */
#ifndef PV_ACCESS_H
#define PV_ACCESS_H

#include "arch.h"
#include "features.h"
#include "guest.h"

struct extable_entry {
	int32_t insn, fixup; /* relative to the field itself */
};

/* In inline assembly; the arguments are local labels. */
#define EXTABLE(insn, fixup) \
	".pushsection .extable, \"a\"; .balign 4;" \
	".long " insn " - .; .long " fixup " - .; .popsection;"
#define FIXUP(code) \
	".pushsection .text.fixup, \"ax\";" code ".popsection;"

static inline void user_access_begin(void)
{
	if (features.smap)
		stac();
}

static inline void user_access_end(void)
{
	if (features.smap)
		clac();
}

/*
 * One number to or from guest memory, of the type that ptr points at. A fault
 * of a store goes to the label; one of a load sets rc, an int, to -EFAULT and
 * leaves var undefined.
 */
#define GUEST_STORE(ptr, val, fault) \
	__asm__ goto("1: mov %0, %1; " EXTABLE("1b", "%l[" #fault "]") \
		     :: "r"((__typeof__(*(ptr)))(val)), "m"(*(ptr)) \
		     : "memory" : fault)
#define GUEST_LOAD(var, ptr, rc) \
	__asm__ volatile("1: mov %2, %0; 2:" \
			 FIXUP("3: movl %3, %1; jmp 2b;") EXTABLE("1b", "3b") \
			 : "=&r"(var), "+r"(rc) \
			 : "m"(*(ptr)), "i"(-EFAULT))

/* Copies n bytes; 0: all of them. */
static inline size_t copy_faulting(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;

	if (__builtin_constant_p(n) && n % 8 == 0)
		__asm__ volatile("1: rep movsq; 2:" EXTABLE("1b", "2b")
				 : "+c"(words), "+D"(dst), "+S"(src)
				 :: "memory");
	else
		__asm__ volatile("1: rep movsq; mov %3, %0; 2: rep movsb; 3:"
				 FIXUP("4: lea (%3, %0, 8), %0; jmp 3b;")
				 EXTABLE("1b", "4b") EXTABLE("2b", "3b")
				 : "+c"(words), "+D"(dst), "+S"(src)
				 : "r"(n & 7) : "memory");
	return words;
}

/* copy_from_guest_va() and copy_to_guest_va(), without the call. */
static inline int copy_in(void *dst, uint64_t va, size_t len)
{
	size_t left;

	if (unlikely(!guest_start_ok(va)))
		return -EFAULT;
	user_access_begin();
	left = copy_faulting(dst, (const void *)va, len);
	user_access_end();
	return unlikely(left) ? -EFAULT : 0;
}

static inline int copy_out(uint64_t va, const void *src, size_t len)
{
	size_t left;

	if (unlikely(!guest_start_ok(va)))
		return -EFAULT;
	user_access_begin();
	left = copy_faulting((void *)va, src, len);
	user_access_end();
	return unlikely(left) ? -EFAULT : 0;
}

/* A selector that the GDT or LDT does not have becomes null; sel: uint32_t. */
#define LOAD_SEL(seg, sel) \
	__asm__ volatile("1: mov %0, %%" #seg "; 2:" \
			 FIXUP("3: xor %0, %0; mov %0, %%" #seg "; jmp 2b;") \
			 EXTABLE("1b", "3b") : "+r"(sel))

#endif
