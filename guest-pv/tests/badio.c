/*
 * badio: what a front end must not do to a disk, done on purpose to xvda,
 * while xvdb must go on as if nothing had happened. It takes the front end's
 * ring into its own hands. A wrong request is answered with an error; a ring
 * that cannot be right ends the device, which can be opened again.
 */
#include "tap.h"
#include <xen/io/blkif.h>
#include "frontend-drivers/block/block.h"
#include "frontend-drivers/os.h"

#define SECONDS(n) ((n) * 1000000000ul)
#define BAD 51712ul
#define GOOD 51728ul

static struct block bad, good;
static uint8_t page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t table[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t other[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint32_t ref;

static uint64_t soon(void)
{
	return os_now() + SECONDS(20);
}

static bool good_goes_on(void)
{
	struct block_request r = {
		.op = BLOCK_READ, .sectors = 8, .data = other,
	};

	return block_do(&good, &r) == 0;
}

static const struct block_wishes plain;

static int open_bad(void)
{
	return block_open(&bad, BAD, &plain, soon());
}

static void both_connect(void)
{
	int rc;

	frontend_init();
	REQUIRE_EQ(open_bad(), 0);
	REQUIRE_EQ(block_open(&good, GOOD, &plain, soon()), 0);
	rc = os_grant(bad.device.backend, page, false);
	REQUIRE(rc > 0);
	ref = (uint32_t)rc;
	CHECK(good_goes_on());
}

/* A read of the first page, as it should be. */
static struct blkif_request honest(void)
{
	return (struct blkif_request){
		.operation = BLKIF_OP_READ, .nr_segments = 1, .id = 7,
		.handle = (blkif_vdev_t)BAD,
		.seg[0] = { .gref = ref, .last_sect = 7 },
	};
}

static void submit(const struct blkif_request *q)
{
	front_ring_put(&bad.queue[0].ring, q, sizeof(*q));
	if (front_ring_push(&bad.queue[0].ring))
		os_event_send(bad.queue[0].port);
}

/* The next answer: 1; 0 when none comes, or an error. */
static int next_answer(struct blkif_response *rsp)
{
	uint64_t end = soon();
	int rc = 0;

	while (!rc && os_now() < end) {
		uint32_t seen = os_events();

		rc = front_ring_take(&bad.queue[0].ring, rsp, sizeof(*rsp));
		if (!rc)
			os_wait(seen, end);
	}
	return rc;
}

/* Its status; 1: none comes. */
static int answer(void)
{
	struct blkif_response rsp;
	int rc = next_answer(&rsp);

	return rc > 0 ? rsp.status : rc ? rc : 1;
}

static int ask(const struct blkif_request *q)
{
	submit(q);
	return answer();
}

static void wrong_requests(void)
{
	struct blkif_request q = honest();

	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
	q.operation = 77;
	CHECK_EQ(ask(&q), BLKIF_RSP_EOPNOTSUPP);
	q = honest();
	q.nr_segments = 0;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.nr_segments = BLKIF_MAX_SEGMENTS_PER_REQUEST + 1;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.nr_segments = 255;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q = honest();
	q.seg[0].last_sect = 8;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.seg[0] = (struct blkif_request_segment){ ref, 5, 4 };
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q = honest();
	q.sector_number = bad.sectors;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.sector_number = UINT64_MAX;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.sector_number = UINT64_MAX - 7;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q = honest();
	q.seg[0].gref = UINT32_MAX;
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q.seg[0].gref = ref + 1; /* granted to nobody */
	CHECK_EQ(ask(&q), BLKIF_RSP_ERROR);
	q = honest();
	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/* A read whose segments stand in a page, which is @other. */
static struct blkif_request_indirect honest_indirect(uint32_t segments_ref)
{
	return (struct blkif_request_indirect){
		.operation = BLKIF_OP_INDIRECT, .indirect_op = BLKIF_OP_READ,
		.nr_segments = 12, .id = 7, .handle = (blkif_vdev_t)BAD,
		.indirect_grefs[0] = segments_ref,
	};
}

static int ask_indirect(const struct blkif_request_indirect *q)
{
	struct blkif_request slot;

	memset(&slot, 0, sizeof(slot));
	memcpy(&slot, q, sizeof(*q));
	return ask(&slot);
}

static void fill_segments(uint8_t first, uint8_t last)
{
	struct blkif_request_segment *seg = (void *)table;

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*seg); i++)
		seg[i] = (struct blkif_request_segment){ ref, first, last };
}

static void wrong_indirect_requests(void)
{
	static const uint16_t counts[] = { 0, 257, 512, 513, 65535 };
	int segments = os_grant(bad.device.backend, table, true);
	struct blkif_request_indirect q;

	REQUIRE(segments > 0);
	fill_segments(0, 7);
	q = honest_indirect((uint32_t)segments);
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < ARRAY_SIZE(counts); i++) {
		q.nr_segments = counts[i];
		CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	}
	q = honest_indirect((uint32_t)segments);
	q.indirect_op = BLKIF_OP_DISCARD;
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	q.indirect_op = BLKIF_OP_INDIRECT;
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_EOPNOTSUPP);
	q = honest_indirect(UINT32_MAX);
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	q = honest_indirect((uint32_t)segments);
	q.sector_number = bad.sectors - 8;	/* the first is on the disk */
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	fill_segments(3, 2);
	q = honest_indirect((uint32_t)segments);
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	fill_segments(0, 255);
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_ERROR);
	/* The page of segments is taken back while it is being read. */
	fill_segments(0, 7);
	for (int i = 0; i < 20; i++) {
		struct blkif_request slot;

		memset(&slot, 0, sizeof(slot));
		memcpy(&slot, &q, sizeof(q));
		submit(&slot);
		while (os_grant_end((uint32_t)segments))
			;
		CHECK(answer() <= 0);
		segments = os_grant(bad.device.backend, table, true);
		q = honest_indirect((uint32_t)segments);
	}
	CHECK_EQ(ask_indirect(&q), BLKIF_RSP_OKAY);
	CHECK(good_goes_on());
	REQUIRE_EQ(os_grant_end((uint32_t)segments), 0);
}

