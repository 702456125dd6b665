/*
 * Time for waiting: milliseconds that never run backwards.
 */
#ifndef TOOLSTACK_LIBVANE_WAIT_H
#define TOOLSTACK_LIBVANE_WAIT_H

#include <stdint.h>
#include <time.h>

static inline int64_t wait_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

#endif
