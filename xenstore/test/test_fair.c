/*
 * Fairness: a domain that writes too much waits, and it alone; domains that
 * flood the daemon with questions get equal shares, and one that asks now and
 * then is answered after a turn of theirs at most.  Figures are printed.
 */
#include "xenstore/test/harness.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "xenstore/daemon/rate.h"
#include "xenstore/daemon/ring.h"

#define RATE	100
#define BURST	10
#define RESERVE	150
/* A turn may be under way when the bucket runs dry; see conn.c. */
#define TURN	32

static uint64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

static struct harness *limited(void)
{
	struct harness *h = harness_new();

	h->srv->quota[QUOTA_WRITE_RATE] = RATE;
	h->srv->quota[QUOTA_WRITE_BURST] = BURST;
	h->srv->quota[QUOTA_WRITE_RESERVE] = RESERVE;
	h->srv->write_reserve = RESERVE * 1000;
	for (unsigned int i = 1; i <= 2; i++)
		rate_begin(domain_find(h->srv, i));
	expect(h, 0, XS_MKDIR, 0, "/h|", "OK|");
	expect(h, 0, XS_SET_PERMS, 0, "/h|n0|b1|b2|", "OK|");
	return h;
}

static void feed_writes(struct harness *h, unsigned int count)
{
	while (count--)
		wire_send(h, &h->wire[1], XS_WRITE, 0, "/h/a|1");
}

/* How many of domain 1's requests were served within so many ms? */
static uint64_t served_within(struct harness *h, uint64_t ms)
{
	uint64_t start = now_ms(), before = h->srv->requests;

	while (now_ms() - start < ms) {
		usleep(2000);
		server_continue(h->srv);
		harness_settle(h);
	}
	return h->srv->requests - before;
}

static void write_rate(void **state)
{
	struct harness *h = limited();
	uint64_t before = h->srv->requests, at_once, later, begun = now_ms();

	(void)state;
	feed_writes(h, 1000);
	at_once = h->srv->requests - before;
	printf("# a flood of 1000 writes: %llu at once (burst %u, as a new "
	       "domain 5 times, and reserve %u)\n",
	       (unsigned long long)at_once, BURST, RESERVE);
	assert_true(at_once >= 5 * BURST + RESERVE);
	/* It goes on meanwhile, on a slow machine. */
	assert_true(at_once <= 5 * BURST + RESERVE + TURN +
		    2 * RATE * (now_ms() - begun + 20) / 1000);
	assert_true(h->wire[1].conn->is_throttled);
	assert_true(domain_find(h->srv, 1)->refused & 1u << QUOTA_WRITE_RATE);
	assert_true(server_patience(h->srv) >= 0);

	/* Others do not wait for it, nor does domain 0. */
	for (unsigned int i = 0; i < 40; i++)
		expect(h, 2, XS_WRITE, 0, "/h/b|1", "OK|");
	for (unsigned int i = 0; i < 400; i++)
		expect(h, 0, XS_WRITE, 0, "/h/c|1", "OK|");
	assert_false(h->wire[2].conn->is_throttled);

	later = served_within(h, 1000);
	printf("# then %llu in a second (rate %u)\n",
	       (unsigned long long)later, RATE);
	assert_true(later >= RATE / 2 && later <= 2 * RATE);
	assert_sound(h);
	harness_free(h);
}

/* Reading is not writing, and without a rate nobody waits. */
static void what_does_not_count(void **state)
{
	struct harness *h = limited();

	(void)state;
	expect(h, 0, XS_WRITE, 0, "/h/a|1", "OK|");
	for (unsigned int i = 0; i < 2000; i++)
		expect(h, 1, XS_READ, 0, "/h|", "");
	harness_free(h);
}

static void no_limit(void **state)
{
	struct harness *h = limited();
	uint64_t before = h->srv->requests;

	(void)state;
	h->srv->quota[QUOTA_WRITE_RATE] = 0;
	feed_writes(h, 2000);
	assert_int_equal(h->srv->requests - before, 2000);
	harness_free(h);
}

