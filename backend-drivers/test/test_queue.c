/*
 * A disk's data path, whole: a ring in memory, requests of a front end that
 * is good or not, real io_uring on a real file. Grants, event channels and
 * the store's side are played here: a grant reference is a number of a page
 * of guest[], and whatever is beyond was not granted.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/base/served.h"
#include "backend-drivers/base/uring.h"
#include "backend-drivers/block/queue.h"
#include "backend-drivers/ring/ring.h"

#define PAGES 300u
#define DISK_SECTORS 8192u		/* 4 MiB */
#define OK BLKIF_RSP_OKAY
#define ERR BLKIF_RSP_ERROR
#define NOT BLKIF_RSP_EOPNOTSUPP

static uint8_t guest[PAGES][RING_PAGE] __attribute__((aligned(4096)));
static uint8_t ring_page[RING_PAGE] __attribute__((aligned(4096)));
static struct ring_shared *const shared = (void *)ring_page;

static struct device dev = { .domid = 7, .name = "test/7/1" };
static struct queue *queue;
static struct port *port;
static int events, stops, idles, mapped, bound;
static int disk = -1;
static struct io_uring uring;
static const struct blk_abi *abi;
static uint32_t answered;		/* as the front end counts */

/* --- the rest of the system, played -------------------------------------- */

int grant_map(struct grant_map *m, uint32_t domid, const uint32_t *refs,
	      unsigned int count)
{
	assert_int_equal(domid, 7);
	assert_int_equal(count, 1);
	if (refs[0] != 1)
		return -EINVAL;
	m->addr = ring_page;
	mapped++;
	return 0;
}

void grant_unmap(struct grant_map *m)
{
	if (m->addr)
		mapped--;
	m->addr = NULL;
}

void grant_copy_from(struct grant_copies *c, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len, bool *failed)
{
	(void)c;
	assert_int_equal(domid, 7);
	assert_true(offset + len <= 4096);
	if (ref < PAGES)
		memcpy(to, guest[ref] + offset, len);
	else
		*failed = true;
}

void grant_copy_to(struct grant_copies *c, uint32_t domid, uint32_t ref,
		   uint16_t offset, const void *from, uint16_t len,
		   bool *failed)
{
	(void)c;
	assert_int_equal(domid, 7);
	assert_true(offset + len <= 4096);
	if (ref < PAGES)
		memcpy(guest[ref] + offset, from, len);
	else
		*failed = true;
}

void grant_copies_run(struct grant_copies *c)
{
	(void)c;
}

int port_bind(struct port *p, uint32_t domid, uint32_t remote)
{
	(void)domid;
	if (remote != 5)
		return -EINVAL;
	port = p;
	p->local = 1;
	bound++;
	return 0;
}

void port_unbind(struct port *p)
{
	if (p->local)
		bound--;
	p->local = 0;
}

void port_ready(struct port *p)
{
	(void)p;
}

void port_notify(struct port *p)
{
	(void)p;
	events++;
}

void served_stop(const char *fmt, ...)
{
	(void)fmt;
	stops++;
}

void served_idle(void)
{
	queue = NULL;
	idles++;
}

/* --- the front end ---------------------------------------------------------- */

static void stop_loop(struct loop_timer *t)
{
	(void)t;
	loop_stop();
}

/* Lets the back end work until all is answered, or for a second. */
static void pump(void)
{
	static struct loop_timer limit = { .run = stop_loop };

	if (queue)
		port->fired(port);
	for (int i = 0; i < 200; i++) {
		loop_timer_set(&limit, 5);
		assert_int_equal(loop_run(), 0);
		if (shared->rsp_prod == shared->req_prod)
			return;
	}
}

static uint8_t *slot(uint32_t index)
{
	return ring_page + 64 + (index & 31) * abi->stride;
}

/* A request whose id is its place; segments name guest pages from @ref. */
static void request(uint8_t op, uint64_t sector, unsigned int segments,
		    uint32_t ref, uint8_t first, uint8_t last)
{
	uint8_t *s = slot(shared->req_prod);
	uint64_t id = shared->req_prod;

	memset(s, 0, abi->stride);
	s[0] = op;
	s[1] = (uint8_t)segments;
	memcpy(s + abi->id, &id, 8);
	memcpy(s + abi->sector, &sector, 8);
	for (unsigned int i = 0; i < segments && i < 11; i++) {
		struct blk_segment seg = { ref + i, first, last, 0 };

		memcpy(s + abi->segments + 8 * i, &seg, 8);
	}
	shared->req_prod++;
}

