/* See filter.h. */
#include "backend-drivers/net/filter.h"

#include <errno.h>
#include <string.h>

#define TYPE_ARP	0x0806u
#define TYPE_RARP	0x8035u
#define ARP_SENDER	8u	/* its hardware address, in the body */

static int find(const struct groups *g, const uint8_t *address)
{
	for (uint32_t i = 0; i < g->count; i++)
		if (!memcmp(g->address[i], address, ETHER_ADDRESS))
			return (int)i;
	return -1;
}

int groups_add(struct groups *g, const uint8_t *address)
{
	if (!(address[0] & 1))
		return -EINVAL;
	if (find(g, address) >= 0)
		return 0;
	if (g->count == GROUPS)
		return -ENOSPC;
	memcpy(g->address[g->count++], address, ETHER_ADDRESS);
	return 0;
}

void groups_remove(struct groups *g, const uint8_t *address)
{
	int at = find(g, address);

	if (at >= 0)
		memcpy(g->address[at], g->address[--g->count], ETHER_ADDRESS);
}

bool groups_let(const struct groups *g, const uint8_t *frame)
{
	static const uint8_t all[ETHER_ADDRESS] = {
		0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
	};

	return !(frame[0] & 1) || !memcmp(frame, all, ETHER_ADDRESS) ||
	       find(g, frame) >= 0;
}

bool own_address(const uint8_t *own, const uint8_t *frame, size_t len)
{
	size_t body;
	uint16_t type = layers_type(frame, len, &body);

	if (len < ETHER_LEN ||
	    memcmp(frame + ETHER_SOURCE, own, ETHER_ADDRESS))
		return false;
	if (type != TYPE_ARP && type != TYPE_RARP)
		return true;
	return len >= body + ARP_SENDER + ETHER_ADDRESS &&
	       !memcmp(frame + body + ARP_SENDER, own, ETHER_ADDRESS);
}
