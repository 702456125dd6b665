/*
 * Marks that a program sets around a stretch of its run, for whoever watches
 * the machine from outside (tests/bench/flushes.c). Each is a no-op of seven
 * bytes with a displacement that no compiler makes; a machine that nobody
 * watches does nothing at them, in any mode.
 */
#ifndef GUEST_MARKS_H
#define GUEST_MARKS_H

#define MARK_BEGIN	0x6b72616d
#define MARK_END	0x6b72616e

#define MARK_TEXT_(number) "nopl " #number "(%%rax)"
#define MARK_TEXT(number) MARK_TEXT_(number)

static inline void mark_begin(void)
{
	__asm__ volatile(MARK_TEXT(MARK_BEGIN) : : : "memory");
}

static inline void mark_end(void)
{
	__asm__ volatile(MARK_TEXT(MARK_END) : : : "memory");
}

#endif
