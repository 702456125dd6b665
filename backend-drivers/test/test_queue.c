/*
 * A disk's data path, whole: rings in memory, requests of a front end that
 * is good or not, real io_uring on a real file, and the same through a
 * qemu-nbd. Grants, event channels and
 * the supervisor are played here: a grant reference is a number of a page of
 * guest[], those of the rings follow from RINGS on, and whatever is beyond was
 * not granted.
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
#include <sys/mman.h>
#include <unistd.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "backend-drivers/base/served.h"
#include "backend-drivers/block/nbd.h"
#include "backend-drivers/block/persist.h"
#include "backend-drivers/block/queue.h"
#include "backend-drivers/block/raw.h"
#include "backend-drivers/ring/ring.h"

#define PAGES 300u
#define RINGS PAGES			/* the first queue's first page */
#define RING_PAGES 16u
#define ALL_PAGES (RINGS + 2 * RING_PAGES)
#define ALIASES 100000u			/* from here on, the same again */
#define DISK_SECTORS 8192u		/* 4 MiB */
#define OK BLKIF_RSP_OKAY
#define ERR BLKIF_RSP_ERROR
#define NOT BLKIF_RSP_EOPNOTSUPP

/* All of the guest's pages, in a file so that they can be mapped twice. */
static uint8_t (*guest)[RING_PAGE];
static int guest_file = -1;
static uint8_t *ring_page;		/* of the queue that is spoken to */
static struct ring_shared *shared;
static unsigned int pages = 1, slots = 32;

static struct device dev = { .domid = 7, .name = "test/7/1" };
static struct queue *queue;
static struct port *port;
static int events, stops, idles, mapped, bound, copied;
static int disk = -1;
static struct raw raw;
static struct nbd nbd;
static struct target *target;
static struct disk_stats stats;
static const struct blk_abi *abi;
static bool persistent;
static struct ring_journal journals[2];	/* of the two rings */
static uint32_t answered;		/* as the front end counts */

/* --- the rest of the system, played -------------------------------------- */