/* The same with its segments in guest page 0. */
static void indirect(uint8_t op, uint64_t sector, uint16_t segments,
		     uint32_t ref)
{
	uint8_t *s = slot(shared->req_prod);
	uint64_t id = shared->req_prod;
	uint32_t page = 0;

	memset(s, 0, abi->stride);
	s[0] = BLKIF_OP_INDIRECT;
	s[1] = op;
	memcpy(s + 2, &segments, 2);
	memcpy(s + abi->id, &id, 8);
	memcpy(s + abi->sector, &sector, 8);
	memcpy(s + abi->grefs, &page, 4);
	for (unsigned int i = 0; i < segments && i < 512; i++) {
		struct blk_segment seg = { ref + i, 0, 7, 0 };

		memcpy(guest[0] + 8 * i, &seg, 8);
	}
	shared->req_prod++;
}

/* The next response must be there, be for the next request, and say this. */
static void expect(uint8_t op, int status)
{
	const uint8_t *s = slot(answered);
	uint64_t id;
	int16_t said;

	assert_true(answered != shared->rsp_prod);
	memcpy(&id, s, 8);
	memcpy(&said, s + 10, 2);
	assert_int_equal(id, answered);
	assert_int_equal(s[8], op);
	assert_int_equal(said, status);
	answered++;
}

static int open_queue(const char *name, bool read_only)
{
	struct queue_setup setup = {
		.dev = &dev, .fd = disk, .uring = &uring, .pages = 1,
		.refs = { 1 }, .port = 5,
		.limits = { DISK_SECTORS, 1, read_only, true },
	};

	setup.abi = abi = blk_abi_find(name);
	return queue_open(&queue, &setup);
}

static void begin(const char *name, bool read_only)
{
	memset(ring_page, 0, sizeof(ring_page));
	shared->rsp_event = 1;
	answered = 0;
	events = stops = idles = 0;
	assert_int_equal(open_queue(name, read_only), 0);
}

static void end(void)
{
	assert_true(queue_close(queue));
	assert_int_equal(mapped, 0);
	assert_int_equal(bound, 0);
}

static void fill(uint32_t ref, unsigned int pages, uint8_t seed)
{
	for (unsigned int i = 0; i < pages * RING_PAGE; i++)
		guest[ref + i / RING_PAGE][i % RING_PAGE] =
			(uint8_t)(i * 7 + i / 256 + seed);
}

static void assert_on_disk(uint64_t sector, const void *bytes, size_t len)
{
	static uint8_t back[1 << 20];

	assert_int_equal(pread(disk, back, len, (off_t)sector * 512), len);
	assert_memory_equal(back, bytes, len);
}

/* --- tests ------------------------------------------------------------------- */

static void read_write(const char *name)
{
	begin(name, false);
	fill(1, 11, 3);
	request(BLKIF_OP_WRITE, 100, 11, 1, 0, 7);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(100, guest[1], 11 * 4096);
	request(BLKIF_OP_READ, 100, 11, 20, 0, 7);
	request(BLKIF_OP_READ, 103, 2, 40, 2, 4);
	pump();
	expect(BLKIF_OP_READ, OK);
	expect(BLKIF_OP_READ, OK);
	assert_memory_equal(guest[20], guest[1], 11 * 4096);
	/* Sectors 2 to 4 of each page, and nothing around them. */
	assert_memory_equal(guest[40] + 1024, guest[1] + 3 * 512, 1536);
	assert_memory_equal(guest[41] + 1024, guest[1] + 6 * 512, 1536);
	assert_int_equal(guest[40][1023] | guest[40][1024 + 1536], 0);
	assert_true(events > 0);
	end();
	memset(guest, 0, sizeof(guest));
}

static void test_read_write(void **state)
{
	(void)state;
	read_write("x86_64-abi");
	read_write("x86_32-abi");
}

