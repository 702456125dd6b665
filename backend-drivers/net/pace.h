/*
 * Whether to wait for an event of the guest's, or to look at its ring again
 * by ourselves in a moment. An event costs us a dozen times what a packet
 * does; a guest that sends packets one by one, without a pause, is therefore
 * looked at every now and then instead. A guest that waits for each packet's
 * answer is not: it would wait longer.
 */
#ifndef BACKEND_NET_PACE_H
#define BACKEND_NET_PACE_H

#include <stdbool.h>
#include <stdint.h>

struct pace {
	bool polling;
	uint64_t rested;	/* us: when we last began to wait for an event */
	unsigned int quick;	/* events in a row that came soon after that */
	unsigned int needed;	/* so many of them make us poll; 0: the least */
};

/**
 * The ring has been emptied of @found packets. Returns after how many
 * microseconds to look again; 0: wait for an event. @now: loop_now_us().
 */
unsigned int pace_next(struct pace *p, unsigned int found, uint64_t now);

#endif