int grant_map(struct grant_map *m, uint32_t domid, const uint32_t *refs,
	      unsigned int count)
{
	uint8_t *at;

	assert_int_equal(domid, 7);
	for (unsigned int i = 0; i < count; i++)
		if (refs[i] >= ALL_PAGES && refs[i] < ALIASES)
			return -EINVAL;
	at = mmap(NULL, count * RING_PAGE, PROT_NONE,
		  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (unsigned int i = 0; i < count; i++)
		assert_ptr_equal(mmap(at + i * RING_PAGE, RING_PAGE,
				      PROT_READ | PROT_WRITE,
				      MAP_SHARED | MAP_FIXED, guest_file,
				      refs[i] % ALIASES * RING_PAGE),
				 at + i * RING_PAGE);
	m->addr = at;
	m->count = count;
	mapped += (int)count;
	return 0;
}

void grant_unmap(struct grant_map *m)
{
	if (!m->addr)
		return;
	mapped -= (int)m->count;
	assert_int_equal(munmap(m->addr, m->count * RING_PAGE), 0);
	m->addr = NULL;
}

void grant_copy_from(struct grant_copies *c, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len, bool *failed)
{
	(void)c;
	assert_int_equal(domid, 7);
	assert_true(offset + len <= 4096);
	copied++;
	if (ref < ALL_PAGES)
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
	copied++;
	if (ref < ALL_PAGES)
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
	if (remote != 5 && remote != 6)
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

static struct queue *others[2];		/* to be woken, see wake() */

static void wake(void)
{
	for (int i = 0; i < 2; i++)
		if (others[i])
			queue_look(others[i]);
}

static void idle(void)
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
	return ring_page + 64 + (index & (slots - 1)) * abi->stride;
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

/* The ring that the functions above speak to. */
static void use_ring(unsigned int number)
{
	ring_page = guest[RINGS + number * RING_PAGES];
	shared = (struct ring_shared *)ring_page;
}

static int open_queue(const char *name, bool read_only)
{
	struct queue_setup setup = {
		.dev = &dev, .target = target, .persistent = persistent,
		.pages = pages, .port = 5, .idle = idle,
		.journal = &journals[ring_page != guest[RINGS]],
	};
	uint32_t first = (uint32_t)(ring_page - guest[0]) / RING_PAGE;

	for (unsigned int i = 0; i < pages; i++)
		setup.refs[i] = first + i;
	target->limits = (struct blk_limits){
		DISK_SECTORS, 1, read_only, true,
	};
	setup.abi = abi = blk_abi_find(name);
	return queue_open(&queue, &setup);
}

static void begin(const char *name, bool read_only)
{
	memset(ring_page, 0, RING_PAGES * RING_PAGE);
	memset(journals, 0, sizeof(journals));
	shared->rsp_event = 1;
	answered = 0;
	events = stops = idles = copied = 0;
	stats = (struct disk_stats){ 0 };
	assert_int_equal(open_queue(name, read_only), 0);
}

static void end(void)
{
	assert_true(queue_close(queue));
	assert_int_equal(mapped, 0);
	assert_int_equal(bound, 0);
}

static void fill(uint32_t ref, unsigned int count, uint8_t seed)
{
	for (unsigned int i = 0; i < count * RING_PAGE; i++)
		guest[ref + i / RING_PAGE][i % RING_PAGE] =
			(uint8_t)(i * 7 + i / 256 + seed);
}

static void forget(void)
{
	memset(guest, 0, PAGES * RING_PAGE);
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
	forget();
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
	forget();
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
	request(BLKIF_OP_WRITE, 0, 1, ALL_PAGES, 0, 7);	/* not granted */
	request(BLKIF_OP_READ, 0, 2, ALL_PAGES - 1, 0, 7); /* half */
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

static void use_target(struct target *t)
{
	target = t;
	target->stats = &stats;
	target->done = queue_done;
	target->wake = wake;
}

/* A disk that does nothing until it is told to. */
static struct {
	struct target target;
	struct io *begun[8];
	unsigned int count;
} slow;

static bool slow_queue(struct target *t, struct io *io)
{
	assert_ptr_equal(t, &slow.target);
	slow.begun[slow.count++] = io;
	return true;
}

static void slow_submit(struct target *t)
{
	(void)t;
}

/* Lets the back end work, and sees how many steps it has begun. */
static void assert_begun(unsigned int count)
{
	static struct loop_timer soon = { .run = stop_loop };

	loop_timer_set(&soon, 5);
	assert_int_equal(loop_run(), 0);
	assert_int_equal(slow.count, count);
}

static void end_step(unsigned int i)
{
	struct io *io = slow.begun[i];
	int all = io->step == STEP_DATA ? (int)io->bytes : 0;

	slow.begun[i] = slow.begun[--slow.count];
	target_result(&slow.target, io, all);
	target_deliver(&slow.target);
}

/* A barrier begins when all before it have ended, and is alone. */
static void test_barrier_alone(void **state)
{
	static const struct target_way way = { slow_queue, slow_submit };
	struct target *fast = target;

	(void)state;
	use_target(&slow.target);
	target_init(target, &way);
	begin(NULL, false);
	request(BLKIF_OP_WRITE, 0, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE, 8, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE_BARRIER, 16, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE, 24, 1, 1, 0, 7);
	port->fired(port);
	assert_begun(2);
	end_step(0);
	assert_begun(1);
	end_step(0);
	assert_begun(1);
	assert_int_equal(slow.begun[0]->step, STEP_PREFLUSH);
	port->fired(port);	/* those after it wait, whatever comes */
	assert_begun(1);
	end_step(0);
	assert_begun(1);
	assert_int_equal(slow.begun[0]->step, STEP_DATA);
	end_step(0);
	assert_begun(1);
	assert_int_equal(slow.begun[0]->step, STEP_POSTFLUSH);
	end_step(0);
	assert_begun(1);
	assert_int_equal(slow.begun[0]->req.sector, 24);
	/* What ends first is told when its turn comes. */
	request(BLKIF_OP_READ, 32, 1, 2, 0, 7);
	port->fired(port);
	assert_begun(2);
	end_step(1);
	assert_begun(1);
	assert_int_equal(shared->rsp_prod, 3);
	assert_false(queue_close(queue));
	end_step(0);
	assert_int_equal(idles, 1);
	assert_int_equal(shared->rsp_prod, 5);
	assert_int_equal(mapped, 0);
	use_target(fast);
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
	forget();
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
	memset(ring_page, 0, RING_PAGES * RING_PAGE);
	abi = blk_abi_find(NULL);
	fill(1, 2, 99);
	request(BLKIF_OP_WRITE, UINT64_MAX, 1, 1, 0, 7); /* was answered */
	request(BLKIF_OP_WRITE, 300, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE, 308, 1, 2, 0, 7);
	shared->rsp_prod = answered = 1;
	memset(journals, 0, sizeof(journals));
	assert_int_equal(open_queue(NULL, false), 0);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(300, guest[1], 8192);
	end();
}

/* One that died while it answered: what it had decided is said, and once. */
static void test_successor_journal(void **state)
{
	const struct blk_reply said = { 1, BLKIF_OP_WRITE, OK };

	(void)state;
	memset(ring_page, 0, RING_PAGES * RING_PAGE);
	memset(journals, 0, sizeof(journals));
	abi = blk_abi_find(NULL);
	fill(1, 2, 99);
	request(BLKIF_OP_WRITE, UINT64_MAX, 1, 1, 0, 7); /* was answered */
	request(BLKIF_OP_WRITE, UINT64_MAX, 1, 1, 0, 7); /* was about to be */
	request(BLKIF_OP_WRITE, 308, 1, 2, 0, 7);
	shared->rsp_prod = answered = 1;
	journals[0].put = 2;
	blk_encode(abi, &said, journals[0].slots + abi->stride);
	memset(slot(1), 0xee, abi->stride);	/* half written over */
	events = 0;
	assert_int_equal(open_queue(NULL, false), 0);
	assert_int_equal(shared->rsp_prod, 2);
	assert_int_equal(events, 1);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(308, guest[2], 4096);
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
		.dev = &dev, .target = target, .pages = 1,
		.refs = { ALL_PAGES }, .port = 5, .abi = blk_abi_find(NULL),
		.journal = &journals[0],
	};

	(void)state;
	memset(ring_page, 0, RING_PAGES * RING_PAGE);
	assert_int_equal(queue_open(&queue, &setup), -EINVAL);
	setup.refs[0] = RINGS;
	setup.port = 7;
	assert_int_equal(queue_open(&queue, &setup), -EINVAL);
	shared->req_prod = 33;
	setup.port = 5;
	assert_int_equal(queue_open(&queue, &setup), -EPROTO);
	assert_int_equal(mapped, 0);
	assert_int_equal(bound, 0);
}

/* A ring of 16 pages: 512 requests at once, more than the target takes. */
static void test_large_ring(void **state)
{
	(void)state;
	pages = 16;
	slots = 512;
	begin(NULL, false);
	fill(1, 1, 42);
	for (unsigned int i = 0; i < slots; i++)
		request(BLKIF_OP_WRITE, i * 8, 1, 1, 0, 7);
	pump();
	for (unsigned int i = 0; i < slots; i++)
		expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(511 * 8, guest[1], 4096);
	assert_int_equal(stats.writes, 512);
	assert_int_equal(stats.write_bytes, 512 * 4096);
	end();
	pages = 1;
	slots = 32;
}

/* Granted for good: mapped once, and then never copied by grant again. */
static void test_persistent(void **state)
{
	(void)state;
	persistent = true;
	begin(NULL, false);
	fill(1, 11, 17);
	request(BLKIF_OP_WRITE, 64, 11, 1, 0, 7);
	request(BLKIF_OP_WRITE, 160, 4, 1, 0, 7);
	pump();
	expect(BLKIF_OP_WRITE, OK);
	expect(BLKIF_OP_WRITE, OK);
	assert_on_disk(64, guest[1], 11 * 4096);
	assert_int_equal(mapped, 1 + 11);
	request(BLKIF_OP_READ, 64, 2, 9, 1, 5);
	pump();
	expect(BLKIF_OP_READ, OK);
	assert_memory_equal(guest[9] + 512, guest[1], 5 * 512);
	assert_memory_equal(guest[10] + 512, guest[1] + 5 * 512, 3 * 512);
	assert_int_equal(copied, 0);
	assert_int_equal(mapped, 1 + 11);
	/* What cannot be mapped is tried by copying, and is an error then. */
	request(BLKIF_OP_READ, 64, 2, ALL_PAGES - 1, 0, 7);
	pump();
	expect(BLKIF_OP_READ, ERR);
	assert_int_equal(copied, 2);
	end();
	persistent = false;
	forget();
}

/* No more pages than the table holds: the others are copied. */
static void test_persistent_full(void **state)
{
	struct persist *p = persist_open(7);

	(void)state;
	for (uint32_t i = 0; i < 2 * PERSIST_MAX; i++) {
		persist_want(p, i < PAGES ? i : ALL_PAGES + i);
		if (i % 7 == 0)
			persist_map(p);
	}
	persist_map(p);
	/* Those of a batch with a bad one are not there, all others are. */
	for (uint32_t i = 0; i < PAGES - 7; i++)
		assert_non_null(persist_find(p, i));
	assert_null(persist_find(p, ALL_PAGES + PAGES));
	assert_null(persist_find(p, ALL_PAGES + 2 * PERSIST_MAX - 1));
	persist_close(p);
	p = persist_open(7);
	for (uint32_t i = 0; i < 2 * PERSIST_MAX; i++)
		persist_want(p, (i / PAGES + 1) * ALIASES + i % PAGES);
	persist_map(p);
	assert_int_equal(mapped, PERSIST_MAX);
	persist_close(p);
	persist_close(NULL);
	assert_int_equal(mapped, 0);
}

/* Two rings of one disk: each has its answers, in its own order. */
static void test_two_queues(void **state)
{
	struct queue *first, *second;
	struct port *first_port;

	(void)state;
	begin(NULL, false);
	first = queue;
	first_port = port;
	use_ring(1);
	begin(NULL, false);
	second = queue;
	fill(1, 2, 3);
	request(BLKIF_OP_WRITE, 0, 1, 1, 0, 7);
	request(BLKIF_OP_WRITE_BARRIER, 8, 1, 2, 0, 7);
	use_ring(0);
	request(BLKIF_OP_READ, UINT64_MAX, 1, 1, 0, 7);
	request(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0, 0, 0);
	first_port->fired(first_port);
	pump();			/* until the first ring is answered */
	expect(BLKIF_OP_READ, ERR);
	expect(BLKIF_OP_FLUSH_DISKCACHE, OK);
	use_ring(1);
	answered = 0;
	pump();
	expect(BLKIF_OP_WRITE, OK);
	expect(BLKIF_OP_WRITE_BARRIER, OK);
	assert_on_disk(0, guest[1], 8192);
	assert_true(queue_close(first));
	assert_int_equal(bound, 1);
	queue = second;
	end();
	use_ring(0);
}

/* A memory-bound ring is looked at again when another ring frees memory. */
static void test_two_queues_memory(void **state)
{
	struct queue *first, *second;
	struct port *first_port;

	(void)state;
	forget();
	begin(NULL, false);
	first = queue;
	first_port = port;
	for (int i = 0; i < 32; i++)
		indirect(BLKIF_OP_READ, 1000, 256, 1);
	use_ring(1);
	begin(NULL, false);
	second = queue;
	for (int i = 0; i < 32; i++)
		indirect(BLKIF_OP_READ, 1000, 256, 1);
	others[0] = first;
	others[1] = second;
	first_port->fired(first_port);
	pump();
	for (int i = 0; i < 32; i++)
		expect(BLKIF_OP_READ, OK);
	use_ring(0);
	queue = first;
	port = first_port;
	pump();
	assert_int_equal(shared->rsp_prod, 32);
	others[0] = others[1] = NULL;
	assert_true(queue_close(first));
	use_ring(1);
	queue = second;
	end();
	use_ring(0);
}

static char disk_name[] = "/tmp/test_queue.XXXXXX";

static int setup_disk(void)
{
	guest_file = memfd_create("guest", MFD_CLOEXEC);
	if (guest_file < 0 || ftruncate(guest_file, ALL_PAGES * RING_PAGE))
		return -1;
	guest = mmap(NULL, ALL_PAGES * RING_PAGE, PROT_READ | PROT_WRITE,
		     MAP_SHARED, guest_file, 0);
	use_ring(0);
	disk = mkstemp(disk_name);
	return disk < 0 || loop_init() || ftruncate(disk, DISK_SECTORS * 512);
}

static int by_raw(void **state)
{
	(void)state;
	forget();
	use_target(&raw.target);
	return 0;
}

static int by_nbd(void **state)
{
	(void)state;
	forget();
	use_target(&nbd.target);
	return 0;
}

static int setup(void **state)
{
	char *argv[] = { "qemu-nbd", "-f", "raw", "--discard=unmap", disk_name,
			 NULL };
	struct image im;

	(void)state;
	if (setup_disk())
		return -1;
	raw.fd = disk;
	if (raw_open(&raw) ||
	    nbd_open(&nbd, &im, "test", NULL, argv, false))
		return -1;
	unlink(disk_name);
	return im.sectors == DISK_SECTORS && im.can_flush ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	nbd_shut(&nbd);
	return 0;
}

#define BOTH(test) \
	{ #test, test, by_raw, NULL, NULL }, \
	{ #test " by NBD", test, by_nbd, NULL, NULL }

int main(void)
{
	const struct CMUnitTest tests[] = {
		BOTH(test_read_write),
		BOTH(test_indirect),
		BOTH(test_refused),
		BOTH(test_barrier),
		cmocka_unit_test(test_barrier_alone),
		BOTH(test_discard),
		BOTH(test_memory),
		BOTH(test_close),
		BOTH(test_successor),
		BOTH(test_successor_journal),
		BOTH(test_corrupt),
		BOTH(test_cannot_open),
		BOTH(test_large_ring),
		BOTH(test_persistent),
		BOTH(test_persistent_full),
		BOTH(test_two_queues),
		BOTH(test_two_queues_memory),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("queue", tests, setup, teardown);
}
