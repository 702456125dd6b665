/*
 * Words of memory that another domain writes at the same time. Every access
 * to a shared page goes through these few functions: each reads or writes
 * every word exactly once, so that what was checked is what is used. The
 * pairs of acquire and release are those of the published ring protocol.
 */
#ifndef BACKEND_RING_SHARED_H
#define BACKEND_RING_SHARED_H

#include <stddef.h>
#include <stdint.h>

/* The head of the shared pages, as <xen/io/ring.h> lays it out. */
struct ring_shared {
	uint32_t req_prod;
	uint32_t req_event;
	uint32_t rsp_prod;
	uint32_t rsp_event;
	uint8_t pad[48];
};

static inline uint32_t shared_load(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_RELAXED);
}

/* What the peer wrote before it moved this index is visible afterwards. */
static inline uint32_t shared_load_acquire(const uint32_t *word)
{
	return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

static inline void shared_store(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELAXED);
}

/* The peer who sees this index sees all that we wrote before. */
static inline void shared_store_release(uint32_t *word, uint32_t value)
{
	__atomic_store_n(word, value, __ATOMIC_RELEASE);
}

/* Orders our store of one index before our load of the peer's. */
static inline void shared_fence(void)
{
	__atomic_thread_fence(__ATOMIC_SEQ_CST);
}

/*
 * Copies @len bytes, a multiple of 4 and aligned to 4, each word read once;
 * as words of eight bytes where they can be.
 */
static inline void shared_copy_in(void *to, const void *from, size_t len)
{
	const uint32_t *word = from;

	if (!(((uintptr_t)from | len) % 8)) {
		const uint64_t *wide = from;

		for (size_t i = 0; i < len / 8; i++) {
			uint64_t value = __atomic_load_n(&wide[i],
							 __ATOMIC_RELAXED);

			__builtin_memcpy((char *)to + 8 * i, &value, 8);
		}
		return;
	}
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t value = shared_load(&word[i]);

		__builtin_memcpy((char *)to + 4 * i, &value, 4);
	}
}

/* The other way, each word written once. */
static inline void shared_copy_out(void *to, const void *from, size_t len)
{
	uint32_t *word = to;

	if (!(((uintptr_t)to | len) % 8)) {
		uint64_t *wide = to;

		for (size_t i = 0; i < len / 8; i++) {
			uint64_t value;

			__builtin_memcpy(&value, (const char *)from + 8 * i, 8);
			__atomic_store_n(&wide[i], value, __ATOMIC_RELAXED);
		}
		return;
	}
	for (size_t i = 0; i < len / 4; i++) {
		uint32_t value;

		__builtin_memcpy(&value, (const char *)from + 4 * i, 4);
		shared_store(&word[i], value);
	}
}

#endif
