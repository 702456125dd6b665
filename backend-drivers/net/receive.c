/*
 * From the tap to the guest's receive rings. Response n answers request n:
 * front ends find their buffers by the place in the ring. A frame takes as
 * many requests as it has pages, and one more for each extra information.
 */
#include "backend-drivers/net/vif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define ROOM (512u << 10)
#define FRAME_MAX 65550u		/* 64 KiB and an Ethernet header */
#define HEADER sizeof(struct virtio_net_hdr)
#define NEED_MAX (FRAME_MAX / RING_PAGE + 3)
#define SLOTS 256u			/* answered per turn */
#define POLL_MS 10
#define ALONE 2u			/* frames that came one by one */
#define ALONE_MAX 16u			/* then it is tried again */

/* One slot to be answered: data, or extra information. */
struct slot {
	struct vif_queue *queue;
	bool failed;
	union {
		struct netif_rx_response rsp;
		struct netif_extra_info info;
	} u;
};

_Static_assert(sizeof(struct netif_extra_info) ==
	       sizeof(struct netif_rx_response), "extras fit a slot");

/* A frame, and what the guest is told about it. */
struct frame {
	uint8_t *data;
	size_t len;
	struct virtio_net_hdr h;	/* as the tap gave it */
	struct rx_offload offload;
	struct hash_value hash;
};

/* Filled and emptied within one call, so all interfaces share them. */
static struct slot slots[SLOTS];
static unsigned int used;
static struct grant_copies copies;
static uint8_t room[ROOM] __attribute__((aligned(RING_PAGE)));

/*
 * Where the next frame goes, header first: what is behind the header begins
 * on a page, so that each page of the guest's gets the whole of one of ours.
 */
static uint8_t *next_place(uint8_t *at)
{
	size_t end = (size_t)(at - room) + HEADER;

	return room + (end + RING_PAGE - 1) / RING_PAGE * RING_PAGE - HEADER;
}

static unsigned int slots_for(const struct frame *f)
{
	return (unsigned int)((f->len + RING_PAGE - 1) / RING_PAGE) +
	       (f->offload.gso_type ? 1 : 0) + (f->hash.there ? 1 : 0);
}

static struct slot *next_slot(struct vif_queue *q, uint32_t *gref)
{
	struct netif_rx_request req = { 0 };
	struct slot *s = &slots[used++];

	/* The caller saw that so many wait, and they cannot go back. */
	(void)ring_take(&q->rx, &req, sizeof(req));
	memset(s, 0, sizeof(*s));
	s->queue = q;
	s->u.rsp.id = req.id;
	*gref = req.gref;
	return s;
}

static struct netif_extra_info *put_extra(struct vif_queue *q, uint8_t type)
{
	uint32_t gref;
	struct slot *s = next_slot(q, &gref);

	memset(&s->u, 0, sizeof(s->u));
	s->u.info.type = type;
	return &s->u.info;
}

static void put_extras(struct vif_queue *q, const struct frame *f)
{
	struct netif_extra_info *x;

	if (f->offload.gso_type) {
		x = put_extra(q, XEN_NETIF_EXTRA_TYPE_GSO);
		x->u.gso.size = f->offload.gso_size;
		x->u.gso.type = f->offload.gso_type;
		if (f->hash.there)
			x->flags = XEN_NETIF_EXTRA_FLAG_MORE;
	}
	if (f->hash.there) {
		x = put_extra(q, XEN_NETIF_EXTRA_TYPE_HASH);
		x->u.hash.type = f->hash.type;
		x->u.hash.algorithm =
			XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ;
		memcpy(x->u.hash.value, &f->hash.value,
		       sizeof(x->u.hash.value));
	}
}

static void put_frame(struct vif_queue *q, const struct frame *f)
{
	const uint8_t *at = f->data;
	size_t len = f->len;
	bool first = true;

	while (len) {
		uint16_t part = len < RING_PAGE ? (uint16_t)len : RING_PAGE;
		uint32_t gref;
		struct slot *s = next_slot(q, &gref);

		grant_copy_to(&copies, q->vif->served.dev.domid, gref, 0, at, part,
			      &s->failed);
		s->u.rsp.status = (int16_t)part;
		at += part;
		len -= part;
		if (len)
			s->u.rsp.flags |= NETRXF_more_data;
		if (first) {
			s->u.rsp.flags |= f->offload.flags;
			if (f->offload.gso_type || f->hash.there)
				s->u.rsp.flags |= NETRXF_extra_info;
			put_extras(q, f);
		}
		first = false;
	}
}

