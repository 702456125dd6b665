/*
 * The frame allocator (mm/heap.c): blocks do not overlap, are aligned, lie
 * below the limit that was asked for, are zero where that was promised, and
 * come together again; small objects likewise. A frame that a TLB may still
 * show is flushed before anybody gets it. One CPU scrubs at a time.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mman.h>
#include <cmocka.h>

#include "heap.h"
#include "host/memory.h"
#include "lib.h"
#include "mm.h"

static unsigned int flushes[HOST_CPUS];

static void count_flush(uint64_t cr3)
{
	flushes[host_cpu->id]++;
}

static int setup(void **state)
{
	host_memory_init();
	host_cpu = &cpus[0];
	host_machine.write_cr3 = count_flush;
	memset(flushes, 0, sizeof(flushes));
	return 0;
}

static uint64_t mfn_of(const struct frame *f)
{
	return frame_mfn(f).n;
}

static bool all_bytes(const void *p, size_t n, uint8_t want)
{
	const uint8_t *b = p;

	while (n > 0 && *b == want) {
		b++;
		n--;
	}
	return n == 0;
}

static void blocks_are_aligned_and_come_together(void **state)
{
	struct frame *f[HOST_FRAMES];
	unsigned int order, i, n;

	for (order = 0; order <= 8; order++) {
		n = HOST_FRAMES >> order;
		for (i = 0; i < n; i++) {
			f[i] = heap_alloc(order, 0, false);
			assert_non_null(f[i]);
			assert_int_equal(mfn_of(f[i]) % (1u << order), 0);
		}
		assert_null(heap_alloc(0, 0, false));
		assert_int_equal(heap_free_frames(), 0);
		for (i = 0; i < n; i++)
			heap_free(f[i * 7 % n], order, i % 2);
		assert_int_equal(heap_free_frames(), HOST_FRAMES);
		while (heap_scrub_some())
			;
	}
}

static void random_blocks_never_overlap(void **state)
{
	static struct {
		struct frame *f;
		unsigned int order;
	} held[64];
	static uint8_t used[HOST_FRAMES];
	uint64_t x = 7, free = HOST_FRAMES;
	unsigned int step, i, k;

	memset(used, 0, sizeof(used));
	for (step = 0; step < 20000; step++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		i = x >> 33 & 63;
		if (held[i].f) {
			k = (unsigned int)(mfn_of(held[i].f) - HOST_FIRST_MFN);
			memset(used + k, 0, 1u << held[i].order);
			memset(frame_virt(held[i].f), 0x5a,
			       PAGE_SIZE << held[i].order);
			heap_free(held[i].f, held[i].order, false);
			free += 1u << held[i].order;
			held[i].f = NULL;
		} else {
			held[i].order = x >> 40 & 3;
			held[i].f = heap_alloc(held[i].order, 0, true);
			if (!held[i].f)
				continue;
			free -= 1u << held[i].order;
			k = (unsigned int)(mfn_of(held[i].f) - HOST_FIRST_MFN);
			assert_true(all_bytes(used + k, 1u << held[i].order,
					      0));
			assert_true(all_bytes(frame_virt(held[i].f),
					      PAGE_SIZE << held[i].order, 0));
			memset(used + k, 1, 1u << held[i].order);
		}
		if (step % 16 == 0)
			(void)heap_scrub_some();
		assert_int_equal(heap_free_frames(), free);
	}
}

static void limits_are_kept(void **state)
{
	/* Frames lie from 1 MiB to 2 MiB: 20 bits reach none of them. */
	struct frame *f;

	assert_null(heap_alloc(0, 20, false));
	assert_null(heap_alloc(0, 12, false));
	assert_null(heap_alloc(0, 1, false));
	f = heap_alloc(3, 21, false);
	assert_non_null(f);
	assert_true(mfn_of(f) + 8 <= 0x200);
	assert_null(heap_alloc(9, 0, false));
}

static void stale_frames_are_flushed_first(void **state)
{
	struct frame *f = heap_alloc(8, 0, false);

	assert_non_null(f);
	assert_int_equal(flushes[0] + flushes[1], 0);
	f[17].stamp = tlb_clock();
	cpus[1].flushed_at = tlb_clock() + 1; /* younger than the stamp */
	heap_free(f, 8, false);
	f = heap_alloc(8, 0, false);
	assert_non_null(f);
	assert_int_equal(flushes[0], 1);
	assert_int_equal(flushes[1], 0);
	assert_int_equal(flushes[2], 1);
	assert_int_equal(f[17].stamp, 0);
}

