/*
 * From a guest's transmit ring to the tap: gather a batch of packets, copy
 * all their parts in one call, look at each frame, write all in one call.
 */
#include "backend-drivers/net/vif.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/gather.h"

#define BATCH WIRE_BATCH
#define ROOM (256u << 10)
#define HEADER sizeof(struct virtio_net_hdr)
/* So much of a frame lies side by side: what is looked at. */
#define HEADERS 512u
/* What a frame may take: its parts, the end of its first 512 bytes. */
#define FRAME_ROOM ((TX_SLOTS + 2) * RING_PAGE)

/*
 * A packet on its way, behind the tap's header. It lies in as many pieces as
 * it takes for each of its parts to lie within a page, since the kernel looks
 * up each page of ours that a grant copy touches.
 */
struct frame {
	struct tx_packet p;
	struct iovec piece[TX_SLOTS];	/* the first one begins with HEADER */
	unsigned int pieces;
	bool copy_failed;
	int status;			/* NETIF_RSP_* to answer with */
};

/* Filled and emptied within one call, so all interfaces share them. */
static struct frame batch[BATCH];
static struct grant_copies copies;
static uint8_t room[ROOM] __attribute__((aligned(RING_PAGE)));

/* Where the next frame's data begins: behind a header, on a page. */
static uint8_t *next_data(uint8_t *at)
{
	size_t end = (size_t)(at - room) + HEADER;

	return room + (end + RING_PAGE - 1) / RING_PAGE * RING_PAGE;
}

/* Where the part behind @at goes. */
static uint8_t *place(struct frame *f, uint8_t *at, uint16_t size)
{
	struct iovec *last = &f->piece[f->pieces - 1];
	size_t begun = (size_t)(at - room) % RING_PAGE;

	if (begun + size > RING_PAGE &&
	    (f->pieces > 1 || last->iov_len >= HEADER + HEADERS)) {
		at += RING_PAGE - begun;
		*++last = (struct iovec){ at, 0 };
		f->pieces++;
	}
	last->iov_len += size;
	return at;
}

/* Its data to @to. Returns its end. */
static uint8_t *copy_frame(struct vif *v, struct frame *f, uint8_t *to)
{
	f->piece[0] = (struct iovec){ to - HEADER, HEADER };
	f->pieces = 1;
	for (unsigned int i = 0; i < f->p.parts; i++) {
		const struct tx_part *part = &f->p.part[i];

		to = place(f, to, part->size);
		if (part->size)
			grant_copy_from(&copies, v->served.dev.domid, part->gref,
					part->offset, to, part->size,
					&f->copy_failed);
		to += part->size;
	}
	return to;
}

/* Gathers packets and their data. Returns what tx_gather() said last. */
static int gather(struct vif_queue *q, unsigned int *n, const char **why)
{
	struct vif *v = q->vif;
	uint8_t *at = next_data(room);
	int rc = 1;

	/* Room for the largest packet before it is taken from the ring. */
	for (*n = 0; *n < BATCH && rate_allows(&v->rate) &&
	     room + ROOM - at >= (ptrdiff_t)FRAME_ROOM; (*n)++) {
		struct frame *f = &batch[*n];

		rc = tx_gather(&q->tx, &f->p, why);
		if (rc != 1)
			break;
		f->copy_failed = false;
		if (f->p.drop || f->p.kind != TX_PACKET)
			continue;
		at = next_data(copy_frame(v, f, at));
		rate_spend(&v->rate, f->p.size);
	}
	grant_copies_run(&copies);
	return rc;
}

/* Looks at a frame. Returns the status to answer with; OKAY: it may go. */
static int judge(struct vif *v, struct frame *f)
{
	struct counts *c = &v->memory->counts;
	struct virtio_net_hdr h;
	uint8_t *data;
	size_t len;

	if (f->p.drop || f->copy_failed)
		goto refuse;
	data = (uint8_t *)f->piece[0].iov_base + HEADER;
	len = f->piece[0].iov_len - HEADER;
	if (offload_to_tap(data, len, f->p.flags & NETTXF_csum_blank,
			   f->p.gso_type, f->p.gso_size, &h))
		goto refuse;
	if (v->spoof_check && !own_address(v->mac, data, len)) {
		c->sent_filtered++;
		return NETIF_RSP_DROPPED;
	}
	memcpy(data - HEADER, &h, HEADER);
	return NETIF_RSP_OKAY;
refuse:
	c->sent_refused++;
	return NETIF_RSP_ERROR;
}

static int change_groups(struct groups *g, const struct tx_packet *p)
{
	if (p->kind == TX_GROUP_ADD)
		return groups_add(g, p->group) ? NETIF_RSP_ERROR :
						 NETIF_RSP_OKAY;
	groups_remove(g, p->group);
	return NETIF_RSP_OKAY;
}

/* Writes the frames of the batch that may go. */
static void send_batch(struct vif *v, unsigned int n)
{
	static struct wire_frame out[BATCH];
	static bool lost[BATCH];
	struct counts *c = &v->memory->counts;
	unsigned int going = 0;

	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &batch[i];

		if (f->p.kind == TX_PACKET && f->status == NETIF_RSP_OKAY)
			out[going++] = (struct wire_frame){ f->piece,
							    f->pieces };
	}
	if (going)
		wire_write(&v->wire, out, going, lost);
	going = 0;
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &batch[i];

		if (f->p.kind != TX_PACKET || f->status != NETIF_RSP_OKAY)
			continue;
		if (lost[going++]) {
			f->status = NETIF_RSP_DROPPED;
			c->sent_dropped++;
			continue;
		}
		c->sent++;
		c->sent_bytes += f->p.size;
	}
}

/* Does what the batch's packets ask for. */
static void carry_out(struct vif *v, unsigned int n)
{
	for (unsigned int i = 0; i < n; i++) {
		struct frame *f = &batch[i];

		f->status = f->p.kind == TX_PACKET ? judge(v, f) :
			    change_groups(&v->memory->groups, &f->p);
	}
	send_batch(v, n);
}

/* The ring is empty: an event, or a look of our own, comes next. */
static int rest(struct vif_queue *q)
{
	unsigned int us = pace_next(&q->pace, q->found, loop_now_us());

	q->found = 0;
	if (!us)
		return ring_rest(&q->tx, 1);
	loop_timer_set_us(&q->again, us);
	return 0;
}

int vif_transmit(struct vif_queue *q, const char **why)
{
	struct vif *v = q->vif;
	unsigned int n, wait = v->rate.bytes ?
			       rate_wait(&v->rate, loop_now()) : 0;
	int rc;

	if (wait) {
		v->memory->counts.waited_rate++;
		loop_timer_set(&v->pause, wait);
		return 0;
	}
	rc = gather(q, &n, why);
	carry_out(v, n);
	for (unsigned int i = 0; i < n; i++)
		tx_answer(&q->tx, &batch[i].p, batch[i].status);
	if (ring_push(&q->tx))
		port_notify(&q->tx_port);
	q->found += n;
	return rc ? rc : rest(q);
}
