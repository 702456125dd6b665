/*
 * libFuzzer target: what guests put into rings. The first byte chooses
 * between a block request (slot, disk, segments), a transmit ring, a frame
 * with its offload flags, and what a control ring asks for with a frame to be
 * steered by it. What is accepted must be harmless: on the disk, within
 * pages, within the frame, below the number of queues.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/block/proto.h"
#include "backend-drivers/net/filter.h"
#include "backend-drivers/net/gather.h"
#include "backend-drivers/net/hash.h"
#include "backend-drivers/net/offload.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void block(const uint8_t *data, size_t size)
{
	static struct blk_request req;
	uint8_t slot[BLK_MAX_SLOT] = { 0 }, flags = data[0];
	struct blk_limits l = {
		1u << (flags & 31), flags & 32 ? 8 : 1, flags & 64, flags & 1,
	};
	uint32_t bytes = 0;

	size--;
	memcpy(slot, data + 1, size < sizeof(slot) ? size : sizeof(slot));
	memset(req.seg, 0xff, sizeof(req.seg));
	blk_decode(blk_abi_find(flags & 128 ? "x86_32-abi" : NULL), slot,
		   &req);
	if (blk_check_head(&l, &req) || !req.segments)
		return;
	require(req.segments <= BLK_MAX_SEGMENTS);
	if (req.indirect && size > sizeof(slot)) {
		size -= sizeof(slot);
		memcpy(req.seg, data + 1 + sizeof(slot),
		       size < sizeof(req.seg) ? size : sizeof(req.seg));
	}
	if (blk_check_segments(&l, &req, &bytes))
		return;
	require(bytes && bytes <= req.segments * 4096u);
	require(req.sector < l.sectors);
	require(req.sector * 512 + bytes <= l.sectors * 512);
}

static void gather(const uint8_t *data, size_t size)
{
	struct ring_shared *page = aligned_alloc(RING_PAGE, RING_PAGE);
	struct ring ring;
	struct tx_packet p;
	const char *why;

	memset(page, 0, RING_PAGE);
	memcpy(page + 1, data, size < RING_PAGE - 64 ? size : RING_PAGE - 64);
	require(!ring_attach(&ring, page, 1, sizeof(struct netif_tx_request)));
	page->req_prod = (uint32_t)(size / 12) % 257;
	while (tx_gather(&ring, &p, &why) == 1) {
		uint32_t sum = 0;

		require(p.parts >= 1 && p.parts <= TX_SLOTS_FATAL);
		for (unsigned int i = 0; i < p.parts && !p.drop; i++) {
			require(p.part[i].offset + p.part[i].size <= 4096);
			sum += p.part[i].size;
		}
		require(p.drop || (sum == p.size && p.size >= 14));
		tx_answer(&ring, &p, 0);
	}
	require(ring_unanswered(&ring) <= ring.size);
	free(page);
}

static void offload(const uint8_t *data, size_t size)
{
	struct offload_features f = {
		true, data[0] & 1, data[0] & 2, data[0] & 4, data[0] & 8,
	};
	struct virtio_net_hdr h;
	struct rx_offload o;
	uint8_t *frame;

	if (size < 2 + sizeof(h) + 1)
		return;
	memcpy(&h, data + 2, sizeof(h));
	size -= 2 + sizeof(h);
	frame = malloc(size);	/* exactly: ASan sees a look beyond */
	memcpy(frame, data + 2 + sizeof(h), size);
	(void)offload_to_guest(frame, size, &h, &f, &o);
	if (!offload_to_tap(frame, size, data[0] & 16, data[1] % 4, 1000,
			    &h) && h.flags) {
		require(h.csum_start + h.csum_offset + 2u <= size);
		require(h.hdr_len <= size);
	}
	free(frame);
}

/* One request of a control ring: the table that it brings is its data. */
static void control(struct hash *h, const uint32_t q[4], unsigned int queues)
{
	uint32_t types, map[HASH_MAP];

	memset(map, (int)(q[3] % (queues + 1)), sizeof(map));
	for (size_t i = 0; i < HASH_MAP; i++)
		map[i] &= 0xff;
	switch (q[0] % 6) {
	case 0:
		(void)hash_set_algorithm(h, q[1] % 3);
		break;
	case 1:
		(void)hash_types(h, &types);
		break;
	case 2:
		(void)hash_set_types(h, q[1] % 32);
		break;
	case 3:
		if (!hash_check_key(q[1]))
			hash_put_key(h, (const uint8_t *)map, q[1]);
		break;
	case 4:
		(void)hash_set_map_size(h, q[1] % (HASH_MAP + 2));
		break;
	default:
		if (hash_check_map(h, q[2], q[1]))
			break;
		require(q[2] + q[1] <= HASH_MAP);
		(void)hash_put_map(h, map, q[2], q[1], queues);
	}
}

static void steer(const uint8_t *data, size_t size)
{
	unsigned int queues = data[0] % 8 + 1, requests = data[1] % 8;
	struct hash h = { 0 };
	struct groups g = { 0 };
	struct hash_value value;
	uint8_t *frame;

	data += 2;
	size -= 2;
	for (; requests && size >= 16; requests--, data += 16, size -= 16) {
		uint32_t q[4];

		memcpy(q, data, sizeof(q));
		control(&h, q, queues);
		(void)groups_add(&g, data);
	}
	if (!size)
		return;
	frame = malloc(size);	/* exactly: ASan sees a look beyond */
	memcpy(frame, data, size);
	require(hash_queue(&h, frame, size, queues, &value) < queues);
	require(!value.there || h.algorithm);
	if (size >= ETHER_LEN)
		(void)groups_let(&g, frame);
	(void)own_address((const uint8_t *)"\0\x16\x3e\0\0\1", frame, size);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	switch (data[0] % 4) {
	case 0:
		block(data + 1, size - 1);
		break;
	case 1:
		gather(data + 1, size - 1);
		break;
	case 2:
		offload(data + 1, size - 1);
		break;
	default:
		steer(data + 1, size - 1);
	}
	return 0;
}