/* Who has flushed since the older use alone may still know the newer. */
static void newest_stamp_decides(void **state)
{
	struct frame *f = heap_alloc(2, 0, false);
	uint32_t now = tlb_clock();

	assert_non_null(f);
	f[0].stamp = f[3].stamp = now;
	f[1].stamp = now + 5;
	cpus[0].flushed_at = now + 3;
	cpus[1].flushed_at = now + 5;
	cpus[2].flushed_at = now + 6;
	heap_free(f, 2, false);
	f = heap_alloc(2, 0, false);
	assert_non_null(f);
	assert_int_equal(flushes[0], 1);
	assert_int_equal(flushes[1], 1);
	assert_int_equal(flushes[2], 0);
	for (unsigned int i = 0; i < 4; i++)
		assert_int_equal(f[i].stamp, 0);
}

static void small_objects(void **state)
{
	static const size_t sizes[] = { 1, 32, 33, 64, 200, 1000, 2048 };
	static uint8_t *p[400];
	unsigned int s, i;

	for (s = 0; s < ARRAY_SIZE(sizes); s++) {
		for (i = 0; i < 400; i++) {
			p[i] = hv_alloc(sizes[s]);
			assert_non_null(p[i]);
			assert_true(all_bytes(p[i], sizes[s], 0));
			memset(p[i], (int)(i & 0xff), sizes[s]);
		}
		for (i = 0; i < 400; i++)
			assert_true(all_bytes(p[i], sizes[s], i & 0xff));
		for (i = 0; i < 400; i++)
			hv_free(p[i * 3 % 400]);
		assert_int_equal(heap_free_frames(), HOST_FRAMES);
	}
	hv_free(NULL);
}

static void large_objects(void **state)
{
	void *a = hv_alloc(2049), *b = hv_alloc(5 * PAGE_SIZE);

	assert_non_null(a);
	assert_non_null(b);
	assert_true(all_bytes(b, 5 * PAGE_SIZE, 0));
	assert_int_equal(heap_free_frames(), HOST_FRAMES - 1 - 8);
	hv_free(a);
	hv_free(b);
	assert_int_equal(heap_free_frames(), HOST_FRAMES);
	assert_null(hv_alloc(HOST_FRAMES * PAGE_SIZE * 2));
}

/* In the middle of a frame another CPU wants to scrub as well. */
static void *scrubbed;
static unsigned int in_the_middle;
static bool both;

static void on_fault(int sig)
{
	mprotect(scrubbed, PAGE_SIZE, PROT_READ | PROT_WRITE);
	in_the_middle++;
	host_cpu = &cpus[1];
	both = heap_scrub_some();
	host_cpu = &cpus[0];
}

static void one_cpu_scrubs(void **state)
{
	struct frame *f[8];
	unsigned int i;

	while (heap_scrub_some())
		;
	for (i = 0; i < ARRAY_SIZE(f); i++)
		f[i] = heap_alloc(0, 0, false);
	scrubbed = frame_virt(f[4]);
	for (i = 0; i < ARRAY_SIZE(f); i++)
		heap_free(f[i], 0, false);
	signal(SIGSEGV, on_fault);
	assert_int_equal(mprotect(scrubbed, PAGE_SIZE, PROT_NONE), 0);
	while (heap_scrub_some())
		;
	signal(SIGSEGV, SIG_DFL);
	assert_int_equal(in_the_middle, 1);
	assert_false(both);
	assert_int_equal(heap_free_frames(), HOST_FRAMES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup(blocks_are_aligned_and_come_together,
				       setup),
		cmocka_unit_test_setup(random_blocks_never_overlap, setup),
		cmocka_unit_test_setup(limits_are_kept, setup),
		cmocka_unit_test_setup(stale_frames_are_flushed_first, setup),
		cmocka_unit_test_setup(newest_stamp_decides, setup),
		cmocka_unit_test_setup(small_objects, setup),
		cmocka_unit_test_setup(large_objects, setup),
		cmocka_unit_test_setup(one_cpu_scrubs, setup),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