static void test_indirect(void **state)
{
	(void)state;
	begin(NULL, false);
	fill(1, 256, 9);
	indirect(BLKIF_OP_WRITE, 1000, 256, 1);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(1000, guest[1], 1 << 20);
	memset(guest, 0, sizeof(guest));
	indirect(BLKIF_OP_READ, 1000, 256, 1);
	pump();
	expect(BLKIF_OP_READ, OK);
	assert_on_disk(1000, guest[1], 1 << 20);
	/* A page of segments that is not granted; too many of them. */
	indirect(BLKIF_OP_READ, 0, 12, 1);
	memset(slot(shared->req_prod - 1) + abi->grefs, 0xff, 4);
	indirect(BLKIF_OP_READ, 0, 257, 1);
	pump();
	expect(BLKIF_OP_READ, ERR);
	expect(BLKIF_OP_READ, ERR);
	end();
}

static void test_refused(void **state)
{
	(void)state;
	begin(NULL, false);
	fill(1, 1, 1);
	request(BLKIF_OP_WRITE, 0, 1, PAGES, 0, 7);	/* not granted */
	request(BLKIF_OP_READ, 0, 2, PAGES - 1, 0, 7);	/* half of it */
	request(BLKIF_OP_READ, DISK_SECTORS - 7, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE, UINT64_MAX, 1, 1, 0, 7);
	request(BLKIF_OP_READ, 0, 0, 1, 0, 7);
	request(BLKIF_OP_READ, 0, 1, 1, 5, 3);
	request(77, 0, 1, 1, 0, 7);
	request(BLKIF_OP_READ, 0, 1, 1, 0, 7);		/* still serves */
	pump();
	expect(BLKIF_OP_WRITE, ERR);
	expect(BLKIF_OP_READ, ERR);
	expect(BLKIF_OP_READ, ERR);
	expect(BLKIF_OP_WRITE, ERR);
	expect(BLKIF_OP_READ, ERR);
	expect(BLKIF_OP_READ, ERR);
	expect(77, NOT);
	expect(BLKIF_OP_READ, OK);
	assert_int_equal(stops, 0);
	end();

	begin(NULL, true);
	request(BLKIF_OP_WRITE, 0, 1, 1, 0, 7);
	request(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0, 0, 0);
	pump();
	expect(BLKIF_OP_WRITE, ERR);
	expect(BLKIF_OP_FLUSH_DISKCACHE, OK);
	end();
}

/* A barrier comes after all before it and before all after it. */
static void test_barrier(void **state)
{
	(void)state;
	for (int round = 0; round < 20; round++) {
		begin(NULL, false);
		for (int i = 0; i < 9; i++) {
			bool middle = i % 3 == 1;

			fill(1 + i, 1, (uint8_t)(i * 31 + round));
			request(middle ? BLKIF_OP_WRITE_BARRIER :
				BLKIF_OP_WRITE, 8, 1, 1 + i, 0, 7);
		}
		request(BLKIF_OP_FLUSH_DISKCACHE, 0, 1, 10, 0, 7);
		request(BLKIF_OP_WRITE_BARRIER, 0, 0, 0, 0, 0);
		pump();
		for (int i = 0; i < 9; i++)
			expect(i % 3 == 1 ? BLKIF_OP_WRITE_BARRIER :
			       BLKIF_OP_WRITE, OK);
		expect(BLKIF_OP_FLUSH_DISKCACHE, OK);
		expect(BLKIF_OP_WRITE_BARRIER, OK);
		assert_on_disk(8, guest[9], 4096);
		end();
	}
}

static void test_discard(void **state)
{
	static const uint8_t zeros[4096];
	uint64_t count = 16;

	(void)state;
	begin(NULL, false);
	fill(1, 3, 77);
	request(BLKIF_OP_WRITE, 64, 3, 1, 0, 7);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	request(BLKIF_OP_DISCARD, 72, 0, 0, 0, 0);
	memcpy(slot(1) + abi->discard_count, &count, 8);
	request(BLKIF_OP_DISCARD, 72, 0, 0, 0, 0);	/* of nothing */
	pump();
	expect(BLKIF_OP_DISCARD, OK);
	expect(BLKIF_OP_DISCARD, OK);
	assert_on_disk(64, guest[1], 4096);
	assert_on_disk(72, zeros, 4096);
	assert_on_disk(80, zeros, 4096);
	end();
}

