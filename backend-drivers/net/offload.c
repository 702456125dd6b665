/*
 * See offload.h.
 */
#include "backend-drivers/net/offload.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/layers.h"

#define TCP_MIN		20u
#define UDP_LEN		8u

static int say_csum(const struct layers *l, size_t len,
		    struct virtio_net_hdr *h)
{
	size_t min = l->proto == PROTO_TCP ? TCP_MIN : UDP_LEN;

	if (l->proto != PROTO_TCP && l->proto != PROTO_UDP)
		return -EINVAL;
	if (l->transport > len || len - l->transport < min)
		return -EINVAL;
	h->flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h->csum_start = (uint16_t)l->transport;
	h->csum_offset = l->proto == PROTO_TCP ? 16 : 6;
	return 0;
}

static int say_gso(const uint8_t *frame, size_t len, const struct layers *l,
		   uint8_t gso_type, uint16_t gso_size,
		   struct virtio_net_hdr *h)
{
	bool v6 = gso_type == XEN_NETIF_GSO_TYPE_TCPV6;
	size_t tcp;

	if (l->proto != PROTO_TCP || l->ipv6 != v6)
		return -EINVAL;
	tcp = (frame[l->transport + 12] >> 4) * 4u;
	if (tcp < TCP_MIN || len - l->transport < tcp)
		return -EINVAL;
	h->gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 :
			   VIRTIO_NET_HDR_GSO_TCPV4;
	h->gso_size = gso_size;
	h->hdr_len = (uint16_t)(l->transport + tcp);
	return 0;
}

int offload_to_tap(const uint8_t *frame, size_t len, bool csum_blank,
		   uint8_t gso_type, uint16_t gso_size,
		   struct virtio_net_hdr *h)
{
	struct layers l;
	int rc;

	memset(h, 0, sizeof(*h));
	if (!csum_blank)
		/* Segments need new checksums: GSO without is a mistake. */
		return gso_type == XEN_NETIF_GSO_TYPE_NONE ? 0 : -EINVAL;
	/* Only a first fragment has a transport header. */
	rc = layers_find(frame, len, &l);
	if (rc || l.headless)
		return rc ? rc : -EINVAL;
	rc = say_csum(&l, len, h);
	if (rc || gso_type == XEN_NETIF_GSO_TYPE_NONE)
		return rc;
	return say_gso(frame, len, &l, gso_type, gso_size, h);
}

/* The Internet checksum's sum over a range, folded. */
static uint16_t sum16(const uint8_t *at, size_t len)
{
	uint64_t sum = 0;

	for (; len > 1; at += 2, len -= 2)
		sum += get16(at);
	if (len)
		sum += (uint64_t)*at << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Completes a checksum whose field holds the pseudo header's sum. */
static int complete_csum(uint8_t *frame, size_t len,
			 const struct virtio_net_hdr *h)
{
	size_t start = h->csum_start, field = start + h->csum_offset;
	uint16_t sum;

	if (start >= len || field + 2 > len)
		return -EINVAL;
	sum = (uint16_t)~sum16(frame + start, len - start);
	/* UDP's "no checksum" is zero; its other form is meant. */
	if (!sum)
		sum = 0xffff;
	frame[field] = (uint8_t)(sum >> 8);
	frame[field + 1] = (uint8_t)sum;
	return 0;
}

static int guest_gso(const struct virtio_net_hdr *h,
		     const struct offload_features *f, struct rx_offload *rx)
{
	switch (h->gso_type & ~VIRTIO_NET_HDR_GSO_ECN) {
	case VIRTIO_NET_HDR_GSO_NONE:
		return 0;
	case VIRTIO_NET_HDR_GSO_TCPV4:
		rx->gso_type = XEN_NETIF_GSO_TYPE_TCPV4;
		rx->gso_size = h->gso_size;
		return f->gso4 ? 0 : -EINVAL;
	case VIRTIO_NET_HDR_GSO_TCPV6:
		rx->gso_type = XEN_NETIF_GSO_TYPE_TCPV6;
		rx->gso_size = h->gso_size;
		return f->gso6 ? 0 : -EINVAL;
	default:
		return -EINVAL;
	}
}

int offload_to_guest(uint8_t *frame, size_t len,
		     const struct virtio_net_hdr *h,
		     const struct offload_features *f, struct rx_offload *rx)
{
	struct layers l;
	int rc;

	*rx = (struct rx_offload){ 0 };
	rc = guest_gso(h, f, rx);
	if (rc)
		return rc;
	if (h->flags & VIRTIO_NET_HDR_F_DATA_VALID)
		rx->flags |= NETRXF_data_validated;
	if (!(h->flags & VIRTIO_NET_HDR_F_NEEDS_CSUM))
		return 0;
	/* A guest finds the checksum by itself: only in TCP and UDP. */
	if (!layers_find(frame, len, &l) && !l.headless &&
	    l.transport == h->csum_start &&
	    (l.proto == PROTO_TCP || l.proto == PROTO_UDP) &&
	    (l.ipv6 ? f->csum6 : f->csum4)) {
		rx->flags |= NETRXF_csum_blank | NETRXF_data_validated;
		return 0;
	}
	return rx->gso_type ? -EINVAL : complete_csum(frame, len, h);
}
