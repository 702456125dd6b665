/*
 * From the tap to the guest's receive ring. Response n answers request n:
 * front ends find their buffers by the place in the ring. A frame takes as
 * many requests as it has pages, and one more if it is to be segmented.
 */
#include "backend-drivers/net/vif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define ROOM (256u << 10)
#define FRAME_MAX 65550u		/* 64 KiB and an Ethernet header */
#define HEADER sizeof(struct virtio_net_hdr)
#define SLOTS 256u			/* answered per turn */
#define POLL_MS 10

/* One slot to be answered: data, or extra information. */
struct slot {
	bool extra, failed;
	union {
		struct netif_rx_response rsp;
		struct netif_extra_info info;
	} u;
};

_Static_assert(sizeof(struct netif_extra_info) ==
	       sizeof(struct netif_rx_response), "extras fit a slot");

/* Filled and emptied within one call, so all interfaces share them. */
static struct slot slots[SLOTS];
static unsigned int used;
static struct grant_copies copies;
static uint8_t room[ROOM] __attribute__((aligned(16)));

static unsigned int slots_for(size_t len, const struct rx_offload *o)
{
	return (unsigned int)((len + RING_PAGE - 1) / RING_PAGE) +
	       (o->gso_type ? 1 : 0);
}

static struct slot *next_slot(struct vif *v, uint32_t *gref)
{
	struct netif_rx_request req = { 0 };
	struct slot *s = &slots[used++];

	/* The caller saw that so many wait, and they cannot go back. */
	(void)ring_take(&v->rx, &req, sizeof(req));
	memset(s, 0, sizeof(*s));
	s->u.rsp.id = req.id;
	*gref = req.gref;
	return s;
}

static void put_extra(struct vif *v, const struct rx_offload *o)
{
	uint32_t gref;
	struct slot *s = next_slot(v, &gref);

	memset(&s->u, 0, sizeof(s->u));
	s->extra = true;
	s->u.info.type = XEN_NETIF_EXTRA_TYPE_GSO;
	s->u.info.u.gso.size = o->gso_size;
	s->u.info.u.gso.type = o->gso_type;
}

static void put_frame(struct vif *v, const uint8_t *frame, size_t len,
		      const struct rx_offload *o)
{
	bool first = true;

	while (len) {
		uint16_t part = len < RING_PAGE ? (uint16_t)len : RING_PAGE;
		uint32_t gref;
		struct slot *s = next_slot(v, &gref);

		grant_copy_to(&copies, v->dev.domid, gref, 0, frame, part,
			      &s->failed);
		s->u.rsp.status = (int16_t)part;
		frame += part;
		len -= part;
		if (len)
			s->u.rsp.flags |= NETRXF_more_data;
		if (first) {
			s->u.rsp.flags |= o->flags;
			if (o->gso_type) {
				s->u.rsp.flags |= NETRXF_extra_info;
				put_extra(v, o);
			}
		}
		first = false;
	}
}

/* Copies, and answers all slots used. */
static void flush(struct vif *v)
{
	grant_copies_run(&copies);
	for (unsigned int i = 0; i < used; i++) {
		if (slots[i].failed)
			slots[i].u.rsp.status = NETIF_RSP_ERROR;
		ring_put(&v->rx, &slots[i].u, sizeof(slots[i].u));
	}
	used = 0;
	if (ring_push(&v->rx))
		port_notify(v->rx_port.local ? &v->rx_port : &v->tx_port);
}

/* The next frame, with its header, to @to. Returns its length, or 0. */
static size_t next_frame(struct vif *v, uint8_t *to)
{
	ssize_t n;

	if (v->held) {
		n = (ssize_t)v->held_len;
		memcpy(to, v->held, v->held_len);
		free(v->held);
		v->held = NULL;
		return (size_t)n;
	}
	n = read(v->tap.fd, to, FRAME_MAX + HEADER);
	return n > (ssize_t)HEADER ? (size_t)n : 0;
}

/* Keeps a frame until the guest has posted @need buffers. */
static int hold(struct vif *v, const uint8_t *frame, size_t len,
		unsigned int need)
{
	int rc;

	v->held = malloc(len);
	if (!v->held) {
		v->rx_dropped++;
		return 1;
	}
	memcpy(v->held, frame, len);
	v->held_len = len;
	rc = ring_rest(&v->rx, need);
	if (rc)
		return rc;
	loop_fd_set(&v->tap, 0);
	if (!v->rx_notify)
		loop_timer_set(&v->poll, POLL_MS);
	return 0;
}

/*
 * Passes on one frame that was read to @at. Returns 1, 0 if it is held and
 * the ring has to wait, -EPROTO.
 */
static int pass(struct vif *v, uint8_t *at, size_t len)
{
	uint8_t *frame = at + HEADER;
	struct virtio_net_hdr h;
	struct rx_offload o;
	unsigned int need;
	int waiting;

	memcpy(&h, at, HEADER);
	len -= HEADER;
	if (offload_to_guest(frame, len, &h, &v->features, &o))
		goto drop;
	need = slots_for(len, &o);
	if (need > v->rx.size || (need > 1 && !v->features.sg))
		goto drop;
	waiting = ring_waiting(&v->rx);
	if (waiting < 0)
		return waiting;
	if ((unsigned int)waiting < need) {
		/* As it was read: a checksum may just have been completed. */
		if (!(o.flags & NETRXF_csum_blank)) {
			h.flags &= ~VIRTIO_NET_HDR_F_NEEDS_CSUM;
			memcpy(at, &h, HEADER);
		}
		return hold(v, at, len + HEADER, need);
	}
	put_frame(v, frame, len, &o);
	v->rx_frames++;
	return 1;
drop:
	v->rx_dropped++;
	return 1;
}

int vif_receive(struct vif *v, const char **why)
{
	uint8_t *at = room;
	int rc = 1;

	*why = "receive ring corrupted";
	while (rc == 1 && room + ROOM - at >= (ptrdiff_t)(FRAME_MAX + HEADER) &&
	       used + FRAME_MAX / RING_PAGE + 2 <= SLOTS) {
		size_t len = next_frame(v, at);

		if (!len) {
			loop_fd_set(&v->tap, EPOLLIN);
			rc = 0;
			break;
		}
		rc = pass(v, at, len);
		at += (len + 15u) & ~(size_t)15u;
	}
	flush(v);
	return rc;
}
