/* Copies from and to guest memory, through the running vCPU's page tables. */
#include "guest.h"
#include "user_access.h"
#include "extable.h"

/* Copies n bytes; returns how many were not copied. */
static inline size_t copy(void *dst, const void *src, size_t n)
{
	size_t words = n / 8;

	__asm__ volatile("1: rep movsq; mov %3, %0; 2: rep movsb; 3:"
			 ".pushsection .text.fixup, \"ax\";"
			 "4: lea (%3, %0, 8), %0; jmp 3b;"
			 ".popsection;" EXTABLE("1b", "4b") EXTABLE("2b", "3b")
			 : "+c"(words), "+D"(dst), "+S"(src)
			 : "r"(n & 7) : "memory");
	return words;
}

int copy_from_guest_va(void *dst, uint64_t va, size_t len)
{
	size_t left;

	if (!guest_range_ok(va, len))
		return -EFAULT;
	user_access_begin();
	left = copy(dst, (const void *)va, len);
	user_access_end();
	return left ? -EFAULT : 0;
}

int copy_to_guest_va(uint64_t va, const void *src, size_t len)
{
	size_t left;

	if (!guest_range_ok(va, len))
		return -EFAULT;
	user_access_begin();
	left = copy((void *)va, src, len);
	user_access_end();
	return left ? -EFAULT : 0;
}

/* Address of element index; false when anything overflows. */
static bool array_at(uint64_t *va, size_t size, uint64_t index,
		     uint64_t count, uint64_t *len)
{
	uint64_t off;

	return !__builtin_mul_overflow(index, size, &off) &&
	       !__builtin_add_overflow(*va, off, va) &&
	       !__builtin_mul_overflow(count, size, len);
}

int copy_array_from_guest(void *dst, uint64_t va, size_t size,
			  uint64_t index, uint64_t count)
{
	uint64_t len;

	if (!array_at(&va, size, index, count, &len))
		return -EFAULT;
	return copy_from_guest_va(dst, va, len);
}

int copy_array_to_guest(uint64_t va, const void *src, size_t size,
			uint64_t index, uint64_t count)
{
	uint64_t len;

	if (!array_at(&va, size, index, count, &len))
		return -EFAULT;
	return copy_to_guest_va(va, src, len);
}

/*
 * A single number. The result starts as a failure and is cleared behind the
 * store, so that a fault needs no code of its own.
 */
#define DEFINE_PUT(bits, suffix) \
int put_guest_u##bits(uint64_t va, uint##bits##_t val) \
{ \
	int rc = -EFAULT; \
\
	if (unlikely(!guest_range_ok(va, sizeof(val)))) \
		return rc; \
	user_access_begin(); \
	__asm__ volatile("1: mov" suffix " %2, %1; xor %0, %0; 2:" \
			 EXTABLE("1b", "2b") \
			 : "+r"(rc), "=m"(*(uint##bits##_t *)va) \
			 : "r"(val)); \
	user_access_end(); \
	return rc; \
}

DEFINE_PUT(32, "l")
DEFINE_PUT(64, "q")

int get_guest_u32(uint32_t *val, uint64_t va)
{
	int rc = -EFAULT;
	uint32_t v = 0;

	if (unlikely(!guest_range_ok(va, sizeof(v))))
		return rc;
	user_access_begin();
	__asm__ volatile("1: movl %2, %1; xor %0, %0; 2:"
			 EXTABLE("1b", "2b")
			 : "+r"(rc), "+r"(v) : "m"(*(uint32_t *)va));
	user_access_end();
	*val = v;
	return rc;
}
