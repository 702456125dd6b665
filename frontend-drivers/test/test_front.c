/*
 * The front end's ring against the back end's (backend-drivers/ring): what
 * one writes the other reads, events are asked for and sent by the same
 * rules, and a back end that lies breaks the ring and nothing else.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <xen/errno.h>

#include "backend-drivers/ring/ring.h"
#include "frontend-drivers/ring/front.h"

#define STRIDE 16

static _Alignas(4096) char page[4096];
static struct front_ring front;
static struct ring back;

static int setup(void **state)
{
	(void)state;
	memset(page, 0, sizeof(page));
	front_ring_init(&front, page, sizeof(page), STRIDE);
	return ring_attach(&back, page, 1, STRIDE);
}

static void put(uint32_t value)
{
	const uint32_t words[STRIDE / 4] = { value, ~value };

	front_ring_put(&front, words, sizeof(words));
}

/* The back end answers the next request with its value and one more. */
static void answer(uint32_t value)
{
	uint32_t words[STRIDE / 4];

	assert_int_equal(ring_take(&back, words, sizeof(words)), 1);
	assert_int_equal(words[0], value);
	assert_int_equal(words[1], ~value);
	words[0]++;
	ring_put(&back, words, sizeof(words));
}

static void take(uint32_t value)
{
	uint32_t words[STRIDE / 4];

	assert_int_equal(front_ring_take(&front, words, sizeof(words)), 1);
	assert_int_equal(words[0], value + 1);
}

static int take_nothing(void)
{
	uint32_t words[STRIDE / 4];

	return front_ring_take(&front, words, sizeof(words));
}

static void carries_both_ways(void **state)
{
	uint32_t next = 0, taken = 0, batch;

	(void)state;
	assert_int_equal(front.size, 128);
	assert_int_equal(back.size, front.size);
	srandom(1);
	while (next < 100000) {
		batch = (uint32_t)random() % (front_ring_free(&front) + 1);
		for (; batch; batch--)
			put(next++);
		(void)front_ring_push(&front);
		assert_int_equal(ring_waiting(&back), next - taken);
		for (batch = next - taken; batch; batch--)
			answer(next - batch);
		(void)ring_push(&back);
		for (; taken < next; taken++)
			take(taken);
		assert_int_equal(take_nothing(), 0);
		assert_int_equal(front_ring_free(&front), front.size);
	}
}

static void asks_for_events(void **state)
{
	(void)state;
	/* The back end rests: the first request wakes it, the next does not. */
	assert_int_equal(ring_rest(&back, 1), 0);
	put(0);
	assert_true(front_ring_push(&front));
	put(1);
	assert_false(front_ring_push(&front));
	/* The front end found nothing: the next response wakes it. */
	assert_int_equal(take_nothing(), 0);
	assert_int_equal(ring_waiting(&back), 2);
	answer(0);
	assert_true(ring_push(&back));
	answer(1);
	assert_false(ring_push(&back));
	take(0);
	take(1);
}

static void full_is_full(void **state)
{
	(void)state;
	for (uint32_t i = 0; i < front.size; i++)
		put(i);
	assert_int_equal(front_ring_free(&front), 0);
	(void)front_ring_push(&front);
	assert_int_equal(ring_waiting(&back), front.size);
	answer(0);
	(void)ring_push(&back);
	assert_int_equal(front_ring_free(&front), 0); /* not taken yet */
	take(0);
	assert_int_equal(front_ring_free(&front), 1);
}

/* More responses than requests, forwards and backwards: for good. */
static void lies_break_it(void **state)
{
	static const uint32_t lies[] = { 2, 1000, 0x80000000u, UINT32_MAX };

	for (size_t i = 0; i < sizeof(lies) / sizeof(lies[0]); i++) {
		setup(state);
		put(0);
		(void)front_ring_push(&front);
		front.head->rsp_prod = lies[i];
		assert_int_equal(take_nothing(), -XEN_EILSEQ);
		front.head->rsp_prod = 0;
		assert_int_equal(take_nothing(), -XEN_EILSEQ);
	}
}

/* What the back end does to our index does not matter. */
static void own_index_is_own(void **state)
{
	(void)state;
	put(0);
	(void)front_ring_push(&front);
	front.head->req_prod = 77;
	put(1);
	(void)front_ring_push(&front);
	assert_int_equal(front.head->req_prod, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(carries_both_ways, setup),
		cmocka_unit_test_setup(asks_for_events, setup),
		cmocka_unit_test_setup(full_is_full, setup),
		cmocka_unit_test_setup(lies_break_it, setup),
		cmocka_unit_test_setup(own_index_is_own, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
