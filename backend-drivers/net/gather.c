/*
 * See gather.h. A front end publishes a packet's slots together: one whose
 * slots are not all there is broken.
 */
#include "backend-drivers/net/gather.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define ETHERNET_HEADER 14u

_Static_assert(sizeof(struct netif_extra_info) <=
	       sizeof(struct netif_tx_request), "extras fit a slot");

/* Takes a slot that must be there. */
static int take_more(struct ring *r, struct netif_tx_request *slot,
		     const char **why)
{
	int rc = ring_take(r, slot, sizeof(*slot));

	if (rc == 0) {
		*why = "slots of a packet are missing";
		return -EPROTO;
	}
	return rc < 0 ? rc : 0;
}

static int note_extra(struct tx_packet *p, const struct netif_extra_info *x,
		      const char **why)
{
	switch (x->type) {
	case XEN_NETIF_EXTRA_TYPE_GSO:
		if (!x->u.gso.size ||
		    (x->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
		     x->u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6)) {
			*why = "unknown kind of GSO";
			return -EPROTO;
		}
		p->gso_type = x->u.gso.type;
		p->gso_size = x->u.gso.size;
		return 0;
	case XEN_NETIF_EXTRA_TYPE_MCAST_ADD:
	case XEN_NETIF_EXTRA_TYPE_MCAST_DEL:
		p->kind = x->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ?
			  TX_GROUP_ADD : TX_GROUP_REMOVE;
		memcpy(p->group, x->u.mcast.addr, sizeof(p->group));
		return 0;
	case XEN_NETIF_EXTRA_TYPE_HASH:
		return 0;
	default:
		*why = "unknown extra information";
		return -EPROTO;
	}
}

static int take_extras(struct ring *r, struct tx_packet *p, const char **why)
{
	struct netif_tx_request slot;
	struct netif_extra_info x;
	int rc;

	do {
		rc = take_more(r, &slot, why);
		if (rc)
			return rc;
		memcpy(&x, &slot, sizeof(x));
		p->extras++;
		rc = note_extra(p, &x, why);
		if (rc)
			return rc;
	} while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
	return 0;
}

static void note_part(struct tx_packet *p, const struct netif_tx_request *req)
{
	p->id[p->parts] = req->id;
	p->part[p->parts] = (struct tx_part){
		.gref = req->gref, .offset = req->offset, .size = req->size,
	};
	p->parts++;
}

/* The parts behind the first; @rest is what they leave for the first. */
static int take_parts(struct ring *r, struct tx_packet *p, uint32_t *rest,
		      const char **why)
{
	struct netif_tx_request req;
	int rc;

	do {
		if (p->parts == TX_SLOTS_FATAL) {
			*why = "too many slots in a packet";
			return -EPROTO;
		}
		rc = take_more(r, &req, why);
		if (rc)
			return rc;
		if (req.offset + (uint32_t)req.size > RING_PAGE) {
			*why = "data crosses a page";
			return -EPROTO;
		}
		if (req.size > *rest)
			p->drop = true;
		else
			*rest -= req.size;
		note_part(p, &req);
	} while (req.flags & NETTXF_more_data);
	return 0;
}

int tx_gather(struct ring *r, struct tx_packet *p, const char **why)
{
	struct netif_tx_request first;
	uint32_t rest;
	int rc = ring_take(r, &first, sizeof(first));

	*why = "ring corrupted";
	if (rc != 1)
		return rc;
	p->kind = TX_PACKET;
	p->flags = first.flags;
	p->size = rest = first.size;
	p->gso_type = XEN_NETIF_GSO_TYPE_NONE;
	p->gso_size = 0;
	p->parts = p->extras = 0;
	p->drop = first.size < ETHERNET_HEADER;
	note_part(p, &first);
	if (first.flags & NETTXF_extra_info) {
		rc = take_extras(r, p, why);
		if (rc)
			return rc;
	}
	if (first.flags & NETTXF_more_data) {
		rc = take_parts(r, p, &rest, why);
		if (rc)
			return rc;
	}
	if (first.offset + rest > RING_PAGE && !p->drop) {
		*why = "data crosses a page";
		return -EPROTO;
	}
	p->part[0].size = (uint16_t)rest;
	if (p->parts > TX_SLOTS)
		p->drop = true;
	return 1;
}

void tx_answer(struct ring *r, const struct tx_packet *p, int status)
{
	struct netif_tx_response rsp = { .status = (int16_t)status };

	for (unsigned int i = 0; i < p->parts; i++) {
		rsp.id = p->id[i];
		ring_put(r, &rsp, sizeof(rsp));
	}
	rsp = (struct netif_tx_response){ .status = NETIF_RSP_NULL };
	for (unsigned int i = 0; i < p->extras; i++)
		ring_put(r, &rsp, sizeof(rsp));
}
