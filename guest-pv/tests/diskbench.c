/*
 * diskbench: what a request costs on a disk that the domain was given. Command
 * line as disk's: persistent=1, indirect=1, order=1.
 *
 * A line for each way of asking, after a round that is not counted:
 *
 *	DISK NAME TOTAL OWN COUNT
 *
 * nanoseconds from the first request's start to the last one's end, those of
 * them in which this vCPU ran, and how many requests (or MiB) it were. Where
 * a nanosecond is an instruction and there is one processor, what is not our
 * own is the control domain's, and the switches to it and back.
 */
#include "tap.h"
#include "disk_buffers.h"
#include "marks.h"
#include "frontend-drivers/block/block.h"
#include "frontend-drivers/os.h"

#define MIB_SECTORS 2048u
#define DEPTH 32u
#define DISK_MIBS 32u			/* that are made use of */

static struct block b;
static uint8_t rings[1u << BLOCK_MAX_ORDER][PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));
static struct block_request requests[DEPTH];
static uint32_t seed = 1;

static bool option(const char *name)
{
	char text[4];

	return option_get(name, text, sizeof(text)) && text[0] != '0';
}

static uint64_t own_time(void)
{
	struct vcpu_runstate_info info = { 0 };

	hcall_vcpu_op(VCPUOP_get_runstate_info, 0, &info);
	return info.time[RUNSTATE_running];
}

static uint64_t somewhere(void)
{
	seed = seed * 1664525u + 1013904223u;
	return (seed >> 8) % (DISK_MIBS * MIB_SECTORS / 8) * 8;
}

/* --- one way of asking ------------------------------------------------------ */

struct way {
	const char *name;
	enum block_op op;
	unsigned int depth;
	unsigned int count;		/* requests, or MiB */
	enum { ANYWHERE, IN_ORDER, LARGEST } kind; /* the last in order, too */
};

static uint64_t next_sector;		/* of what is sequential */

static void fill(const struct way *w, unsigned int i)
{
	struct block_request *r = &requests[i];

	*r = (struct block_request){
		.op = w->op, .sectors = 8, .data = disk_buffers[i],
	};
	if (w->kind == ANYWHERE) {
		r->sector = somewhere();
		return;
	}
	if (w->kind == LARGEST) {
		r->sectors = MIB_SECTORS - (uint32_t)(next_sector % MIB_SECTORS);
		if (r->sectors > b.most)
			r->sectors = b.most;
		r->data = disk_buffers[next_sector % MIB_SECTORS / 8];
	}
	r->sector = next_sector % (DISK_MIBS * MIB_SECTORS);
	next_sector += r->sectors;
}

/* Keeps `depth` requests under way until `left` have been started and ended. */
static void ask(const struct way *w)
{
	uint64_t left = w->count * (w->kind == LARGEST ? MIB_SECTORS : 8ul);

	for (unsigned int i = 0; i < DEPTH; i++)
		requests[i].done = true;
	while (left || b.under_way) {
		uint32_t seen = os_events();
		int ended = block_poll(&b), begun = 0;

		REQUIRE(ended >= 0);
		for (unsigned int i = 0; i < w->depth && left; i++) {
			if (!requests[i].done)
				continue;
			REQUIRE_EQ(requests[i].result, 0);
			fill(w, i);
			REQUIRE_EQ(block_start(&b, &requests[i]), 0);
			left -= requests[i].sectors;
			begun++;
		}
		if (!ended && !begun)
			os_wait(seen, OS_NEVER);
	}
}

static void measure(const struct way *w)
{
	uint64_t total, own;

	ask(w);
	own = own_time();
	total = os_now();
	mark_begin();
	ask(w);
	mark_end();
	total = os_now() - total;
	own = own_time() - own;
	printk("DISK %s %lu %lu %u\n", w->name, total, own, w->count);
}

static const struct way ways[] = {
	{ "read_4k_1", BLOCK_READ, 1, 200, ANYWHERE },
	{ "write_4k_1", BLOCK_WRITE, 1, 200, ANYWHERE },
	{ "read_4k_32", BLOCK_READ, 32, 1600, ANYWHERE },
	{ "write_4k_32", BLOCK_WRITE, 32, 1600, ANYWHERE },
	{ "read_next_32", BLOCK_READ, 32, 1600, IN_ORDER },
	{ "write_next_32", BLOCK_WRITE, 32, 1600, IN_ORDER },
	{ "read_mib", BLOCK_READ, 8, 16, LARGEST },
	{ "write_mib", BLOCK_WRITE, 8, 16, LARGEST },
};

static void all_ways(void)
{
	struct block_wishes wishes = {
		.persistent = option("persistent"),
		.indirect = option("indirect"), .order = option("order"),
		.rings = rings,
	};

	frontend_init();
	REQUIRE_EQ(block_open(&b, 51712, &wishes,
			      os_now() + 20 * 1000000000ul), 0);
	REQUIRE(b.sectors >= DISK_MIBS * MIB_SECTORS);
	printk("# persistent %d, %u slots, requests of %u sectors\n",
	       b.persistent, b.queue[0].ring.size, b.most);
	for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++)
		measure(&ways[i]);
	CHECK_EQ(block_close(&b, os_now() + 20 * 1000000000ul), 0);
}

static const struct test_case cases[] = {
	{ "requests are measured", all_ways },
};

TEST_PROGRAM_ALONE(diskbench, "what a disk's requests cost", cases);
