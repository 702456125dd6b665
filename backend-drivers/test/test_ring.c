/*
 * The ring reader and the byte stream against a front end that plays in the
 * same memory: well-behaved first, then hostile. The rules pinned here are
 * those of <xen/io/ring.h>: free-running indices, notification windows, and
 * of ours: nothing that the peer writes late changes what was taken, and an
 * index out of bounds ends the ring for good.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xen/xen.h>
#include <xen/io/blkif.h>
#include <xen/io/netif.h>
#include <xen/io/console.h>

#include "backend-drivers/ring/ring.h"
#include "backend-drivers/ring/stream.h"

#define PAGES 16u

/* The shared pages, and the front end's private half. */
struct peer {
	struct ring_shared *shared;
	struct ring ring;
	uint32_t req_prod;	/* as the front end counts */
	uint32_t rsp_cons;
};

static int setup(void **state)
{
	struct peer *p = calloc(1, sizeof(*p));

	p->shared = aligned_alloc(RING_PAGE, PAGES * RING_PAGE);
	memset(p->shared, 0, PAGES * RING_PAGE);
	p->shared->req_event = p->shared->rsp_event = 1;
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct peer *p = *state;

	free(p->shared);
	free(p);
	return 0;
}

static void *slot(struct peer *p, uint32_t index)
{
	return (char *)(p->shared + 1) +
	       (index & (p->ring.size - 1)) * p->ring.stride;
}

static void start_at(struct peer *p, uint32_t index, unsigned int pages,
		     uint32_t stride)
{
	p->shared->req_prod = p->shared->rsp_prod = index;
	p->req_prod = p->rsp_cons = index;
	assert_int_equal(ring_attach(&p->ring, p->shared, pages, stride), 0);
}

/* The front end puts one request; true if the back end wants an event. */
static int peer_send(struct peer *p, uint32_t value)
{
	uint32_t old = p->req_prod;

	memcpy(slot(p, old), &value, sizeof(value));
	p->shared->req_prod = ++p->req_prod;
	return p->req_prod - p->shared->req_event < p->req_prod - old;
}

static void test_layout(void **state)
{
	static const struct {
		uint32_t pages, stride, slots;
	} row[] = {
		{ 1, sizeof(struct blkif_request), 32 },
		{ 2, sizeof(struct blkif_request), 64 },
		{ 16, sizeof(struct blkif_request), 512 },
		{ 1, 108, 32 },		/* x86_32 block requests */
		{ 1, sizeof(struct netif_tx_request), 256 },
		{ 1, sizeof(struct netif_rx_request), 256 },
		{ 1, 4032, 1 },
	};
	struct peer *p = *state;
	struct blkif_sring *published = (void *)p->shared;

	assert_ptr_equal(&published->req_prod, &p->shared->req_prod);
	assert_ptr_equal(&published->req_event, &p->shared->req_event);
	assert_ptr_equal(&published->rsp_prod, &p->shared->rsp_prod);
	assert_ptr_equal(&published->rsp_event, &p->shared->rsp_event);
	assert_ptr_equal(published->ring, p->shared + 1);
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		assert_int_equal(ring_attach(&p->ring, p->shared, row[i].pages,
					     row[i].stride), 0);
		assert_int_equal(p->ring.size, row[i].slots);
	}
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 0), -EINVAL);
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 6), -EINVAL);
	assert_int_equal(ring_attach(&p->ring, p->shared, 0, 4), -EINVAL);
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 4036), -EINVAL);
}

/* Fills and empties a ring often enough to wrap slots and indices. */
static void round_trip(struct peer *p, uint32_t first, unsigned int pages)
{
	uint32_t sent = 0, taken = 0, value;

	start_at(p, first, pages, 12);
	for (int round = 0; round < 40; round++) {
		uint32_t burst = 1 + (uint32_t)round * 7 % p->ring.size;

		for (uint32_t i = 0; i < burst; i++)
			peer_send(p, sent++);
		assert_int_equal(ring_waiting(&p->ring), burst);
		while (ring_take(&p->ring, &value, sizeof(value)) == 1) {
			assert_int_equal(value, taken);
			taken++;
			value = ~value;
			ring_put(&p->ring, &value, sizeof(value));
		}
		assert_int_equal(taken, sent);
		ring_push(&p->ring);
		assert_int_equal(p->shared->rsp_prod, p->req_prod);
		for (uint32_t i = 0; i < burst; i++, p->rsp_cons++) {
			memcpy(&value, slot(p, p->rsp_cons), sizeof(value));
			assert_int_equal(~value, sent - burst + i);
		}
	}
}

