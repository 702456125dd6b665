/*
 * Block requests: decoding of both layouts, and every refusal that the
 * protocol and our own limits ask for (<xen/io/blkif.h>). A guest that reads
 * beyond the disk, writes a read-only one or lies about its segments gets an
 * error for that request, never an I/O.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "backend-drivers/block/buffers.h"
#include "backend-drivers/block/limit.h"
#include "backend-drivers/block/proto.h"

#define DISK 1000u		/* sectors */
#define OK BLKIF_RSP_OKAY
#define ERR BLKIF_RSP_ERROR
#define NOT BLKIF_RSP_EOPNOTSUPP

static void put(uint8_t *slot, size_t at, uint64_t value, size_t len)
{
	memcpy(slot + at, &value, len);
}

/* The 32-bit layout is that of the published structs, packed to 4 bytes. */
struct __attribute__((packed, aligned(4))) request32 {
	uint8_t op, segments;
	uint16_t handle;
	uint64_t id, sector;
	struct blkif_request_segment seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
};

struct __attribute__((packed, aligned(4))) discard32 {
	uint8_t op, flag;
	uint16_t handle;
	uint64_t id, sector, count;
};

struct __attribute__((packed, aligned(4))) indirect32 {
	uint8_t op, inner;
	uint16_t segments;
	uint64_t id, sector;
	uint16_t handle, pad;
	uint32_t gref[8];
};

static void test_abi(void **state)
{
	(void)state;
	assert_string_equal(blk_abi_find(NULL)->name, "x86_64-abi");
	assert_string_equal(blk_abi_find("x86_32-abi")->name, "x86_32-abi");
	assert_null(blk_abi_find("arm-abi"));
	assert_null(blk_abi_find(""));
	assert_int_equal(blk_abi_find("x86_32-abi")->stride,
			 sizeof(struct request32));
	assert_int_equal(blk_abi_find("x86_64-abi")->stride,
			 sizeof(struct blkif_request));
}

static void check_decoded(const struct blk_request *r, int op, int segments)
{
	assert_int_equal(r->op, op);
	assert_int_equal(r->segments, segments);
	assert_int_equal(r->id, 0x1122334455667788u);
	assert_int_equal(r->sector, 0xabcdef0123456789u);
}

static void decode_both(const char *name, size_t id, size_t sector,
			size_t seg, size_t count, size_t gref)
{
	const struct blk_abi *abi = blk_abi_find(name);
	struct blk_request r;
	uint8_t slot[BLK_MAX_SLOT] = { 0 };

	put(slot, id, 0x1122334455667788u, 8);
	put(slot, sector, 0xabcdef0123456789u, 8);
	put(slot, 0, BLKIF_OP_WRITE, 1);
	put(slot, 1, 11, 1);
	put(slot, seg + 10 * 8, 0xdeadbeef, 4);
	put(slot, seg + 10 * 8 + 4, 0x0703, 2);
	blk_decode(abi, slot, &r);
	check_decoded(&r, BLKIF_OP_WRITE, 11);
	assert_false(r.indirect);
	assert_int_equal(r.seg[10].gref, 0xdeadbeef);
	assert_int_equal(r.seg[10].first, 3);
	assert_int_equal(r.seg[10].last, 7);

	put(slot, 0, BLKIF_OP_INDIRECT, 1);
	put(slot, 1, BLKIF_OP_READ, 1);
	put(slot, 2, 0x1234, 2);
	put(slot, gref, 0xcafe, 4);
	blk_decode(abi, slot, &r);
	check_decoded(&r, BLKIF_OP_READ, 0x1234);
	assert_true(r.indirect);
	assert_int_equal(r.gref[0], 0xcafe);

	put(slot, 0, BLKIF_OP_DISCARD, 1);
	put(slot, count, 0x123456789abcdef0u, 8);
	blk_decode(abi, slot, &r);
	check_decoded(&r, BLKIF_OP_DISCARD, 0);
	assert_int_equal(r.discard_sectors, 0x123456789abcdef0u);
}

