/* See hash.h. */
#include "backend-drivers/net/hash.h"

#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/layers.h"

#define ALL_TYPES (XEN_NETIF_CTRL_HASH_TYPE_IPV4 | \
		   XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP | \
		   XEN_NETIF_CTRL_HASH_TYPE_IPV6 | \
		   XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
#define PORTS 4u		/* both, of TCP and UDP */
#define FLOW_MAX 36u		/* two IPv6 addresses and ports */
#define OK XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER

/* --- what the front end asks for ------------------------------------------- */

uint32_t hash_set_algorithm(struct hash *h, uint32_t algorithm)
{
	if (algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
	    algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ)
		return INVALID;
	h->algorithm = algorithm;
	return OK;
}

uint32_t hash_types(const struct hash *h, uint32_t *types)
{
	if (h->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE)
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	*types = ALL_TYPES;
	return OK;
}

uint32_t hash_set_types(struct hash *h, uint32_t types)
{
	if (h->algorithm == XEN_NETIF_CTRL_HASH_ALGORITHM_NONE ||
	    types & ~(uint32_t)ALL_TYPES)
		return INVALID;
	h->types = types;
	return OK;
}

uint32_t hash_check_key(uint32_t size)
{
	return size > HASH_KEY ? XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW : OK;
}

void hash_put_key(struct hash *h, const uint8_t *key, uint32_t size)
{
	memset(h->key, 0, sizeof(h->key));
	memcpy(h->key, key, size);
}

uint32_t hash_set_map_size(struct hash *h, uint32_t size)
{
	if (size > HASH_MAP)
		return INVALID;
	h->map_size = size;
	memset(h->map, 0, sizeof(h->map));
	return OK;
}

uint32_t hash_check_map(const struct hash *h, uint32_t offset, uint32_t count)
{
	return offset > h->map_size || count > h->map_size - offset ?
		XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW : OK;
}

uint32_t hash_put_map(struct hash *h, const uint32_t *map, uint32_t offset,
		      uint32_t count, unsigned int queues)
{
	for (uint32_t i = 0; i < count; i++)
		if (map[i] >= queues)
			return INVALID;
	for (uint32_t i = 0; i < count; i++)
		h->map[offset + i] = (uint8_t)map[i];
	return OK;
}

/* --- a frame ----------------------------------------------------------------- */

static uint32_t get32(const uint8_t *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 |
	       (uint32_t)at[2] << 8 | at[3];
}

/*
 * For each bit of the flow that is set, the 32 bits of the key that begin at
 * its place; behind its end a key is zero.
 */
static uint32_t toeplitz(const uint8_t *key, const uint8_t *flow, size_t len)
{
	uint32_t window = get32(key), value = 0;

	for (size_t i = 0; i < len; i++) {
		uint8_t next = i + 4 < HASH_KEY ? key[i + 4] : 0;

		for (int bit = 7; bit >= 0; bit--) {
			if (flow[i] >> bit & 1)
				value ^= window;
			window = window << 1 | (next >> bit & 1);
		}
	}
	return value;
}

/*
 * Addresses, and ports behind them where there are any, as they stand in the
 * frame: source before destination. Returns the length of the addresses.
 */
static size_t flow_of(const uint8_t *frame, size_t len, const struct layers *l,
		      uint8_t flow[FLOW_MAX], bool *ports)
{
	size_t addresses = l->ipv6 ? 32 : 8;

	memcpy(flow, frame + l->network + (l->ipv6 ? 8 : 12), addresses);
	*ports = !l->fragment && l->transport <= len &&
		 len - l->transport >= PORTS &&
		 (l->proto == PROTO_TCP || l->proto == PROTO_UDP);
	if (*ports)
		memcpy(flow + addresses, frame + l->transport, PORTS);
	return addresses;
}

/* A connection's frames meet, and connections spread: no more is wanted. */
static uint32_t mix(const uint8_t *flow, size_t len)
{
	uint64_t value = 0;

	for (size_t i = 0; i < len; i += 4)
		value = (value ^ get32(flow + i)) * 0x9e3779b97f4a7c15u;
	return (uint32_t)(value >> 32);
}

/* The most special type that was asked for and fits; false: none does. */
static bool choose_type(uint32_t asked, const struct layers *l, bool tcp,
			uint8_t *type)
{
	uint8_t plain = l->ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6 :
				  _XEN_NETIF_CTRL_HASH_TYPE_IPV4;
	uint8_t special = l->ipv6 ? _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP :
				    _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP;

	*type = tcp && asked >> special & 1 ? special : plain;
	return asked >> *type & 1;
}

unsigned int hash_queue(const struct hash *h, const uint8_t *frame, size_t len,
			unsigned int queues, struct hash_value *value)
{
	bool asked = h->algorithm != XEN_NETIF_CTRL_HASH_ALGORITHM_NONE &&
		     h->types;
	uint8_t flow[FLOW_MAX];
	size_t addresses;
	struct layers l;
	bool ports;

	value->there = false;
	if ((queues == 1 && !asked) || layers_find(frame, len, &l))
		return 0;
	addresses = flow_of(frame, len, &l, flow, &ports);
	if (!asked)
		return mix(flow, addresses + (ports ? PORTS : 0)) % queues;
	if (!choose_type(h->types, &l, ports && l.proto == PROTO_TCP,
			 &value->type))
		return 0;
	value->there = true;
	if (value->type == _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP ||
	    value->type == _XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP)
		addresses += PORTS;
	value->value = toeplitz(h->key, flow, addresses);
	return h->map_size ? h->map[value->value % h->map_size] :
			     value->value % queues;
}