static void test_round_trip(void **state)
{
	round_trip(*state, 0, 1);
	round_trip(*state, 0xffffff80u, 1);
	round_trip(*state, 0xfffffff0u, PAGES);
}

/* Every byte of a slot both ways, whatever the widths it is copied in. */
static void whole_slots(struct peer *p, uint32_t stride, uint32_t answer)
{
	uint8_t want[sizeof(struct blkif_request)], got[sizeof(want)];

	start_at(p, 0, 1, stride);
	for (uint32_t i = 0; i < 2 * p->ring.size; i++) {
		for (uint32_t k = 0; k < stride; k++)
			want[k] = (uint8_t)(i * 31 + k * 7 + 1);
		memcpy(slot(p, i), want, stride);
		p->shared->req_prod = ++p->req_prod;
		assert_int_equal(ring_take(&p->ring, got, stride), 1);
		assert_memory_equal(got, want, stride);
		for (uint32_t k = 0; k < answer; k++)
			want[k] = (uint8_t)~want[k];
		ring_put(&p->ring, want, answer);
		ring_push(&p->ring);
		/* What lies behind the answer stays. */
		assert_memory_equal(slot(p, i), want, stride);
	}
}

static void test_whole_slots(void **state)
{
	whole_slots(*state, 112, 16);
	whole_slots(*state, 108, 12);
	whole_slots(*state, 12, 4);
}

/* Published rule: notify if the awaited index lies in the pushed window. */
static void test_push_notifies(void **state)
{
	static const struct {
		uint32_t count, event;	/* responses; offset of rsp_event */
		int notify;
	} row[] = {
		{ 0, 1, 0 }, { 1, 0, 0 }, { 1, 1, 1 }, { 1, 2, 0 },
		{ 3, 1, 1 }, { 3, 3, 1 }, { 3, 4, 0 }, { 3, 0, 0 },
		{ 3, 0x80000000u, 0 },
	};
	static const uint32_t start[] = { 0, 5, 0xfffffffeu, 0xffffffffu };
	struct peer *p = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		for (size_t j = 0; j < 4; j++) {
			uint32_t value = 0;

			start_at(p, start[j], 1, 8);
			p->shared->rsp_event = start[j] + row[i].event;
			for (uint32_t n = 0; n < row[i].count; n++) {
				peer_send(p, n);
				ring_take(&p->ring, &value, 4);
				ring_put(&p->ring, &value, 4);
			}
			assert_int_equal(ring_push(&p->ring), row[i].notify);
			assert_false(ring_push(&p->ring));
		}
	}
}

/* A front end is told to wake us by the next request, and only once. */
static void test_rest(void **state)
{
	struct peer *p = *state;
	uint32_t value;

	start_at(p, 0xffffffffu, 1, 8);
	assert_int_equal(ring_rest(&p->ring, 1), 0);
	assert_true(peer_send(p, 1));
	assert_false(peer_send(p, 2));
	assert_int_equal(ring_take(&p->ring, &value, 4), 1);
	assert_int_equal(ring_rest(&p->ring, 1), 1);
	assert_int_equal(ring_take(&p->ring, &value, 4), 1);
	assert_int_equal(value, 2);
	assert_int_equal(ring_take(&p->ring, &value, 4), 0);
	assert_int_equal(ring_rest(&p->ring, 1), 0);
	assert_true(peer_send(p, 3));
	/* The same for several: the third of them wakes us. */
	assert_int_equal(ring_rest(&p->ring, 3), 0);
	assert_false(peer_send(p, 4));
	assert_true(peer_send(p, 5));
	assert_int_equal(ring_rest(&p->ring, 3), 1);
	assert_int_equal(ring_rest(&p->ring, 4), 0);
}

