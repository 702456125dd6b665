/*
 * Which frames pass. Towards the guest: if it asked for multicast control
 * (<xen/io/netif.h>), multicast frames only of the groups that it named; it
 * names them in its transmit ring. From the guest: if the interface is not
 * to be spoofed, only what bears its own address.
 */
#ifndef BACKEND_NET_FILTER_H
#define BACKEND_NET_FILTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "backend-drivers/net/layers.h"

#define GROUPS 64u

/* Plain data, so that a successor can be given it as it is. */
struct groups {
	uint32_t count;
	uint8_t address[GROUPS][ETHER_ADDRESS];
};

/** Returns 0, -EINVAL if it is no multicast address, -ENOSPC. */
int groups_add(struct groups *g, const uint8_t *address);
void groups_remove(struct groups *g, const uint8_t *address);

/** Whether a frame of >= ETHER_LEN bytes may go to who asked for @g alone. */
bool groups_let(const struct groups *g, const uint8_t *frame);

/**
 * Whether a frame bears the address @own as its sender's, in its Ethernet
 * header and, if it speaks of addresses (ARP and its reverse), there too.
 */
bool own_address(const uint8_t *own, const uint8_t *frame, size_t len);

#endif
