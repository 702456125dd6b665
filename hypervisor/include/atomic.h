/*
 * Shared words are read and written through these. Memory order is that of
 * the C11 builtins they name.
 */
#ifndef PV_ATOMIC_H
#define PV_ATOMIC_H

#define READ_ONCE(x) __atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v) __atomic_store_n(&(x), (v), __ATOMIC_RELAXED)
#define load_acquire(p) __atomic_load_n((p), __ATOMIC_ACQUIRE)
#define store_release(p, v) __atomic_store_n((p), (v), __ATOMIC_RELEASE)
#define atomic_add(p, v) __atomic_fetch_add((p), (v), __ATOMIC_SEQ_CST)
#define atomic_sub(p, v) __atomic_fetch_sub((p), (v), __ATOMIC_SEQ_CST)
#define atomic_or(p, v) __atomic_fetch_or((p), (v), __ATOMIC_SEQ_CST)
#define atomic_and(p, v) __atomic_fetch_and((p), (v), __ATOMIC_SEQ_CST)
#define atomic_xchg(p, v) __atomic_exchange_n((p), (v), __ATOMIC_SEQ_CST)
/* *old is updated to what was found when the exchange fails. */
#define atomic_cmpxchg(p, old, new_) \
	__atomic_compare_exchange_n((p), (old), (new_), false, \
				    __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)
#define smp_mb() __atomic_thread_fence(__ATOMIC_SEQ_CST)
#define smp_wmb() __atomic_thread_fence(__ATOMIC_RELEASE)
#define smp_rmb() __atomic_thread_fence(__ATOMIC_ACQUIRE)

/* Bit operations on arrays of unsigned long that others touch too. */
static inline _Bool bit_test(const unsigned long *map, unsigned int bit)
{
	return READ_ONCE(map[bit / 64]) >> (bit % 64) & 1;
}

static inline _Bool bit_test_and_set(unsigned long *map, unsigned int bit)
{
	unsigned long m = 1UL << (bit % 64);

	return atomic_or(&map[bit / 64], m) & m;
}

static inline _Bool bit_test_and_clear(unsigned long *map, unsigned int bit)
{
	unsigned long m = 1UL << (bit % 64);

	return atomic_and(&map[bit / 64], ~m) & m;
}

#endif
