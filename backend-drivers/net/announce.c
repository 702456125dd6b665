/* See announce.h. */
#include "backend-drivers/net/announce.h"

#include <string.h>
#include <sys/uio.h>

#include <linux/virtio_net.h>

/* Milliseconds to the next one. */
static const unsigned int pauses[] = { 50, 200, 1000 };
#define TIMES (sizeof(pauses) / sizeof(pauses[0]))

void announce_frame(uint8_t frame[ANNOUNCE_FRAME], const uint8_t *mac)
{
	/* RARP; hardware Ethernet, protocol IPv4, lengths, request. */
	static const uint8_t head[] = {
		0x80, 0x35, 0, 1, 8, 0, 6, 4, 0, 3,
	};

	memset(frame, 0, ANNOUNCE_FRAME);
	memset(frame, 0xff, ETHER_ADDRESS);
	memcpy(frame + ETHER_SOURCE, mac, ETHER_ADDRESS);
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 22, mac, ETHER_ADDRESS);	/* the sender's */
	memcpy(frame + 32, mac, ETHER_ADDRESS);	/* the one asked about */
}

static void announce(struct loop_timer *t)
{
	struct announce *a = container_of(t, struct announce, timer);
	struct virtio_net_hdr plain = { 0 };
	uint8_t frame[ANNOUNCE_FRAME];
	const struct iovec parts[] = {
		{ &plain, sizeof(plain) }, { frame, sizeof(frame) },
	};

	announce_frame(frame, a->mac);
	/* One that is lost has successors. */
	if (writev(a->tap, parts, 2) < 0)
		(void)0;
	if (a->sent < TIMES)
		loop_timer_set(&a->timer, pauses[a->sent++]);
}

void announce_begin(struct announce *a, int tap, const uint8_t *mac)
{
	a->timer.run = announce;
	a->tap = tap;
	a->mac = mac;
	a->sent = 0;
	announce(&a->timer);
}

void announce_end(struct announce *a)
{
	loop_timer_remove(&a->timer);
}