/* Copies, and answers all slots used. */
static void flush(struct vif *v)
{
	grant_copies_run(&copies);
	for (unsigned int i = 0; i < used; i++) {
		if (slots[i].failed) {
			slots[i].u.rsp.status = NETIF_RSP_ERROR;
			v->memory->counts.received_dropped++;
		}
		ring_put(&slots[i].queue->rx, &slots[i].u,
			 sizeof(slots[i].u));
	}
	used = 0;
	for (unsigned int i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		if (ring_push(&q->rx))
			port_notify(q->rx_port.local ? &q->rx_port :
						       &q->tx_port);
	}
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
static int hold(struct vif_queue *q, struct frame *f, unsigned int need)
{
	struct vif *v = q->vif;
	int rc;

	/* As it was read: a checksum may just have been completed. */
	if (!(f->offload.flags & NETRXF_csum_blank))
		f->h.flags &= (uint8_t)~VIRTIO_NET_HDR_F_NEEDS_CSUM;
	v->held_len = HEADER + f->len;
	v->held = malloc(v->held_len);
	if (!v->held) {
		v->memory->counts.received_dropped++;
		return 1;
	}
	memcpy(v->held, &f->h, HEADER);
	memcpy(v->held + HEADER, f->data, f->len);
	rc = ring_rest(&q->rx, need);
	if (rc)
		return rc;
	v->memory->counts.waited_buffers++;
	loop_fd_set(&v->tap, 0);
	if (!v->rx_notify)
		loop_timer_set(&v->poll, POLL_MS);
	return 0;
}

/* The queue of a frame, or NULL: it is not for this guest. */
static struct vif_queue *judge(struct vif *v, struct frame *f)
{
	struct memory *m = v->memory;
	struct vif_queue *q;
	unsigned int need;

	if (v->groups && f->len >= ETHER_LEN &&
	    !groups_let(&m->groups, f->data)) {
		m->counts.received_filtered++;
		return NULL;
	}
	if (!offload_to_guest(f->data, f->len, &f->h, &v->features,
			      &f->offload)) {
		q = &v->queue[hash_queue(&m->hash, f->data, f->len, v->queues,
					 &f->hash)];
		need = slots_for(f);
		if (need <= q->rx.size &&
		    (f->len <= RING_PAGE || v->features.sg))
			return q;
	}
	m->counts.received_refused++;
	return NULL;
}

/*
 * Passes on one frame that was read to @at. Returns 1, 0 if it is held and
 * the ring has to wait, -EPROTO.
 */
static int pass(struct vif *v, uint8_t *at, size_t len)
{
	struct frame f = { .data = at + HEADER, .len = len - HEADER };
	struct vif_queue *q;
	unsigned int need;
	int waiting;

	memcpy(&f.h, at, HEADER);
	q = judge(v, &f);
	if (!q)
		return 1;
	need = slots_for(&f);
	waiting = ring_waiting(&q->rx);
	if (waiting < 0)
		return waiting;
	if ((unsigned int)waiting < need)
		return hold(q, &f, need);
	put_frame(q, &f);
	v->memory->counts.received++;
	v->memory->counts.received_bytes += f.len;
	return 1;
}

/*
 * Whether to look for one more frame. Where they come one by one that is a
 * system call in vain, and the loop tells of a frame that is there after all.
 */
static bool look_for_more(const struct vif *v, unsigned int found)
{
	return found != 1 || v->held || v->alone < ALONE;
}

static void note_found(struct vif *v, unsigned int found)
{
	if (found > 1 || v->alone >= ALONE_MAX)
		v->alone = 0;
	else if (found)
		v->alone++;
}

int vif_receive(struct vif *v, const char **why)
{
	unsigned int found = 0;
	uint8_t *at = next_place(room);
	int rc = 1;

	*why = "receive ring corrupted";
	while (rc == 1 && room + ROOM - at >= (ptrdiff_t)(FRAME_MAX + HEADER) &&
	       used + NEED_MAX <= SLOTS && look_for_more(v, found)) {
		size_t len = next_frame(v, at);

		if (!len) {
			loop_fd_set(&v->tap, EPOLLIN);
			rc = 0;
			break;
		}
		found++;
		rc = pass(v, at, len);
		at = next_place(at + len);
	}
	if (rc == 1 && !look_for_more(v, found)) {
		loop_fd_set(&v->tap, EPOLLIN);
		rc = 0;
	}
	if (!v->held)		/* else it is the guest that is slow */
		note_found(v, found);
	flush(v);
	return rc;
}
