/* The hypervisor reaches guest memory between these only, where SMAP is. */
#ifndef PV_USER_ACCESS_H
#define PV_USER_ACCESS_H

#include "features.h"

static inline void user_access_begin(void)
{
	if (features.smap)
		__asm__ volatile("stac" ::: "memory");
}

static inline void user_access_end(void)
{
	if (features.smap)
		__asm__ volatile("clac" ::: "memory");
}

#endif
