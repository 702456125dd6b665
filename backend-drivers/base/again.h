/*
 * When to begin again after a death. Who has lived for a second is followed by
 * the next at once; one that dies young costs a pause, 0.1 s that doubles each
 * time up to 0.8: whoever knows how to kill a process does not get the machine
 * for it, and nobody else waits for a second.
 */
#ifndef BACKEND_BASE_AGAIN_H
#define BACKEND_BASE_AGAIN_H

#include "backend-drivers/base/loop.h"

#define AGAIN_OLD_MS 1000u
#define AGAIN_PAUSE_MS 100u
#define AGAIN_DOUBLINGS 3u

struct again {
	uint64_t born;		/* ms */
	unsigned int young;	/* early deaths in a row */
};

static inline void again_begun(struct again *a)
{
	a->born = loop_now();
}

static inline void again_ended(struct again *a)
{
	a->young = loop_now() - a->born < AGAIN_OLD_MS ? a->young + 1 : 0;
}

/** Milliseconds until the next may begin; 0: at once. */
static inline unsigned int again_pause(const struct again *a)
{
	unsigned int doublings = a->young - 1;

	if (!a->young)
		return 0;
	if (doublings > AGAIN_DOUBLINGS)
		doublings = AGAIN_DOUBLINGS;
	return AGAIN_PAUSE_MS << doublings;
}

#endif
