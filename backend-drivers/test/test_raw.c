/*
 * A raw disk without rings: requests are handed to the target as queue.c
 * does, and go by real io_uring to a real file.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backend-drivers/base/loop.h"
#include "backend-drivers/block/raw.h"

#define PAGE 4096u
#define SECTORS 8u			/* of a page */
#define DISK_PAGES 64u
#define MOST 16u			/* requests at a time */

static struct raw raw;
static struct target *const target = &raw.target;
static struct disk_stats stats;
static int disk = -1;

/* Requests under way, by what they were told to be about; see finish(). */
static struct io *asked[MOST];
static unsigned int count, done_count;
static int status[MOST];
static char data[MOST][PAGE];		/* what a read found */

/* --- asking ------------------------------------------------------------------ */

static void done(struct io **ended, unsigned int n)
{
	done_count += n;
	for (unsigned int i = 0; i < n; i++)
		for (unsigned int k = 0; k < count; k++)
			if (asked[k] == ended[i]) {
				status[k] = ended[i]->status;
				memcpy(data[k], ended[i]->buf, PAGE);
				io_put(target, ended[i]);
				asked[k] = NULL;
			}
}

static char letter_of(uint64_t page)
{
	return (char)('a' + page % 26);
}

/* Makes ready what is about @bytes of page @page, from its first sector on. */
static void prepare(uint8_t op, uint64_t page, uint32_t bytes)
{
	struct io *io = io_get(target);

	assert_true(count < MOST);
	io->req = (struct blk_request){
		.op = op, .segments = 1, .sector = page * SECTORS,
	};
	io->status = BLKIF_RSP_OKAY;
	io->bytes = bytes;
	assert_true(io_buffer(target, io));
	memset(io->buf, letter_of(page), PAGE);
	asked[count++] = io;
}

static void ask(uint8_t op, uint64_t page)
{
	prepare(op, page, PAGE);
	assert_true(target_start(target, asked[count - 1]));
}

static void ask_pages(uint8_t op, uint64_t page, unsigned int pages)
{
	while (pages--)
		ask(op, page++);
}

static void stop_loop(struct loop_timer *t)
{
	(void)t;
	loop_stop();
}

/* Lets all come to their end. Returns how many orders io_uring was given. */
static unsigned int finish(void)
{
	static struct loop_timer limit = { .run = stop_loop };
	static unsigned int seen;
	unsigned int orders;

	target_submit(target);
	for (unsigned int i = 0; i < 400 && done_count < count; i++) {
		loop_timer_set(&limit, 5);
		assert_int_equal(loop_run(), 0);
	}
	assert_int_equal(done_count, count);
	assert_int_equal(target->in_flight, 0);
	count = done_count = 0;
	orders = raw.ring.sq.sqe_tail - seen;
	seen += orders;
	return orders;
}

static void assert_all(unsigned int from, unsigned int to, int expected)
{
	for (; from < to; from++)
		assert_int_equal(status[from], expected);
}

static void assert_page(const char *bytes, uint64_t page)
{
	char want[PAGE];

	memset(want, letter_of(page), PAGE);
	assert_memory_equal(bytes, want, PAGE);
}

static void assert_on_disk(uint64_t page, unsigned int pages)
{
	char back[PAGE];

	for (; pages--; page++) {
		assert_int_equal(pread(raw.fd, back, PAGE, (off_t)(page * PAGE)),
				 PAGE);
		assert_page(back, page);
	}
}

/* --- tests ------------------------------------------------------------------- */

static void test_joined(void **state)
{
	(void)state;
	ask_pages(BLKIF_OP_WRITE, 2, 8);
	assert_int_equal(finish(), 1);
	assert_all(0, 8, BLKIF_RSP_OKAY);
	assert_on_disk(2, 8);
	ask_pages(BLKIF_OP_READ, 2, 8);
	assert_int_equal(finish(), 1);
	assert_all(0, 8, BLKIF_RSP_OKAY);
	for (unsigned int i = 0; i < 8; i++)
		assert_page(data[i], 2 + i);
}

