/*
 * disk: the block front end (frontend-drivers/block) on a disk that the
 * domain was given. Command line: disk=NUMBER (default 51712, xvda), and what
 * is wished for: persistent=1, indirect=1, order=N, queues=N. The first MiB is
 * read and goes to the third as it is, for whoever looks at the disk from
 * outside.
 */
#include "tap.h"
#include "disk_buffers.h"
#include "frontend-drivers/block/block.h"
#include "frontend-drivers/os.h"

#define MIB_SECTORS 2048u
#define SECONDS(n) ((n) * 1000000000ul)

#define REQUESTS (BLOCK_QUEUES * BLOCK_SLOTS)

static struct block b;
static unsigned long id = 51712;
static uint8_t rings[BLOCK_QUEUES << BLOCK_MAX_ORDER][PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));
static struct block_wishes wishes = { .rings = rings };
uint8_t disk_buffers[BUFFER_PAGES][PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));

static unsigned long option_number(const char *name, unsigned long absent)
{
	unsigned long n = 0;
	char text[12];

	if (!option_get(name, text, sizeof(text)))
		return absent;
	for (const char *at = text; *at >= '0' && *at <= '9'; at++)
		n = n * 10 + (unsigned long)(*at - '0');
	return n;
}

static void read_options(void)
{
	id = option_number("disk", 51712);
	wishes.persistent = option_number("persistent", 0);
	wishes.indirect = option_number("indirect", 0);
	wishes.order = (unsigned int)option_number("order", 0);
	wishes.queues = (unsigned int)option_number("queues", 1);
}

static int transfer(enum block_op op, uint64_t sector, uint32_t sectors,
		    void *data)
{
	struct block_request r = {
		.op = op, .sector = sector, .sectors = sectors, .data = data,
	};

	return block_do(&b, &r);
}

static int open_disk(void)
{
	return block_open(&b, id, &wishes, os_now() + SECONDS(20));
}

static void connects(void)
{
	static bool before;

	if (!before) {
		before = true;
		frontend_init();
		read_options();
	}
	REQUIRE_EQ(open_disk(), 0);
	CHECK(b.sectors >= 4 * MIB_SECTORS);
	printk("# disk %lu: %lu sectors, persistent %d, flush %d, "
	       "barrier %d, discard %d\n", id, b.sectors, b.persistent,
	       b.can_flush, b.can_barrier, b.can_discard);
	printk("# disk %lu: %u queues of %u slots, requests of %u sectors\n",
	       id, b.queues, b.queue[0].ring.size, b.most);
}

static uint32_t next(uint32_t *seed)
{
	*seed = *seed * 1664525u + 1013904223u;
	return *seed;
}

static void fill(void *data, uint32_t sectors, uint32_t seed)
{
	uint32_t *word = data;

	for (uint32_t i = 0; i < sectors * BLOCK_SECTOR / 4; i++)
		word[i] = next(&seed);
}

static bool filled(const void *data, uint32_t sectors, uint32_t seed)
{
	const uint32_t *word = data;

	for (uint32_t i = 0; i < sectors * BLOCK_SECTOR / 4; i++)
		if (word[i] != next(&seed))
			return false;
	return true;
}

static void reads_what_it_wrote(void)
{
	const uint32_t sizes[] = { 8, 16, 40, 64, 88, 96, b.most };
	void *to = disk_buffers[0], *from = disk_buffers[BLOCK_PAGES];

	for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		uint64_t at = MIB_SECTORS + i * BLOCK_SECTORS;

		if (sizes[i] > b.most)
			continue;
		fill(to, sizes[i], i);
		CHECK_EQ(transfer(i == 3 && b.can_barrier ? BLOCK_BARRIER :
				  BLOCK_WRITE, at, sizes[i], to), 0);
		memset(from, 0, BLOCK_PAGES * PAGE_SIZE);
		CHECK_EQ(transfer(BLOCK_READ, at, sizes[i], from), 0);
		CHECK(filled(from, sizes[i], i));
	}
}

/* Waits until all of them are done; the first error. */
static int all_done(struct block_request *r, unsigned int n)
{
	int rc = 0;

	for (unsigned int i = 0; i < n; i++) {
		while (!r[i].done) {
			uint32_t seen = os_events();

			rc = block_poll(&b);
			if (rc < 0)
				return rc;
			if (!r[i].done)
				os_wait(seen, OS_NEVER);
		}
		if (r[i].result)
			return r[i].result;
	}
	return 0;
}

static struct block_request requests[REQUESTS];

/* All slots of all queues, and equal parts of the buffers. */
static uint32_t all_slots(void)
{
	return b.queues * b.queue[0].ring.size;
}

static uint32_t part_sectors(void)
{
	uint32_t sectors = BUFFER_PAGES / all_slots() * (PAGE_SIZE / 512);

	return sectors < b.most ? sectors : b.most;
}

static void *part(uint32_t i)
{
	return disk_buffers[i * (BUFFER_PAGES / all_slots())];
}