static void test_decode(void **state)
{
	(void)state;
	decode_both("x86_64-abi", offsetof(struct blkif_request, id),
		    offsetof(struct blkif_request, sector_number),
		    offsetof(struct blkif_request, seg),
		    offsetof(struct blkif_request_discard, nr_sectors),
		    offsetof(struct blkif_request_indirect, indirect_grefs));
	decode_both("x86_32-abi", offsetof(struct request32, id),
		    offsetof(struct request32, sector),
		    offsetof(struct request32, seg),
		    offsetof(struct discard32, count),
		    offsetof(struct indirect32, gref));
}

static void test_encode(void **state)
{
	struct blk_reply r = { 0x1122334455667788u, 1, -2 };
	uint8_t rsp[16];
	uint64_t id;
	int16_t status;

	(void)state;
	for (int i = 0; i < 2; i++) {
		memset(rsp, 0xff, sizeof(rsp));
		blk_encode(blk_abi_find(i ? "x86_32-abi" : NULL), &r, rsp);
		memcpy(&id, rsp, 8);
		memcpy(&status, rsp + 10, 2);
		assert_int_equal(id, r.id);
		assert_int_equal(rsp[8], 1);
		assert_int_equal(status, -2);
	}
	assert_int_equal(rsp[12], 0xff);	/* 12 bytes, not one more */
}

static void test_head(void **state)
{
	static const struct {
		uint8_t op;
		uint16_t segments;
		uint8_t indirect, read_only, discard;
		int status;
	} row[] = {
		{ BLKIF_OP_READ, 1, 0, 0, 0, OK },
		{ BLKIF_OP_READ, 1, 0, 1, 0, OK },
		{ BLKIF_OP_READ, 11, 0, 0, 0, OK },
		{ BLKIF_OP_READ, 0, 0, 0, 0, ERR },
		{ BLKIF_OP_READ, 12, 0, 0, 0, ERR },
		{ BLKIF_OP_READ, 255, 0, 0, 0, ERR },
		{ BLKIF_OP_WRITE, 11, 0, 0, 0, OK },
		{ BLKIF_OP_WRITE, 11, 0, 1, 0, ERR },
		{ BLKIF_OP_WRITE, 0, 0, 0, 0, ERR },
		{ BLKIF_OP_READ, 256, 1, 0, 0, OK },
		{ BLKIF_OP_READ, 257, 1, 0, 0, ERR },
		{ BLKIF_OP_READ, 65535, 1, 0, 0, ERR },
		{ BLKIF_OP_READ, 0, 1, 0, 0, ERR },
		{ BLKIF_OP_WRITE, 256, 1, 0, 0, OK },
		{ BLKIF_OP_WRITE, 256, 1, 1, 0, ERR },
		{ BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0, 0, OK },
		{ BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 1, 0, OK },
		{ BLKIF_OP_FLUSH_DISKCACHE, 1, 0, 1, 0, ERR },
		{ BLKIF_OP_FLUSH_DISKCACHE, 0, 1, 0, 0, ERR },
		{ BLKIF_OP_WRITE_BARRIER, 0, 0, 0, 0, OK },
		{ BLKIF_OP_WRITE_BARRIER, 11, 0, 0, 0, OK },
		{ BLKIF_OP_WRITE_BARRIER, 12, 0, 0, 0, ERR },
		{ BLKIF_OP_WRITE_BARRIER, 1, 0, 1, 0, ERR },
		{ BLKIF_OP_WRITE_BARRIER, 1, 1, 0, 0, ERR },
		{ BLKIF_OP_DISCARD, 0, 0, 0, 1, OK },
		{ BLKIF_OP_DISCARD, 0, 0, 0, 0, NOT },
		{ BLKIF_OP_DISCARD, 0, 0, 1, 1, ERR },
		{ BLKIF_OP_DISCARD, 1, 1, 0, 1, ERR },
		{ BLKIF_OP_RESERVED_1, 1, 0, 0, 0, NOT },
		{ BLKIF_OP_INDIRECT, 1, 1, 0, 0, NOT },
		{ 255, 1, 0, 0, 0, NOT },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct blk_limits l = {
			DISK, 1, row[i].read_only, row[i].discard
		};
		struct blk_request r = {
			.op = row[i].op, .indirect = row[i].indirect,
			.segments = row[i].segments,
		};

		if (blk_check_head(&l, &r) != row[i].status)
			fail_msg("row %zu", i);
	}
}

