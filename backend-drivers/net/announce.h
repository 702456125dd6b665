/*
 * Telling the network where a guest is: bridges and switches learn an address
 * from what it sends, and after a guest has moved, resumed or got a new tap
 * they would send its frames elsewhere until it speaks. So we speak for it: a
 * reverse ARP request, which needs only its address, a few times, since ports
 * may take a moment to forward.
 */
#ifndef BACKEND_NET_ANNOUNCE_H
#define BACKEND_NET_ANNOUNCE_H

#include <stdint.h>

#include "backend-drivers/base/loop.h"
#include "backend-drivers/net/layers.h"

#define ANNOUNCE_FRAME 60u

struct announce {
	struct loop_timer timer;
	int tap;
	unsigned int sent;
	const uint8_t *mac;
};

/** The frame that makes @mac known. */
void announce_frame(uint8_t frame[ANNOUNCE_FRAME], const uint8_t *mac);

/** Begins to make @mac, which stays the caller's, known through @tap. */
void announce_begin(struct announce *a, int tap, const uint8_t *mac);
void announce_end(struct announce *a);

#endif
