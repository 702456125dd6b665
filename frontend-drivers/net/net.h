/*
 * Network cards: the front end's side of <xen/io/netif.h>, one queue, received
 * by copy. What it can do beyond plain frames of one page is the caller's
 * choice, as far as the other side offers it.
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
#define NET_FRAME_BIG 65535u            /* with NET_SG */
#define NET_SLOTS 64u                   /* pages each way */
#define NET_RING 256u                   /* slots of a ring, at most */

/* Features. */
#define NET_SG 1u       /* frames of several pages, up to NET_FRAME_BIG */
#define NET_CSUM 2u     /* checksums of TCP and UDP may be left blank */
#define NET_GSO 4u      /* TCP segments to be cut later; with SG and CSUM */
#define NET_SPLIT 8u    /* an event channel for each direction */
#define NET_GROUPS 16u  /* multicast frames only by net_group() */
#define NET_NOTIFY 32u  /* we tell when there is room for frames again */
#define NET_ALL (NET_SG | NET_CSUM | NET_GSO | NET_SPLIT | NET_NOTIFY)

struct net_page {
	void *page;
	uint32_t ref;
	bool busy;                      /* the other side has it */
};

/* What is not in the frame itself. */
struct net_extra {
	bool csum_blank;                /* holds the pseudo header's sum */
	uint8_t gso_type;               /* XEN_NETIF_GSO_TYPE_*; 0: none */
	uint16_t gso_size;              /* bytes of a segment */
};

struct net {
	struct device device;
	uint8_t mac[NET_MAC];
	unsigned int features;          /* as agreed */
	struct front_ring tx, rx;
	struct net_page tx_ring, rx_ring;
	struct net_page out[NET_SLOTS], in[NET_SLOTS];
	uint8_t posted[NET_RING];       /* page of in[] by place in the ring */
	uint32_t port, rx_port;         /* 0: none */
	uint64_t lost;                  /* frames that came damaged */
};

/*
 * Connects card @id with what is offered of @features. -XEN_ETIMEDOUT at the
 * time @until.
 */
int net_open(struct net *n, unsigned long id, unsigned int features,
	     uint64_t until);
/* Disconnects. An error says that the other side kept a page. */
int net_close(struct net *n, uint64_t until);

/* Sends a frame, which is copied: 0 or an error. @x: NULL for a plain one. */
int net_send(struct net *n, const void *frame, size_t len,
	     const struct net_extra *x);
/*
 * The next frame that has come: its length, 0 when there is none, an error.
 * @x: NULL if neither NET_CSUM nor NET_GSO was agreed on.
 */
int net_receive(struct net *n, void *frame, size_t size, struct net_extra *x);

/* With NET_GROUPS: receive frames to a multicast address, or no more. */
int net_group(struct net *n, const uint8_t address[NET_MAC], bool add);

#endif