/* A producer index out of bounds breaks the ring, for good. */
static void test_bad_producer(void **state)
{
	static const struct {
		uint32_t taken, prod;	/* prod relative to the start */
	} row[] = {
		{ 0, 257 }, { 0, 0x80000000u }, { 0, (uint32_t)-1 },
		{ 4, 3 }, { 4, 0 }, { 4, 257 }, { 4, (uint32_t)-1 },
	};
	struct peer *p = *state;

	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		uint32_t value;

		start_at(p, 100, 1, 12);
		p->shared->req_prod = 100 + row[i].taken;
		for (uint32_t n = 0; n < row[i].taken; n++)
			ring_take(&p->ring, &value, 4);
		p->shared->req_prod = 100 + row[i].prod;
		assert_int_equal(ring_waiting(&p->ring), -EPROTO);
		p->shared->req_prod = 100 + row[i].taken + 1;
		assert_int_equal(ring_take(&p->ring, &value, 4), -EPROTO);
		assert_int_equal(ring_rest(&p->ring, 1), -EPROTO);
	}
	/* Answers count: 256 unanswered are allowed, one more is not. */
	start_at(p, 0, 1, 12);
	p->shared->req_prod = 256;
	assert_int_equal(ring_waiting(&p->ring), 256);
	p->shared->req_prod = 257;
	assert_int_equal(ring_waiting(&p->ring), -EPROTO);
}

static void test_bad_attach(void **state)
{
	struct peer *p = *state;

	p->shared->rsp_prod = 10;
	p->shared->req_prod = 9;
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 12), -EPROTO);
	p->shared->req_prod = 10 + 257;
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 12), -EPROTO);
	p->shared->req_prod = 10 + 256;
	assert_int_equal(ring_attach(&p->ring, p->shared, 1, 12), 0);
	assert_int_equal(ring_waiting(&p->ring), 256);
}

/* What the front end writes after a request was taken does not matter. */
static void test_late_writes(void **state)
{
	struct peer *p = *state;
	uint32_t value, other;

	start_at(p, 0, 1, 12);
	peer_send(p, 0x1234);
	assert_int_equal(ring_take(&p->ring, &value, 4), 1);
	memset(p->shared + 1, 0xff, RING_PAGE - 64);
	p->shared->rsp_prod = 77;
	p->shared->req_event = 99;
	assert_int_equal(value, 0x1234);
	assert_int_equal(ring_take(&p->ring, &other, 4), 0);
	assert_int_equal(ring_unanswered(&p->ring), 1);
	ring_put(&p->ring, &value, 4);
	ring_push(&p->ring);
	assert_int_equal(p->shared->rsp_prod, 1);
	memcpy(&other, p->shared + 1, 4);
	assert_int_equal(other, 0x1234);
}

struct streams {
	struct xencons_interface page;
	struct stream out, in;
};

static void streams_at(struct streams *s, uint32_t index)
{
	struct xencons_interface *c = &s->page;

	memset(c, 0, sizeof(*c));
	c->in_cons = c->in_prod = c->out_cons = c->out_prod = index;
	stream_attach(&s->out, c->out, sizeof(c->out), &c->out_cons,
		      &c->out_prod);
	stream_attach(&s->in, c->in, sizeof(c->in), &c->in_prod, &c->in_cons);
}

/* A process that is killed at any point leaves what a successor completes. */
static void test_journal(void **state)
{
	struct ring_journal *journal = calloc(1, sizeof(*journal));
	static const uint32_t begin[] = { 0, 100, 0xfffffffeu };
	struct peer *p = *state;
	uint32_t got;

	for (size_t b = 0; b < sizeof(begin) / sizeof(begin[0]); b++) {
		start_at(p, begin[b], 1, 12);
		memset(journal, 0xff, sizeof(*journal)); /* of another ring */
		journal->put = begin[b] + 5000;
		assert_int_equal(ring_keep(&p->ring, journal), 0);
		for (uint32_t i = 0; i < 6; i++)
			peer_send(p, 40 + i);
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(ring_take(&p->ring, &got, 4), 1);
			got += 1000;
			ring_put(&p->ring, &got, 4);
		}
		/* Killed here: no request is touched, all are taken again. */
		assert_int_equal(ring_attach(&p->ring, p->shared, 1, 12), 0);
		assert_int_equal(ring_keep(&p->ring, journal), 0);
		for (uint32_t i = 0; i < 4; i++) {
			assert_int_equal(ring_take(&p->ring, &got, 4), 1);
			assert_int_equal(got, 40 + i);
			got += 2000;
			ring_put(&p->ring, &got, 4);
		}
		/* Killed when the journal says so: all answers come. */
		journal->put = begin[b] + 4;
		assert_int_equal(ring_attach(&p->ring, p->shared, 1, 12), 0);
		assert_int_equal(ring_keep(&p->ring, journal), 0);
		assert_int_equal(p->shared->rsp_prod, begin[b] + 4);
		for (uint32_t i = 0; i < 4; i++) {
			memcpy(&got, slot(p, begin[b] + i), 4);
			assert_int_equal(got, 2040 + i);
		}
		/* And it goes on behind them, as ever. */
		assert_int_equal(ring_take(&p->ring, &got, 4), 1);
		assert_int_equal(got, 44);
		got += 3000;
		ring_put(&p->ring, &got, 4);
		(void)ring_push(&p->ring);
		assert_int_equal(p->shared->rsp_prod, begin[b] + 5);
		assert_int_equal(journal->put, begin[b] + 5);
		memcpy(&got, slot(p, begin[b] + 4), 4);
		assert_int_equal(got, 3044);
	}
	/* A front end whose index is behind what was answered is broken. */
	start_at(p, 7, 1, 12);
	journal->put = 9;
	assert_int_equal(ring_keep(&p->ring, journal), -EPROTO);
	free(journal);
}

