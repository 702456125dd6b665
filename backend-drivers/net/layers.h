/*
 * The headers of a frame: what lies where. Nothing of the frame is trusted;
 * every look is within its length.
 */
#ifndef BACKEND_NET_LAYERS_H
#define BACKEND_NET_LAYERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define ETHER_ADDRESS	6u
#define ETHER_SOURCE	6u		/* offset of the sender's address */
#define ETHER_LEN	14u
#define PROTO_TCP	6u
#define PROTO_UDP	17u

struct layers {
	bool ipv6;
	bool fragment;			/* of a larger packet */
	bool headless;			/* not its first one: no ports */
	uint8_t proto;
	size_t network;			/* offset of the IP header */
	size_t transport;		/* of what is behind it */
};

static inline uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] << 8 | at[1]);
}

/** What the frame carries, behind a VLAN tag too; 0 if it is too short. */
uint16_t layers_type(const uint8_t *frame, size_t len, size_t *body);

/**
 * Finds the IP and transport headers. l->transport may lie beyond the
 * frame's end. Returns 0, or -EINVAL if it is no IP packet.
 */
int layers_find(const uint8_t *frame, size_t len, struct layers *l);

#endif