static void test_discard(void **state)
{
	static const struct {
		uint64_t sector, count;
		int status;
	} row[] = {
		{ 0, DISK, OK }, { DISK, 0, OK }, { 999, 1, OK },
		{ 999, 2, ERR }, { DISK + 1, 0, ERR },
		{ 1, UINT64_MAX, ERR }, { UINT64_MAX, 2, ERR },
		{ UINT64_MAX - 1, 2, ERR },
	};
	struct blk_limits l = { DISK, 1, false, true };

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct blk_request r = {
			.op = BLKIF_OP_DISCARD, .sector = row[i].sector,
			.discard_sectors = row[i].count,
		};

		if (blk_check_head(&l, &r) != row[i].status)
			fail_msg("row %zu", i);
	}
}

static void test_segments(void **state)
{
	static const struct {
		uint64_t sector;
		uint8_t first, last, segments, block;
		int status;
		uint32_t bytes;
	} row[] = {
		{ 0, 0, 7, 1, 1, OK, 4096 },
		{ 0, 3, 3, 1, 1, OK, 512 },
		{ 0, 0, 7, 11, 1, OK, 45056 },
		{ 999, 0, 0, 1, 1, OK, 512 },
		{ 999, 0, 1, 1, 1, ERR, 0 },
		{ 1000, 0, 0, 1, 1, ERR, 0 },
		{ 999, 0, 0, 2, 1, ERR, 0 },
		{ UINT64_MAX, 0, 0, 1, 1, ERR, 0 },
		{ UINT64_MAX - 7, 0, 7, 1, 1, ERR, 0 },
		{ UINT64_MAX / 512 + 1, 0, 7, 1, 1, ERR, 0 },
		{ 0, 5, 4, 1, 1, ERR, 0 },
		{ 0, 0, 8, 1, 1, ERR, 0 },
		{ 0, 8, 8, 1, 1, ERR, 0 },
		{ 0, 255, 255, 1, 1, ERR, 0 },
		{ 0, 0, 255, 1, 1, ERR, 0 },
		{ 8, 0, 7, 1, 8, OK, 4096 },
		{ 4, 0, 7, 1, 8, ERR, 0 },
		{ 8, 0, 3, 1, 8, ERR, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct blk_limits l = { DISK, row[i].block, false, false };
		struct blk_request r = { .sector = row[i].sector,
					 .segments = row[i].segments };
		uint32_t bytes = 0;

		for (int s = 0; s < row[i].segments; s++)
			r.seg[s] = (struct blk_segment){
				1, row[i].first, row[i].last, 0
			};
		if (blk_check_segments(&l, &r, &bytes) != row[i].status ||
		    bytes != row[i].bytes)
			fail_msg("row %zu", i);
	}
}

/* The largest request there is fits the largest buffer, and no sum wraps. */
static void test_largest(void **state)
{
	static struct blk_request r;
	struct blk_limits l = { UINT64_MAX / 512, 1, false, false };
	uint32_t bytes;

	(void)state;
	r.segments = BLK_MAX_SEGMENTS;
	for (unsigned int i = 0; i < BLK_MAX_SEGMENTS; i++)
		r.seg[i].last = 7;
	assert_int_equal(blk_check_segments(&l, &r, &bytes), OK);
	assert_int_equal(bytes, BLK_MAX_BYTES);
}

static unsigned int chunks_made;

static void chunk_made(void *arg, unsigned int chunk, void *at, size_t size)
{
	assert_ptr_equal(arg, &chunks_made);
	assert_int_equal(chunk, chunks_made++);
	assert_non_null(at);
	assert_int_equal(size, BUFFERS_CHUNK);
}

static void test_buffers(void **state)
{
	struct buffers b = { .made = chunk_made, .arg = &chunks_made };
	void *all[BUFFERS_CHUNKS * 64], *one, *large[2];
	unsigned int in[BUFFERS_CHUNKS * 64], chunk;

	(void)state;
	one = buffers_get(&b, 20000, &chunk);
	assert_int_equal((uintptr_t)one % 4096, 0);
	memset(one, 1, 20000);
	buffers_put(&b, one, chunk);
	/* The same chunk, in smaller pieces; then others, all there may be. */
	for (unsigned int i = 0; i < BUFFERS_CHUNKS * 64; i++) {
		all[i] = buffers_get(&b, 4096, &in[i]);
		assert_non_null(all[i]);
		memset(all[i], (int)i, 4096);
		assert_int_equal(in[i], i / 64);
	}
	assert_int_equal(chunks_made, BUFFERS_CHUNKS);
	assert_null(buffers_get(&b, 1, &chunk));
	for (unsigned int i = 0; i < BUFFERS_CHUNKS * 64; i++)
		for (unsigned int k = 0; k < 4096; k += 1000)
			assert_int_equal(((uint8_t *)all[i])[k], i % 256);
	/* One free piece is of its size alone; a free chunk of any. */
	buffers_put(&b, all[7], in[7]);
	assert_null(buffers_get(&b, 4097, &chunk));
	assert_ptr_equal(buffers_get(&b, 4096, &chunk), all[7]);
	for (unsigned int i = 128; i < 192; i++)
		buffers_put(&b, all[i], in[i]);
	one = buffers_get(&b, BUFFERS_CHUNK, &chunk);
	assert_non_null(one);
	assert_int_equal(chunk, 2);
	assert_null(buffers_get(&b, 4096, &in[0]));
	for (unsigned int i = 0; i < 2; i++) {
		large[i] = buffers_get(&b, 1u << 20, &in[i]);
		memset(large[i], 1, 1u << 20);
	}
	assert_null(buffers_get(&b, 1u << 20, &chunk));
	buffers_put(&b, large[0], in[0]);
	large[0] = buffers_get(&b, 300000, &chunk);
	assert_non_null(large[0]);
	for (unsigned int i = 0; i < 2; i++)
		buffers_put(&b, large[i], BUFFERS_CHUNKS);
	for (unsigned int i = 0; i < BUFFERS_CHUNKS; i++)
		free(b.chunk[i].at);
}

/* No more than the rate and the burst, whatever the pieces and the times. */
static void test_limit(void **state)
{
	struct limit l;
	uint64_t now = 5000000, done = 0, wait;

	(void)state;
	limit_set(&l, 0, 0, now);
	limit_take(&l, 1u << 30);
	assert_int_equal(limit_wait(&l, now), 0);
	limit_set(&l, 1000, 50, now);
	for (int i = 0; i < 2000; i++) {
		wait = limit_wait(&l, now);
		if (!wait) {
			limit_take(&l, 7);
			done += 7;
			continue;
		}
		assert_true(wait <= 7000 + 2000);
		/* Looked at more often than needed: that is no gain. */
		now += wait / 3 + 1;
	}
	assert_true(done <= 50 + 7 + (now - 5000000) / 1000);
	assert_true(done >= (now - 5000000) / 1000 - 7);
	/* A piece larger than the burst goes, and is paid for afterwards. */
	now += 1000000;
	assert_int_equal(limit_wait(&l, now), 0);
	limit_take(&l, 1050);
	assert_in_range(limit_wait(&l, now), 1000000, 1003000);
	assert_in_range(limit_wait(&l, now + 500000), 500000, 503000);
	/* Days later, and at the highest rate. */
	limit_set(&l, UINT64_MAX, UINT64_MAX, now);
	limit_take(&l, 1ull << 42);
	assert_true(limit_wait(&l, now) > 0);
	assert_int_equal(limit_wait(&l, now + (1ull << 40)), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_abi),
		cmocka_unit_test(test_decode),
		cmocka_unit_test(test_encode),
		cmocka_unit_test(test_head),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_segments),
		cmocka_unit_test(test_largest),
		cmocka_unit_test(test_buffers),
		cmocka_unit_test(test_limit),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("block", tests, NULL, NULL);
}
