/*
 * Copying from and to guest memory: the one way in and out. Addresses are
 * virtual, in the page tables of the running vCPU (its kernel's, during a
 * hypercall); anything in the hypervisor's range or unmapped is -EFAULT.
 * Handles keep their type, so that a copy of the wrong thing does not compile.
 */
#ifndef PV_GUEST_H
#define PV_GUEST_H

#include "types.h"

#define HV_VIRT_START 0xffff800000000000UL /* L4 slots 256..271 are ours */
#define HV_VIRT_END 0xffff880000000000UL

static inline bool va_canonical(uint64_t va)
{
	return (uint64_t)((int64_t)(va << 16) >> 16) == va;
}

/* Outside the hypervisor's range for all of [va, va + len), no wrap. */
static inline bool guest_range_ok(uint64_t va, size_t len)
{
	return len == 0 ||
	       (va + len - 1 >= va &&
		(va + len <= 0x0000800000000000UL || va >= HV_VIRT_END));
}

/*
 * The same for accesses that go upwards from va: what begins below our range
 * meets the addresses that are not canonical first, and faults there.
 */
static inline bool guest_start_ok(uint64_t va)
{
	return va >> 43 != HV_VIRT_START >> 43;
}
static_assert(HV_VIRT_END - HV_VIRT_START == 1UL << 43, "guest_start_ok()");

/* 0 or -EFAULT; then part of the destination may hold anything. */
must_check int copy_from_guest_va(void *dst, uint64_t va, size_t len);
must_check int copy_to_guest_va(uint64_t va, const void *src, size_t len);
must_check int get_guest_u32(uint32_t *val, uint64_t va);
must_check int get_guest_pair(uint64_t val[2], uint64_t va);
must_check int put_guest_u32(uint64_t va, uint32_t val);
must_check int put_guest_u64(uint64_t va, uint64_t val);

#define handle_va(h) ((uint64_t)(h).p)
#define handle_null(h) ((h).p == NULL)

/* From the start of an array to count elements from index on; may overflow. */
static inline bool array_at(uint64_t *va, size_t size, uint64_t index,
			    uint64_t count, uint64_t *len)
{
	uint64_t off;

	return !__builtin_mul_overflow(index, size, &off) &&
	       !__builtin_add_overflow(*va, off, va) &&
	       !__builtin_mul_overflow(count, size, len);
}

/* count elements, from element index on; overflow is -EFAULT. */
#define copy_from_handle(dst, h, index, count) ({ \
	__typeof__(&*(dst)) d_ = (dst); \
	uint64_t va_ = handle_va(h), len_; \
	static_assert(sizeof(*d_) == sizeof(*(h).p), "handle type"); \
	array_at(&va_, sizeof(*d_), (index), (count), &len_) ? \
		copy_from_guest_va(d_, va_, len_) : -EFAULT; })
#define copy_to_handle(h, index, src, count) ({ \
	__typeof__(&*(src)) s_ = (src); \
	uint64_t va_ = handle_va(h), len_; \
	static_assert(sizeof(*s_) == sizeof(*(h).p), "handle type"); \
	array_at(&va_, sizeof(*s_), (index), (count), &len_) ? \
		copy_to_guest_va(va_, s_, len_) : -EFAULT; })

/* One structure behind a raw argument. */
#define get_guest(dst, va) copy_from_guest_va((dst), (va), sizeof(*(dst)))
#define put_guest(va, src) copy_to_guest_va((va), (src), sizeof(*(src)))

#endif