static void start_all(enum block_op op)
{
	uint32_t sectors = part_sectors();

	for (uint32_t i = 0; i < all_slots(); i++) {
		requests[i] = (struct block_request){
			.op = op, .queue = i % b.queues,
			.sector = MIB_SECTORS + i * sectors,
			.sectors = sectors, .data = part(i),
		};
		REQUIRE_EQ(block_start(&b, &requests[i]), 0);
	}
}

static void many_at_once(void)
{
	struct block_request more = {
		.op = BLOCK_READ, .queue = b.queues - 1, .sectors = 8,
		.data = disk_buffers[0],
	};
	uint32_t n = all_slots(), sectors = part_sectors();

	for (uint32_t i = 0; i < n; i++)
		fill(part(i), sectors, i + 77);
	start_all(BLOCK_WRITE);
	CHECK_EQ(block_start(&b, &more), -XEN_EAGAIN);
	REQUIRE_EQ(all_done(requests, n), 0);
	memset(disk_buffers, 0, sizeof(disk_buffers));
	start_all(BLOCK_READ);
	REQUIRE_EQ(all_done(requests, n), 0);
	for (uint32_t i = 0; i < n; i++)
		CHECK(filled(part(i), sectors, i + 77));
}

static void copies_for_others(void)
{
	for (uint32_t at = 0; at < MIB_SECTORS; at += 64) {
		REQUIRE_EQ(transfer(BLOCK_READ, at, 64, disk_buffers[0]), 0);
		REQUIRE_EQ(transfer(BLOCK_WRITE, 2 * MIB_SECTORS + at, 64,
				    disk_buffers[0]), 0);
	}
}

static void refuses_nonsense(void)
{
	uint64_t sectors = b.sectors;

	CHECK_EQ(transfer(BLOCK_READ, sectors, 8, disk_buffers[0]), -XEN_EINVAL);
	CHECK_EQ(transfer(BLOCK_READ, sectors - 7, 8, disk_buffers[0]),
		 -XEN_EINVAL);
	CHECK_EQ(transfer(BLOCK_READ, UINT64_MAX, 8, disk_buffers[0]),
		 -XEN_EINVAL);
	CHECK_EQ(transfer(BLOCK_READ, 0, 0, disk_buffers[0]), -XEN_EINVAL);
	CHECK_EQ(transfer(BLOCK_READ, 0, b.most + 1, disk_buffers[0]),
		 -XEN_EINVAL);
	CHECK_EQ(transfer(BLOCK_READ, 0, 8, disk_buffers[0] + 512), -XEN_EINVAL);
	/* Asked all the same, the other side refuses, and goes on. */
	b.sectors = sectors + 8;
	CHECK_EQ(transfer(BLOCK_READ, sectors, 8, disk_buffers[0]), -XEN_EIO);
	b.sectors = sectors;
	CHECK_EQ(transfer(BLOCK_READ, sectors - 8, 8, disk_buffers[0]), 0);
}

static void flushes_and_discards(void)
{
	CHECK_EQ(transfer(BLOCK_FLUSH, 0, 0, NULL),
		 b.can_flush ? 0 : -XEN_EOPNOTSUPP);
	CHECK_EQ(transfer(BLOCK_DISCARD, 3 * MIB_SECTORS, MIB_SECTORS, NULL),
		 b.can_discard ? 0 : -XEN_EOPNOTSUPP);
}

static void opens_again(void)
{
	unsigned long before;

	for (int i = 0; i < 3; i++) {
		REQUIRE_EQ(block_close(&b, os_now() + SECONDS(20)), 0);
		before = pages_free();
		REQUIRE_EQ(open_disk(), 0);
		REQUIRE_EQ(transfer(BLOCK_READ, 0, 8, disk_buffers[0]), 0);
		REQUIRE_EQ(block_close(&b, os_now() + SECONDS(20)), 0);
		CHECK_EQ(pages_free(), before);
		REQUIRE_EQ(open_disk(), 0);
	}
	CHECK_EQ(block_close(&b, os_now() + SECONDS(20)), 0);
}

static void names_what_is_not_there(void)
{
	const struct block_wishes too_much = { .order = BLOCK_MAX_ORDER + 1 };

	CHECK_EQ(block_open(&b, id, &too_much, os_now()), -XEN_EINVAL);
	CHECK_EQ(block_open(&b, 4711, &wishes, os_now()), -XEN_ENOENT);
}

static const struct test_case cases[] = {
	{ "the disk connects", connects },
	{ "it reads what it wrote", reads_what_it_wrote },
	{ "as many requests as there are slots", many_at_once },
	{ "a MiB is copied", copies_for_others },
	{ "what it is not is refused", refuses_nonsense },
	{ "flush and discard", flushes_and_discards },
	{ "it is closed and opened again", opens_again },
	{ "a disk that is not there", names_what_is_not_there },
};

TEST_PROGRAM_ALONE(disk, "the block front end", cases);
