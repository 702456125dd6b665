/*
 * libFuzzer target: what guests put into rings. The first byte chooses
 * between a block request (slot, disk, segments), a transmit ring, and a
 * frame with its offload flags. What is accepted must be harmless: on the
 * disk, within pages, within the frame.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/block/proto.h"
#include "backend-drivers/net/gather.h"
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

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (size < 3)
		return 0;
	if (data[0] % 3 == 0)
		block(data + 1, size - 1);
	else if (data[0] % 3 == 1)
		gather(data + 1, size - 1);
	else
		offload(data + 1, size - 1);
	return 0;
}