/* Elsewhere, the other way, or in another place of memory. */
static void test_not_joined(void **state)
{
	(void)state;
	ask_pages(BLKIF_OP_WRITE, 20, 2);
	ask_pages(BLKIF_OP_WRITE, 23, 2);
	ask_pages(BLKIF_OP_READ, 25, 1);
	ask_pages(BLKIF_OP_WRITE, 26, 1);
	assert_int_equal(finish(), 4);
	assert_all(0, 6, BLKIF_RSP_OKAY);
	assert_on_disk(20, 2);
	assert_on_disk(23, 2);
	assert_on_disk(26, 1);
	/* Half a page leaves half a buffer before the next one. */
	prepare(BLKIF_OP_WRITE, 30, PAGE / 2);
	assert_true(target_start(target, asked[0]));
	prepare(BLKIF_OP_WRITE, 31, PAGE);
	asked[1]->req.sector -= SECTORS / 2;
	assert_true(target_start(target, asked[1]));
	assert_int_equal(finish(), 2);
	assert_all(0, 2, BLKIF_RSP_OKAY);
}

/* A flush that has data is begun by a flush. */
static void test_flush_first(void **state)
{
	(void)state;
	ask(BLKIF_OP_WRITE, 40);
	ask(BLKIF_OP_FLUSH_DISKCACHE, 41);
	assert_int_equal(finish(), 3);
	assert_all(0, 2, BLKIF_RSP_OKAY);
	assert_on_disk(40, 2);
}

/* What was handed over already cannot be joined any more. */
static void test_late(void **state)
{
	(void)state;
	prepare(BLKIF_OP_WRITE, 50, PAGE);
	prepare(BLKIF_OP_WRITE, 51, PAGE);
	assert_ptr_equal(asked[0]->buf + PAGE, asked[1]->buf);
	assert_true(target_start(target, asked[0]));
	target_submit(target);
	assert_true(target_start(target, asked[1]));
	assert_int_equal(finish(), 2);
	assert_all(0, 2, BLKIF_RSP_OKAY);
	assert_on_disk(50, 2);
}

/* What was joined and fails, or moves less, does not fail together. */
static void test_short(void **state)
{
	(void)state;
	raw.fd = memfd_create("disk", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	assert_int_equal(ftruncate(raw.fd, 4 * PAGE), 0);
	assert_int_equal(fcntl(raw.fd, F_ADD_SEALS, F_SEAL_GROW), 0);
	ask_pages(BLKIF_OP_WRITE, 0, 6);
	ask_pages(BLKIF_OP_WRITE, 8, 3);
	assert_int_equal(finish(), 2 + 2 + 3);
	assert_all(0, 4, BLKIF_RSP_OKAY);
	assert_all(4, 9, BLKIF_RSP_ERROR);
	assert_on_disk(0, 4);
	ask_pages(BLKIF_OP_READ, 0, 6);
	assert_int_equal(finish(), 1 + 2);
	assert_all(0, 4, BLKIF_RSP_OKAY);
	assert_all(4, 6, BLKIF_RSP_ERROR);
	for (unsigned int i = 0; i < 4; i++)
		assert_page(data[i], i);
	close(raw.fd);
	raw.fd = disk;
}

/* --- a way that takes only so many -------------------------------------------- */

static unsigned int takes;

static bool take_some(struct target *t, struct io *io)
{
	(void)t;
	(void)io;
	return takes && takes--;
}

/* A request that the way does not take fails, the second time, too. */
static void test_not_taken(void **state)
{
	static const struct target_way some = { .queue = take_some };
	static const int results[] = { -EAGAIN, PAGE / 2 };
	const struct target_way *way = target->way;

	(void)state;
	target->way = &some;
	for (unsigned int i = 0; i < 2; i++) {
		takes = 1;
		prepare(BLKIF_OP_WRITE, 0, PAGE);
		assert_true(target_start(target, asked[0]));
		target_result(target, asked[0], results[i]);
		target_deliver(target);
		assert_int_equal(done_count, 1);
		assert_int_equal(status[0], BLKIF_RSP_ERROR);
		count = done_count = 0;
	}
	prepare(BLKIF_OP_WRITE, 0, PAGE);
	assert_false(target_start(target, asked[0]));
	assert_int_equal(asked[0]->status, BLKIF_RSP_ERROR);
	io_put(target, asked[0]);
	count = 0;
	target->way = way;
}

static int setup(void **state)
{
	(void)state;
	disk = memfd_create("disk", MFD_CLOEXEC);
	if (disk < 0 || ftruncate(disk, DISK_PAGES * PAGE) || loop_init())
		return -1;
	raw.fd = disk;
	target->done = done;
	target->stats = &stats;
	return raw_open(&raw);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_joined),
		cmocka_unit_test(test_not_joined),
		cmocka_unit_test(test_flush_first),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_short),
		cmocka_unit_test(test_not_taken),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("raw", tests, setup, NULL);
}
