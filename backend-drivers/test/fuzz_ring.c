/*
 * libFuzzer target: a front end that writes what it likes into the shared
 * pages between our calls. Input: a byte for pages and stride, the first
 * index, then steps of five bytes (what to do, a word for it). Whatever
 * happens, memory stays in bounds (ASan), no assertion of ours falls, the
 * number of unanswered requests never exceeds the size, and a broken ring
 * stays broken.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backend-drivers/ring/ring.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(int truth)
{
	if (!truth)
		abort();
}

static void step(struct ring *r, uint8_t what, uint32_t word)
{
	bool was_broken = r->broken;
	uint8_t buf[128];
	int rc = 0;

	switch (what % 8) {
	case 0:
		r->shared->req_prod = word;
		return;
	case 1:
		r->shared->req_prod += word % (r->size + 2);
		return;
	case 2:
		((uint32_t *)r->shared)[word % (RING_PAGE / 4)] = word;
		return;
	case 3:
	case 4:
		rc = ring_take(r, buf, r->stride);
		break;
	case 5:
		if (ring_unanswered(r)) {
			memset(buf, word, sizeof(buf));
			ring_put(r, buf, r->stride);
		}
		break;
	case 6:
		(void)ring_push(r);
		break;
	case 7:
		rc = word & 1 ? ring_rest(r, 1 + word % r->size) :
				ring_waiting(r);
		break;
	}
	require(rc >= 0 || rc == -EPROTO);
	require(!was_broken || r->broken);
	require(ring_unanswered(r) <= r->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t strides[] = { 112, 108, 12, 8 };
	unsigned int pages;
	struct ring_shared *shared;
	struct ring ring;
	uint32_t word;

	if (size < 5)
		return 0;
	pages = 1u << (data[0] >> 2) % 3;
	/* Exactly so large that a step beyond the pages is seen. */
	shared = aligned_alloc(RING_PAGE, pages * RING_PAGE);
	memset(shared, 0, pages * RING_PAGE);
	memcpy(&word, data + 1, 4);
	shared->req_prod = shared->rsp_prod = word;
	require(!ring_attach(&ring, shared, pages, strides[data[0] & 3]));
	for (size_t at = 5; at + 5 <= size; at += 5) {
		memcpy(&word, data + at + 1, 4);
		step(&ring, data[at], word);
	}
	free(shared);
	return 0;
}