static size_t take(struct stream *s, char *to, size_t max)
{
	size_t n = stream_look(s, to, max);

	stream_drop(s, n);
	return n;
}

static void test_stream(void **state)
{
	static const uint32_t start[] = { 0, 2040, 0xfffffff0u };
	static struct streams s;
	char text[4096], back[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(text); i++)
		text[i] = (char)(i * 7);
	for (size_t j = 0; j < 3; j++) {
		streams_at(&s, start[j]);
		assert_int_equal(stream_room(&s.in), 1024);
		assert_int_equal(stream_put(&s.in, text, 1000), 1000);
		assert_int_equal(stream_put(&s.in, text + 1000, 100), 24);
		assert_int_equal(stream_put(&s.in, text, 1), 0);
		assert_int_equal(s.page.in_prod, start[j] + 1024);
		for (uint32_t i = 0; i < 1024; i++)
			assert_int_equal(s.page.in[(start[j] + i) & 1023],
					 text[i]);
		s.page.in_cons += 5;
		assert_int_equal(stream_room(&s.in), 5);

		for (uint32_t i = 0; i < 2048; i++)
			s.page.out[(start[j] + i) & 2047] = text[i];
		s.page.out_prod = start[j] + 2048;
		/* Looked at and not dropped: it is still there. */
		assert_int_equal(stream_look(&s.out, back, 100), 100);
		assert_int_equal(s.page.out_cons, start[j]);
		assert_int_equal(take(&s.out, back, 48), 48);
		assert_int_equal(take(&s.out, back + 48, 4000), 2000);
		assert_memory_equal(back, text, 2048);
		assert_int_equal(s.page.out_cons, start[j] + 2048);
		assert_int_equal(take(&s.out, back, 10), 0);
	}
}

/* Indices further apart than the buffer: nothing to read, no room. */
static void test_stream_hostile(void **state)
{
	static const uint32_t ahead[] = { 2049, 0x80000000u, (uint32_t)-1 };
	static struct streams s;
	char text[4096];

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		streams_at(&s, 4000000000u);
		s.page.out_prod = 4000000000u + ahead[i];
		assert_int_equal(take(&s.out, text, sizeof(text)), 0);
		assert_int_equal(s.page.out_cons, 4000000000u);
		s.page.in_cons = 4000000000u + ahead[i];
		if (ahead[i] != (uint32_t)-1)
			assert_int_equal(stream_put(&s.in, text, 4096), 0);
	}
	/* Our index is ours, whatever the page says. */
	streams_at(&s, 0);
	s.page.out_prod = 10;
	s.page.out_cons = 9;
	assert_int_equal(take(&s.out, text, sizeof(text)), 10);
	assert_int_equal(s.page.out_cons, 10);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_layout, setup, teardown),
		cmocka_unit_test_setup_teardown(test_round_trip, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_whole_slots, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_push_notifies, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_rest, setup, teardown),
		cmocka_unit_test_setup_teardown(test_bad_producer, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_bad_attach, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_late_writes, setup,
						teardown),
		cmocka_unit_test_setup_teardown(test_journal, setup,
						teardown),
		cmocka_unit_test(test_stream),
		cmocka_unit_test(test_stream_hostile),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("ring", tests, NULL, NULL);
}
