/*
 * Checksums and segmentation that one side leaves to the other, in the two
 * ways of saying it: flags and extra information of <xen/io/netif.h> on the
 * guest's side, struct virtio_net_hdr on the tap's. Pure functions over one
 * frame in private memory; the frame's contents are not trusted.
 */
#ifndef BACKEND_NET_OFFLOAD_H
#define BACKEND_NET_OFFLOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/virtio_net.h>

/* What the front end can take, as it says in the store. */
struct offload_features {
	bool sg;			/* more than one slot per packet */
	bool gso4, gso6;
	bool csum4, csum6;
};

/**
 * Describes a frame from a guest to the tap.
 *
 * @csum_blank: the guest left the TCP or UDP checksum to us; the field
 *              holds the sum of the pseudo header.
 * @gso_type: XEN_NETIF_GSO_TYPE_*, with segments of @gso_size bytes.
 *
 * Returns 0, or -EINVAL if the frame is not what it is said to be.
 */
int offload_to_tap(const uint8_t *frame, size_t len, bool csum_blank,
		   uint8_t gso_type, uint16_t gso_size,
		   struct virtio_net_hdr *h);

/* How a frame is told to the guest. */
struct rx_offload {
	uint16_t flags;			/* NETRXF_data_validated, csum_blank */
	uint8_t gso_type;
	uint16_t gso_size;
};

/**
 * Describes a frame from the tap to a guest. A checksum that the guest does
 * not want to complete is completed in @frame. Returns 0, or -EINVAL if the
 * guest cannot take such a frame.
 */
int offload_to_guest(uint8_t *frame, size_t len,
		     const struct virtio_net_hdr *h,
		     const struct offload_features *f, struct rx_offload *rx);

#endif
