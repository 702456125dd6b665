/*
 * From the guest's transmit ring to the tap: gather a batch of packets, copy
 * all their parts in one call, look at each frame and write it.
 */
#include "backend-drivers/net/vif.h"

#include <errno.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/gather.h"

#define BATCH 32
#define ROOM (256u << 10)
#define HEADER sizeof(struct virtio_net_hdr)

/* A packet on its way, its frame preceded by room for the tap's header. */
struct frame {
	struct tx_packet p;
	uint8_t *data;
	bool copy_failed;
};

/* Filled and emptied within one call, so all interfaces share them. */
static struct frame batch[BATCH];
static struct grant_copies copies;
static uint8_t room[ROOM] __attribute__((aligned(16)));

static void copy_frame(struct vif *v, struct frame *f)
{
	uint8_t *to = f->data;

	for (unsigned int i = 0; i < f->p.parts; i++) {
		const struct tx_part *part = &f->p.part[i];

		if (part->size)
			grant_copy_from(&copies, v->dev.domid, part->gref,
					part->offset, to, part->size,
					&f->copy_failed);
		to += part->size;
	}
}

/* Gathers packets and their data. Returns what tx_gather() said last. */
static int gather(struct vif *v, unsigned int *n, const char **why)
{
	uint8_t *at = room;
	int rc = 1;

	/* Room for the largest packet before it is taken from the ring. */
	for (*n = 0; *n < BATCH && rate_allows(&v->rate) &&
	     room + ROOM - at >=
	     (ptrdiff_t)(XEN_NETIF_MAX_TX_SIZE + HEADER); (*n)++) {
		struct frame *f = &batch[*n];

		rc = tx_gather(&v->tx, &f->p, why);
		if (rc != 1)
			break;
		f->copy_failed = false;
		f->data = at + HEADER;
		if (f->p.drop)
			continue;
		copy_frame(v, f);
		rate_spend(&v->rate, f->p.size);
		at = f->data + ((f->p.size + 15u) & ~15u);
	}
	grant_copies_run(&copies);
	return rc;
}

/* Sends one frame. Returns the status to answer with. */
static int send_frame(struct vif *v, struct frame *f)
{
	struct virtio_net_hdr h;
	uint8_t *start = f->data - HEADER;

	if (f->p.drop || f->copy_failed ||
	    offload_to_tap(f->data, f->p.size,
			   f->p.flags & NETTXF_csum_blank, f->p.gso_type,
			   f->p.gso_size, &h))
		return NETIF_RSP_ERROR;
	__builtin_memcpy(start, &h, HEADER);
	if (write(v->tap.fd, start, HEADER + f->p.size) < 0)
		return NETIF_RSP_DROPPED;
	return NETIF_RSP_OKAY;
}

int vif_transmit(struct vif *v, const char **why)
{
	unsigned int n, wait = rate_wait(&v->rate, loop_now());
	int rc;

	if (wait) {
		loop_timer_set(&v->pause, wait);
		return 0;
	}
	rc = gather(v, &n, why);
	for (unsigned int i = 0; i < n; i++) {
		int status = send_frame(v, &batch[i]);

		tx_answer(&v->tx, &batch[i].p, status);
		v->tx_frames++;
		if (status != NETIF_RSP_OKAY)
			v->tx_dropped++;
	}
	if (ring_push(&v->tx))
		port_notify(&v->tx_port);
	return rc ? rc : ring_rest(&v->tx, 1);
}