/* Idle domains leave what they do not use to the reserve. */
static void reserve(void **state)
{
	struct harness *h = limited();

	(void)state;
	h->srv->write_reserve = 0;
	domain_find(h->srv, 1)->rate.start = 0;
	domain_find(h->srv, 2)->rate.filled -= 1000;
	expect(h, 2, XS_WRITE, 0, "/h/b|1", "OK|");
	assert_int_equal(h->srv->write_reserve, RATE * 1000);
	harness_free(h);
}

/* --- questions ------------------------------------------------------------ */

#define FLOODS	3	/* domains 1 to 3 */
#define ASKER	4
#define ROUNDS	2000

static void put(struct harness *h, uint32_t domid, const void *data,
		size_t len)
{
	struct xenstore_domain_interface *page = &h->hv.page[domid];

	for (size_t i = 0; i < len; i++)
		page->req[MASK_XENSTORE_IDX(page->req_prod++)] =
			((const char *)data)[i];
}

static const struct {
	struct xsd_sockmsg hdr;
	char path[2];
} __attribute__((packed)) question = {
	{ .type = XS_READ, .len = 2 }, "/",
};

/* As many questions as the ring takes; answers are thrown away. */
static void flood(struct harness *h, uint32_t domid)
{
	struct xenstore_domain_interface *page = &h->hv.page[domid];

	page->rsp_cons = page->rsp_prod;
	while (XENSTORE_RING_SIZE - (page->req_prod - page->req_cons) >=
	       sizeof(question))
		put(h, domid, &question, sizeof(question));
}

/* Bytes of answers a domain got; one answer's length is known. */
static uint64_t answers(const struct harness *h, uint32_t domid)
{
	return h->hv.page[domid].rsp_prod /
	       (sizeof(struct xsd_sockmsg) + sizeof("EACCES"));
}

static void introduce(struct harness *h, uint32_t domid)
{
	h->hv.exists[domid] = true;
	if (domid <= 2) {
		conn_end(h->wire[domid].conn, -EPIPE);
		domain_find(h->srv, domid)->introduced = false;
	}
	assert_int_equal(domain_introduce(h->srv, domid, domid + 7), 0);
	harness_settle(h);
}

/* What the event loop does in a round in which all ports fired. */
static void round_of_loop(struct harness *h)
{
	for (uint32_t i = 1; i <= ASKER; i++)
		ring_event(h->srv, i + 100);
	server_continue(h->srv);
	server_flush(h->srv);
	server_settle(h->srv);
}

static void questions(void **state)
{
	struct harness *h = harness_new();
	uint64_t asked_at = 0, longest = 0, least = UINT64_MAX, most = 0;
	uint64_t answered = 0;

	(void)state;
	for (uint32_t i = 1; i <= ASKER; i++)
		introduce(h, i);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		for (uint32_t i = 1; i <= FLOODS; i++)
			flood(h, i);
		if (answers(h, ASKER) == answered) {
			uint64_t since = h->srv->requests - asked_at;

			if (round && since > longest)
				longest = since;
			h->hv.page[ASKER].rsp_cons = h->hv.page[ASKER].rsp_prod;
			put(h, ASKER, &question, sizeof(question));
			asked_at = h->srv->requests;
			answered++;
		}
		round_of_loop(h);
	}
	for (uint32_t i = 1; i <= FLOODS; i++) {
		uint64_t n = answers(h, i);

		least = n < least ? n : least;
		most = n > most ? n : most;
	}
	printf("# %u domains that flood: %llu to %llu answers each; one that "
	       "asks now and then: %llu, after %llu requests at most\n",
	       FLOODS, (unsigned long long)least, (unsigned long long)most,
	       (unsigned long long)answers(h, ASKER),
	       (unsigned long long)longest);
	assert_true(most - least <= most / 50);
	assert_true(longest <= 2 * FLOODS * TURN + 1);
	assert_true(answers(h, ASKER) >= ROUNDS / 2);
	assert_sound(h);
	harness_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(write_rate),
		cmocka_unit_test(what_does_not_count),
		cmocka_unit_test(no_limit),
		cmocka_unit_test(reserve),
		cmocka_unit_test(questions),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
