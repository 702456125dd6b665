/*
 * See offload.h.
 */
#include "backend-drivers/net/offload.h"

#include <errno.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define ETHER_LEN	14u
#define VLAN_LEN	4u
#define TYPE_VLAN	0x8100u
#define TYPE_IPV4	0x0800u
#define TYPE_IPV6	0x86ddu
#define PROTO_TCP	6u
#define PROTO_UDP	17u
#define TCP_MIN		20u
#define UDP_LEN		8u

/* Where the transport header of a frame begins, and what it is. */
struct layers {
	bool ipv6;
	uint8_t proto;
	size_t transport;
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

static int find_ipv4(const uint8_t *frame, size_t len, size_t at,
		     struct layers *l)
{
	size_t header;

	if (len < at + 20)
		return -EINVAL;
	header = (frame[at] & 15u) * 4u;
	/* Only a first fragment has a transport header. */
	if (frame[at] >> 4 != 4 || header < 20 ||
	    get16(frame + at + 6) & 0x1fff)
		return -EINVAL;
	*l = (struct layers){ false, frame[at + 9], at + header };
	return 0;
}

/* Header extensions that may stand before the transport header. */
static bool is_extension(uint8_t next)
{
	return next == 0 || next == 43 || next == 60;
}

static int find_ipv6(const uint8_t *frame, size_t len, size_t at,
		     struct layers *l)
{
	uint8_t next;

	if (len < at + 40 || frame[at] >> 4 != 6)
		return -EINVAL;
	next = frame[at + 6];
	at += 40;
	while (is_extension(next)) {
		if (len < at + 8)
			return -EINVAL;
		next = frame[at];
		at += frame[at + 1] * 8u + 8u;
	}
	*l = (struct layers){ true, next, at };
	return 0;
}

static int find_layers(const uint8_t *frame, size_t len, struct layers *l)
{
	size_t at = ETHER_LEN;
	uint16_t type;

	if (len < ETHER_LEN)
		return -EINVAL;
	type = get16(frame + 12);
	if (type == TYPE_VLAN) {
		if (len < ETHER_LEN + VLAN_LEN)
			return -EINVAL;
		type = get16(frame + 16);
		at += VLAN_LEN;
	}
	if (type == TYPE_IPV4)
		return find_ipv4(frame, len, at, l);
	if (type == TYPE_IPV6)
		return find_ipv6(frame, len, at, l);
	return -EINVAL;
}

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
	rc = find_layers(frame, len, &l);
	if (rc)
		return rc;
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
	if (!find_layers(frame, len, &l) && l.transport == h->csum_start &&
	    (l.proto == PROTO_TCP || l.proto == PROTO_UDP) &&
	    (l.ipv6 ? f->csum6 : f->csum4)) {
		rx->flags |= NETRXF_csum_blank | NETRXF_data_validated;
		return 0;
	}
	return rx->gso_type ? -EINVAL : complete_csum(frame, len, h);
}
