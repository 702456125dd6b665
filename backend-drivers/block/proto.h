/*
 * Block requests as the ring carries them, <xen/io/blkif.h>, turned into one
 * form of ours, and checked. Nothing in here touches shared memory: what
 * comes in are private copies.
 *
 * Two layouts exist, of 64-bit and of 32-bit x86 front ends; they differ in
 * the alignment of 8-byte fields.
 */
#ifndef BACKEND_BLOCK_PROTO_H
#define BACKEND_BLOCK_PROTO_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>

#define BLK_SECTOR 512u			/* what the protocol counts in */
#define BLK_PAGE_SECTORS 8u		/* of a granted page */
#define BLK_MAX_SEGMENTS 256u		/* of an indirect request */
#define BLK_MAX_BYTES (BLK_MAX_SEGMENTS * BLK_PAGE_SECTORS * BLK_SECTOR)
#define BLK_MAX_SLOT 112u		/* bytes of a slot in any layout */

struct blk_abi {
	const char *name;		/* key `protocol` of the front end */
	uint8_t stride;			/* bytes per slot */
	uint8_t response;		/* bytes of a response */
	uint8_t id, sector;		/* offsets in a request */
	uint8_t segments, discard_count, grefs;
};

/** The layout called @name; the 64-bit one if NULL. NULL if unknown. */
const struct blk_abi *blk_abi_find(const char *name);

/* Exactly as an indirect page holds it. */
struct blk_segment {
	uint32_t gref;
	uint8_t first, last;		/* sectors of the page, inclusive */
	uint16_t pad;
};

struct blk_request {
	uint64_t id;
	uint64_t sector;
	uint64_t discard_sectors;
	uint8_t op;			/* the inner one if indirect */
	bool indirect;
	uint16_t segments;
	uint32_t gref[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST]; /* if indirect */
	struct blk_segment seg[BLK_MAX_SEGMENTS];
};

/* What a request is held against. */
struct blk_limits {
	uint64_t sectors;
	uint32_t block_sectors;		/* logical block, in sectors */
	bool read_only, discard;
};

/**
 * Fills @req from a copy of a slot. The segments of an indirect request are
 * not in the slot: the caller copies them to req->seg afterwards, once
 * blk_check_head() has found their number good.
 */
void blk_decode(const struct blk_abi *abi, const void *slot,
		struct blk_request *req);

/**
 * Checks all but the segments. Returns BLKIF_RSP_OKAY if work may begin,
 * else the status to answer with.
 */
int blk_check_head(const struct blk_limits *l, const struct blk_request *req);

/**
 * Checks the segments of a request with data, and that they stay on the
 * disk. Returns as above, and the data's length in @bytes.
 */
int blk_check_segments(const struct blk_limits *l,
		       const struct blk_request *req, uint32_t *bytes);

/* What is left of a request once it is done. */
struct blk_reply {
	uint64_t id;
	uint8_t op;
	int16_t status;
};

/** Writes a response of abi->response bytes. */
void blk_encode(const struct blk_abi *abi, const struct blk_reply *reply,
		void *rsp);

#endif
