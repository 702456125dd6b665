/*
 * A guest's output on its way to a reader: the backlog is bounded and keeps
 * the latest, a log file's name cannot leave its folder, a full log file
 * makes room for the next.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <poll.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/console/backlog.h"
#include "backend-drivers/console/guestlog.h"
#include "backend-drivers/console/pty.h"

static size_t drain(struct backlog *b, char *to)
{
	size_t total = 0, len;
	const char *head;

	while (head = backlog_head(b, &len), len) {
		memcpy(to + total, head, len);
		backlog_drop(b, len);
		total += len;
	}
	return total;
}

/* Against a plain array that forgets what is too old. */
static void test_backlog(void **state)
{
	static char model[1 << 20], out[1 << 20];
	struct backlog b;
	size_t len = 0, limit = 16384;
	uint32_t seed = 1;

	(void)state;
	backlog_init(&b, 20000);	/* rounds down */
	for (int round = 0; round < 2000; round++) {
		char bytes[9000];
		size_t n;

		seed = seed * 1103515245 + 12345;
		n = seed >> 8;
		n %= round % 50 ? 3000 : sizeof(bytes);
		for (size_t i = 0; i < n; i++)
			bytes[i] = (char)(seed >> 16) + (char)i;
		backlog_add(&b, bytes, n);
		memcpy(model + len, bytes, n);
		len += n;
		if (len > limit) {
			memmove(model, model + len - limit, limit);
			len = limit;
		}
		assert_int_equal(b.len, len);
		if (seed % 3 == 0) {
			assert_int_equal(drain(&b, out), len);
			assert_memory_equal(out, model, len);
			len = 0;
		}
	}
	assert_true(b.size <= limit);
	backlog_free(&b);
	backlog_free(&b);
}

/* More at once than it may hold: the end stays. */
static void test_flood(void **state)
{
	static char flood[100000], out[100000];
	struct backlog b;

	(void)state;
	for (size_t i = 0; i < sizeof(flood); i++)
		flood[i] = (char)(i * 13);
	backlog_init(&b, 1);		/* not less than a page */
	backlog_add(&b, flood, 10);
	backlog_add(&b, flood, sizeof(flood));
	assert_int_equal(drain(&b, out), 4096);
	assert_memory_equal(out, flood + sizeof(flood) - 4096, 4096);
	backlog_free(&b);
}

static void test_log(void **state)
{
	static char chunk[1024];
	char dir[] = "/tmp/test_console.XXXXXX", path[64];
	struct guestlog l;
	struct stat st;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(guestlog_open(&l, dir, "../../etc/x y\n"), 0);
	snprintf(path, sizeof(path), "%s/guest-.._.._etc_x_y_.log", dir);
	assert_string_equal(l.path, path);
	memset(chunk, 'x', sizeof(chunk));
	for (size_t i = 0; i <= GUESTLOG_MAX / sizeof(chunk); i++)
		guestlog_add(&l, chunk, sizeof(chunk));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, sizeof(chunk));
	unlink(path);
	strcat(path, ".1");
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_size, GUESTLOG_MAX);
	unlink(path);
	guestlog_close(&l);
	guestlog_close(&l);
	guestlog_add(&l, chunk, 1);
	assert_int_equal(rmdir(dir), 0);
}

/* Reads what was written to the other end, when it has come through. */
static void read_all(int fd, void *buf, size_t len)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	size_t got = 0;
	ssize_t n;

	while (got < len) {
		assert_int_equal(poll(&p, 1, 60000), 1);
		n = read(fd, (char *)buf + got, len - got);
		assert_true(n > 0);
		got += (size_t)n;
	}
}

static void wait_unread(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	assert_int_equal(poll(&p, 1, 60000), 1);
}

/* Raw: bytes go through as they are; what is unread is known. */
static void test_pty(void **state)
{
	static const char text[] = "a\n\003\021b\r";
	char path[64], back[16];
	int master, slave;

	(void)state;
	assert_int_equal(pty_open(&master, &slave, path, sizeof(path)), 0);
	assert_false(pty_unread(slave));
	assert_int_equal(write(master, text, 6), 6);
	wait_unread(slave);
	assert_true(pty_unread(slave));
	read_all(slave, back, 6);
	assert_memory_equal(back, text, 6);
	assert_false(pty_unread(slave));
	assert_int_equal(write(slave, text, 6), 6);
	read_all(master, back, 6);
	assert_memory_equal(back, text, 6);
	/* Nothing comes back as an echo, and reading does not block. */
	assert_int_equal(read(master, back, sizeof(back)), -1);
	close(master);
	close(slave);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_backlog),
		cmocka_unit_test(test_flood),
		cmocka_unit_test(test_log),
		cmocka_unit_test(test_pty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
