/*
 * See proto.h. The published header describes the layout of the compiler at
 * hand; both layouts are tables of offsets here, and the 64-bit one is
 * asserted against the header.
 */
#include "backend-drivers/block/proto.h"

#include <stddef.h>
#include <string.h>

/* Where the layouts agree. */
#define AT_OP		0
#define AT_COUNT	1	/* of segments, u8; the inner op if indirect */
#define AT_INDIRECT_COUNT 2	/* u16 */
#define RSP_ID		0
#define RSP_OP		8
#define RSP_STATUS	10

static const struct blk_abi abis[] = {
	{ "x86_64-abi", 112, 16, 8, 16, 24, 24, 28 },
	{ "x86_32-abi", 108, 12, 4, 12, 20, 20, 24 },
};

#define SAME(where, type, member) \
	_Static_assert((where) == offsetof(type, member), #member)

SAME(8, struct blkif_request, id);
SAME(16, struct blkif_request, sector_number);
SAME(24, struct blkif_request, seg);
SAME(24, struct blkif_request_discard, nr_sectors);
SAME(28, struct blkif_request_indirect, indirect_grefs);
SAME(AT_INDIRECT_COUNT, struct blkif_request_indirect, nr_segments);
SAME(RSP_OP, struct blkif_response, operation);
SAME(RSP_STATUS, struct blkif_response, status);
_Static_assert(sizeof(struct blkif_request) == BLK_MAX_SLOT, "request");
_Static_assert(sizeof(struct blkif_response) == 16, "response");
_Static_assert(sizeof(struct blk_segment) ==
	       sizeof(struct blkif_request_segment), "segment");

const struct blk_abi *blk_abi_find(const char *name)
{
	if (!name)
		return &abis[0];
	for (size_t i = 0; i < sizeof(abis) / sizeof(abis[0]); i++)
		if (!strcmp(name, abis[i].name))
			return &abis[i];
	return NULL;
}

void blk_decode(const struct blk_abi *abi, const void *slot,
		struct blk_request *req)
{
	const uint8_t *at = slot;

	req->op = at[AT_OP];
	req->segments = at[AT_COUNT];
	req->indirect = req->op == BLKIF_OP_INDIRECT;
	req->discard_sectors = 0;
	memcpy(&req->id, at + abi->id, 8);
	memcpy(&req->sector, at + abi->sector, 8);
	if (req->indirect) {
		req->op = at[AT_COUNT];
		memcpy(&req->segments, at + AT_INDIRECT_COUNT, 2);
		memcpy(req->gref, at + abi->grefs, sizeof(req->gref));
	} else if (req->op == BLKIF_OP_DISCARD) {
		req->segments = 0;
		memcpy(&req->discard_sectors, at + abi->discard_count, 8);
	} else if (req->segments <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
		memcpy(req->seg, at + abi->segments,
		       req->segments * sizeof(req->seg[0]));
	}
}

/* True if [sector, sector + count) lies on the disk; no sum can wrap. */
static bool on_disk(const struct blk_limits *l, uint64_t sector,
		    uint64_t count)
{
	return sector <= l->sectors && count <= l->sectors - sector;
}

static int check_discard(const struct blk_limits *l,
			 const struct blk_request *req)
{
	if (!l->discard)
		return BLKIF_RSP_EOPNOTSUPP;
	if (l->read_only || !on_disk(l, req->sector, req->discard_sectors))
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

int blk_check_head(const struct blk_limits *l, const struct blk_request *req)
{
	uint32_t max = req->indirect ? BLK_MAX_SEGMENTS :
			BLKIF_MAX_SEGMENTS_PER_REQUEST;
	uint32_t min = 1;

	switch (req->op) {
	case BLKIF_OP_READ:
		break;
	case BLKIF_OP_WRITE:
		if (l->read_only)
			return BLKIF_RSP_ERROR;
		break;
	case BLKIF_OP_WRITE_BARRIER:
	case BLKIF_OP_FLUSH_DISKCACHE:
		if (req->indirect || (l->read_only && req->segments))
			return BLKIF_RSP_ERROR;
		min = 0;
		break;
	case BLKIF_OP_DISCARD:
		if (req->indirect)
			return BLKIF_RSP_ERROR;
		return check_discard(l, req);
	default:
		return BLKIF_RSP_EOPNOTSUPP;
	}
	if (req->segments < min || req->segments > max)
		return BLKIF_RSP_ERROR;
	return BLKIF_RSP_OKAY;
}

int blk_check_segments(const struct blk_limits *l,
		       const struct blk_request *req, uint32_t *bytes)
{
	uint32_t sectors = 0;

	for (unsigned int i = 0; i < req->segments; i++) {
		const struct blk_segment *s = &req->seg[i];

		if (s->last < s->first || s->last >= BLK_PAGE_SECTORS)
			return BLKIF_RSP_ERROR;
		sectors += s->last - s->first + 1u;
	}
	if (!on_disk(l, req->sector, sectors) ||
	    req->sector % l->block_sectors || sectors % l->block_sectors)
		return BLKIF_RSP_ERROR;
	*bytes = sectors * BLK_SECTOR;
	return BLKIF_RSP_OKAY;
}

void blk_encode(const struct blk_abi *abi, const struct blk_reply *reply,
		void *rsp)
{
	uint8_t *at = rsp;

	memset(rsp, 0, abi->response);
	memcpy(at + RSP_ID, &reply->id, 8);
	at[RSP_OP] = reply->op;
	memcpy(at + RSP_STATUS, &reply->status, 2);
}
