/*
 * Network cards: the front end's side of <xen/io/netif.h>, one queue, one
 * frame a page, received by copy. Checksums are computed by the caller and by
 * the other side: none is left blank.
 *
 * Errors are -XEN_E...: EAGAIN no room now, EINVAL a frame of that length is
 * none, EIO the other side refused it, EILSEQ it breaks the rules.
 *
 * A card belongs to one thread at a time.
 */
#ifndef FRONTEND_NET_NET_H
#define FRONTEND_NET_NET_H

#include "frontend-drivers/ring/front.h"
#include "frontend-drivers/xenbus/device.h"

#define NET_MAC 6u
#define NET_FRAME_MIN 14u
#define NET_FRAME 1514u                 /* without the checksum */
#define NET_SLOTS 64u                   /* frames each way */

struct net_page {
	void *page;
	uint32_t ref;
	bool busy;                      /* the other side has it */
};

struct net {
	struct device device;
	uint8_t mac[NET_MAC];
	struct front_ring tx, rx;
	struct net_page tx_ring, rx_ring;
	struct net_page out[NET_SLOTS], in[NET_SLOTS];
	uint32_t port;
	bool has_port;
	uint64_t lost;                  /* frames that came damaged */
};

/* Connects card @id. -XEN_ETIMEDOUT at the time @until. */
int net_open(struct net *n, unsigned long id, uint64_t until);
/* Disconnects. An error says that the other side kept a page. */
int net_close(struct net *n, uint64_t until);

/* Sends a frame, which is copied: 0 or an error. */
int net_send(struct net *n, const void *frame, size_t len);
/* The next frame that has come: its length, 0 when there is none, an error. */
int net_receive(struct net *n, void *frame, size_t size);

#endif
