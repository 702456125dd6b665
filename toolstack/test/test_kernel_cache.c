/*
 * Unpacked kernels, kept by content: found for the very bytes alone, and the
 * one that was used longest ago makes room.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <unistd.h>

#include "toolstack/libvane/kernel_cache.h"

#define PACKED 70000	/* more than is compared at once */

static uint8_t packed[PACKED];

static void keep(int number)
{
	char kernel[32];
	int fd = kernel_cache_begin();

	assert_true(fd >= 0);
	snprintf(kernel, sizeof(kernel), "kernel %d", number);
	assert_int_equal(write(fd, kernel, strlen(kernel)), strlen(kernel));
	packed[PACKED - 1] = (uint8_t)number;
	kernel_cache_keep(fd, packed, PACKED);
	close(fd);
	usleep(20000);		/* the times of files are coarse */
}

static bool is_kept(int number)
{
	char got[32] = "", want[32];
	size_t size = 0;
	int fd;

	packed[PACKED - 1] = (uint8_t)number;
	fd = kernel_cache_find(packed, PACKED, &size);
	if (fd < 0)
		return false;
	snprintf(want, sizeof(want), "kernel %d", number);
	assert_int_equal(size, strlen(want));
	assert_int_equal(read(fd, got, size), size);
	assert_string_equal(got, want);
	close(fd);
	usleep(20000);
	return true;
}

static void test_content(void **state)
{
	(void)state;
	assert_false(is_kept(1));
	keep(1);
	assert_true(is_kept(1));
	/* One byte, the last, tells them apart. */
	assert_false(is_kept(2));
	packed[0] = 1;
	assert_false(is_kept(1));
	packed[0] = 0;
	assert_true(is_kept(1));
}

static void test_room(void **state)
{
	(void)state;
	for (int i = 2; i <= 4; i++)
		keep(i);
	assert_true(is_kept(1));	/* used: the second is the oldest */
	keep(5);
	assert_false(is_kept(2));
	for (int i = 1; i <= 5; i++)
		assert_true(i == 2 || is_kept(i));
}

/* What was given up half way has no name. */
static void test_unfinished(void **state)
{
	int fd = kernel_cache_begin();

	(void)state;
	assert_int_equal(write(fd, "half", 4), 4);
	close(fd);
	assert_int_equal(system("test $(ls " CACHE_DIR " | wc -l) = 4"), 0);
}

static int clean(void **state)
{
	(void)state;
	return system("rm -rf " CACHE_DIR);
}

/* A file, for as long as nobody changes it or puts another in its place. */
static void test_seen(void **state)
{
	char path[] = "/tmp/vane-test-XXXXXX";
	int fd = mkstemp(path), other;

	(void)state;
	assert_true(fd >= 0);
	assert_false(kernel_cache_seen(fd));
	assert_true(kernel_cache_seen(fd));
	other = open(path, O_RDONLY);
	assert_true(kernel_cache_seen(other));
	close(other);
	usleep(20000);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_false(kernel_cache_seen(fd));
	assert_true(kernel_cache_seen(fd));
	unlink(path);
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_content),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_unfinished),
		cmocka_unit_test(test_seen),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("kernel_cache", tests, clean, clean);
}