/* A grant ends while the request is under way: any answer will do. */
static void grant_taken_back(void)
{
	struct blkif_request q = honest();

	for (int i = 0; i < 20; i++) {
		submit(&q);
		while (os_grant_end(ref))
			;
		CHECK(answer() <= 0);
		ref = (uint32_t)os_grant(bad.device.backend, page, false);
		q = honest();
	}
	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/*
 * Requests change while they may be being read. So may their answers, which
 * come in the same slots: they are counted alone.
 */
static void requests_change(void)
{
	struct blkif_request q = honest();
	struct blkif_response rsp;
	volatile uint8_t *slots = (uint8_t *)(bad.queue[0].ring.head + 1);
	uint32_t seed = 1;

	for (int i = 0; i < 16; i++)
		front_ring_put(&bad.queue[0].ring, &q, sizeof(q));
	if (front_ring_push(&bad.queue[0].ring))
		os_event_send(bad.queue[0].port);
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525u + 1013904223u;
		slots[(seed >> 12) % 16 * sizeof(q) +
		      (seed >> 20) % sizeof(q)] = (uint8_t)(seed >> 4);
	}
	for (int i = 0; i < 16; i++)
		CHECK_EQ(next_answer(&rsp), 1);
	q = honest();
	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/* The device has ended; closed and opened, it works again. */
static void ends_and_comes_back(void)
{
	struct blkif_request q = honest();

	CHECK_EQ(device_await(&bad.device, DEVICE_ENDED, soon()),
		 XenbusStateClosing);
	CHECK(good_goes_on());
	REQUIRE_EQ(block_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
}

static void index_is(uint32_t value)
{
	WRITE_ONCE(bad.queue[0].ring.head->req_prod, value);
	os_event_send(bad.queue[0].port);
	ends_and_comes_back();
}

static void index_ahead(void)
{
	index_is(bad.queue[0].ring.req_prod + 1000);
	index_is(bad.queue[0].ring.req_prod + bad.queue[0].ring.size + 1);
	index_is(UINT32_MAX);
}

static void index_back(void)
{
	index_is(bad.queue[0].ring.req_prod - 1);
}

/* States that make no sense change nothing. */
static void states_without_sense(void)
{
	static const char *const states[] = {
		"1", "3", "2", "7", "77", "-1", "", "four", "4444444444444",
	};
	struct blkif_request q = honest();

	for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
		CHECK_EQ(device_tell_text(&bad.device, STORE_NO_TX, "state",
					  states[i]), 0);
		CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
	}
	CHECK_EQ(device_set_state(&bad.device, XenbusStateConnected), 0);
	CHECK(good_goes_on());
}

/* Gone without a word, with requests under way. */
static void leaves_at_once(void)
{
	struct blkif_request q = honest();

	for (int i = 0; i < 16; i++)
		front_ring_put(&bad.queue[0].ring, &q, sizeof(q));
	if (front_ring_push(&bad.queue[0].ring))
		os_event_send(bad.queue[0].port);
	REQUIRE_EQ(device_set_state(&bad.device, XenbusStateClosed), 0);
	REQUIRE_EQ(device_await(&bad.device, DEVICE_CLOSED, soon()),
		   XenbusStateClosed);
	CHECK(good_goes_on());
	REQUIRE_EQ(block_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
	CHECK_EQ(ask(&q), BLKIF_RSP_OKAY);
}

static const struct test_case cases[] = {
	{ "both disks connect", both_connect },
	{ "wrong requests are answered with errors", wrong_requests },
	{ "and so are wrong indirect ones", wrong_indirect_requests },
	{ "a grant is taken back under way", grant_taken_back },
	{ "requests change under way", requests_change },
	{ "an index far ahead ends the device", index_ahead },
	{ "an index that goes back ends it", index_back },
	{ "states without sense change nothing", states_without_sense },
	{ "a front end leaves at once", leaves_at_once },
};

TEST_PROGRAM_ALONE(badio, "a front end that does everything wrong", cases);
