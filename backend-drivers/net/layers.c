/* See layers.h. */
#include "backend-drivers/net/layers.h"

#include <errno.h>

#define VLAN_LEN	4u
#define TYPE_VLAN	0x8100u
#define TYPE_IPV4	0x0800u
#define TYPE_IPV6	0x86ddu
#define IPV4_MIN	20u
#define IPV6_LEN	40u

static int find_ipv4(const uint8_t *frame, size_t len, size_t at,
		     struct layers *l)
{
	size_t header;
	uint16_t piece;

	if (len < at + IPV4_MIN)
		return -EINVAL;
	header = (frame[at] & 15u) * 4u;
	if (frame[at] >> 4 != 4 || header < IPV4_MIN)
		return -EINVAL;
	piece = get16(frame + at + 6);
	*l = (struct layers){
		.proto = frame[at + 9], .network = at,
		.transport = at + header,
		.fragment = piece & 0x3fff, .headless = piece & 0x1fff,
	};
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
	size_t network = at;
	uint8_t next;

	if (len < at + IPV6_LEN || frame[at] >> 4 != 6)
		return -EINVAL;
	next = frame[at + 6];
	at += IPV6_LEN;
	while (is_extension(next)) {
		if (len < at + 8)
			return -EINVAL;
		next = frame[at];
		at += frame[at + 1] * 8u + 8u;
	}
	*l = (struct layers){
		.ipv6 = true, .proto = next, .network = network,
		.transport = at,
	};
	return 0;
}

uint16_t layers_type(const uint8_t *frame, size_t len, size_t *body)
{
	uint16_t type;

	*body = ETHER_LEN;
	if (len < ETHER_LEN)
		return 0;
	type = get16(frame + 12);
	if (type != TYPE_VLAN)
		return type;
	*body += VLAN_LEN;
	return len < ETHER_LEN + VLAN_LEN ? 0 : get16(frame + 16);
}

int layers_find(const uint8_t *frame, size_t len, struct layers *l)
{
	size_t body;
	uint16_t type = layers_type(frame, len, &body);

	if (type == TYPE_IPV4)
		return find_ipv4(frame, len, body, l);
	if (type == TYPE_IPV6)
		return find_ipv6(frame, len, body, l);
	return -EINVAL;
}