/* A full ring of the largest requests: eight times what may be held. */
static void test_memory(void **state)
{
	(void)state;
	begin(NULL, false);
	memset(guest, 0, sizeof(guest));
	for (int i = 0; i < 32; i++)
		indirect(BLKIF_OP_READ, 1000 + (uint64_t)i, 256, 1);
	pump();
	for (int i = 0; i < 32; i++)
		expect(BLKIF_OP_READ, OK);
	end();
}

/* Closing in the middle: what was taken is answered, the rest is not. */
static void test_close(void **state)
{
	(void)state;
	begin(NULL, false);
	fill(1, 11, 5);
	for (int i = 0; i < 8; i++)
		request(BLKIF_OP_WRITE, 200, 11, 1, 0, 7);
	port->fired(port);
	/* One turn: requests are taken and submitted. */
	{
		static struct loop_timer now = { .run = stop_loop };

		loop_timer_set(&now, 0);
		assert_int_equal(loop_run(), 0);
	}
	if (!queue_close(queue)) {
		request(BLKIF_OP_WRITE, 0, 11, 1, 0, 7);
		for (int i = 0; i < 200 && !idles; i++) {
			static struct loop_timer t = { .run = stop_loop };

			loop_timer_set(&t, 5);
			assert_int_equal(loop_run(), 0);
		}
		assert_int_equal(idles, 1);
	}
	assert_int_equal(shared->rsp_prod, 8);
	assert_int_equal(mapped, 0);
	assert_int_equal(bound, 0);
}

/* A successor executes what is behind the last response, and only that. */
static void test_successor(void **state)
{
	(void)state;
	memset(ring_page, 0, sizeof(ring_page));
	abi = blk_abi_find(NULL);
	fill(1, 2, 99);
	request(BLKIF_OP_WRITE, UINT64_MAX, 1, 1, 0, 7); /* was answered */
	request(BLKIF_OP_WRITE, 300, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE, 308, 1, 2, 0, 7);
	shared->rsp_prod = answered = 1;
	assert_int_equal(open_queue(NULL, false), 0);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(300, guest[1], 8192);
	end();
}

static void test_corrupt(void **state)
{
	(void)state;
	begin(NULL, false);
	shared->req_prod = 33;
	port->fired(port);
	pump();
	assert_int_equal(stops, 1);
	assert_int_equal(shared->rsp_prod, 0);
	end();
}

static void test_cannot_open(void **state)
{
	struct queue_setup setup = {
		.dev = &dev, .fd = disk, .uring = &uring, .pages = 1,
		.refs = { 2 }, .port = 5,
		.abi = blk_abi_find(NULL),
	};

	(void)state;
	memset(ring_page, 0, sizeof(ring_page));
	assert_int_equal(queue_open(&queue, &setup), -EINVAL);
	setup.refs[0] = 1;
	setup.port = 6;
	assert_int_equal(queue_open(&queue, &setup), -EINVAL);
	shared->req_prod = 33;
	setup.port = 5;
	assert_int_equal(queue_open(&queue, &setup), -EPROTO);
	assert_int_equal(mapped, 0);
	assert_int_equal(bound, 0);
}

static int setup_disk(void **state)
{
	static const uint8_t ops[] = {
		IORING_OP_READ, IORING_OP_WRITE, IORING_OP_FSYNC,
		IORING_OP_FALLOCATE,
	};
	char name[] = "/tmp/test_queue.XXXXXX";

	(void)state;
	disk = mkstemp(name);
	if (disk < 0 || unlink(name) || loop_init())
		return -1;
	return ftruncate(disk, DISK_SECTORS * 512) ||
		uring_open(&uring, ops, sizeof(ops));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_read_write),
		cmocka_unit_test(test_indirect),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_barrier),
		cmocka_unit_test(test_discard),
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_close),
		cmocka_unit_test(test_successor),
		cmocka_unit_test(test_corrupt),
		cmocka_unit_test(test_cannot_open),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("queue", tests, setup_disk, NULL);
}
