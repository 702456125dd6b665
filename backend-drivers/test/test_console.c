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

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/console/backlog.h"
#include "backend-drivers/console/guestlog.h"
#include "backend-drivers/console/history.h"
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

static int open_history(const char *dir, const char *name)
{
	char path[96];

	snprintf(path, sizeof(path), "%s/%s.history", dir, name);
	return open(path, O_RDONLY);
}

static void expect_history(const char *dir, const char *name, uint32_t alive,
			   const char *text)
{
	static char got[HISTORY_SIZE];
	struct history_head head;
	int fd = open_history(dir, name);

	assert_true(fd >= 0);
	assert_int_equal(history_read(fd, &head, got), strlen(text));
	assert_memory_equal(got, text, strlen(text));
	assert_int_equal(head.alive, alive);
	assert_string_equal(head.name, name);
	close(fd);
}

/* A daemon that starts again goes on; the next life begins anew. */
static void test_history(void **state)
{
	char dir[] = "/tmp/test_console.XXXXXX", name[16], path[64];
	struct history h;
	unsigned int left = 0;

	(void)state;
	assert_non_null(mkdtemp(dir));
	assert_int_equal(history_open(&h, dir, "web", "u-1", 3), 0);
	history_add(&h, "one ", 4);
	expect_history(dir, "web", 1, "one ");
	history_close(&h, false);
	assert_int_equal(history_open(&h, dir, "web", "u-1", 3), 0);
	history_add(&h, "two", 3);
	history_close(&h, true);
	expect_history(dir, "web", 0, "one two");
	assert_int_equal(history_open(&h, dir, "web", "u-1", 4), 0);
	history_add(&h, "three", 5);
	history_close(&h, true);
	history_close(&h, true);
	history_add(&h, "lost", 4);
	expect_history(dir, "web", 0, "three");
	/* A new life of that name has none before it says something. */
	assert_int_equal(history_open(&h, dir, "web", "u-1", 5), 0);
	history_close(&h, false);
	history_forget(dir, "web", 5);
	expect_history(dir, "web", 1, "");
	history_forget(dir, "web", 6);
	assert_int_equal(open_history(dir, "web"), -1);
	assert_int_equal(history_open(&h, dir, "web", "u-1", 6), 0);
	history_close(&h, true);
	usleep(20000);		/* the times of files are coarse */
	/* Too many: the oldest goes, one that lives stays. */
	assert_int_equal(history_open(&h, dir, "lives", "", 5), 0);
	for (int i = 0; i < HISTORY_FILES + 5; i++) {
		struct history other;

		snprintf(name, sizeof(name), "d%d", i);
		assert_int_equal(history_open(&other, dir, name, "", 6), 0);
		history_close(&other, true);
	}
	history_close(&h, false);
	expect_history(dir, "lives", 1, "");
	for (int i = 0; i < HISTORY_FILES + 5; i++) {
		snprintf(path, sizeof(path), "%s/d%d.history", dir, i);
		left += !unlink(path);
	}
	assert_int_equal(left, HISTORY_FILES);
	assert_int_equal(open_history(dir, "web"), -1);
	snprintf(path, sizeof(path), "%s/lives.history", dir);
	assert_int_equal(unlink(path), 0);
	assert_int_equal(rmdir(dir), 0);
}

/* More than is kept: the latest stays, in order. */
static void test_history_flood(void **state)
{
	static char flood[3 * HISTORY_SIZE / 2], got[HISTORY_SIZE];
	char dir[] = "/tmp/test_console.XXXXXX", path[64];
	struct history_head head;
	struct history h;
	int fd;

	(void)state;
	for (size_t i = 0; i < sizeof(flood); i++)
		flood[i] = (char)(i * 13 + i / 256);
	assert_non_null(mkdtemp(dir));
	assert_int_equal(history_open(&h, dir, "x/y", "", 3), 0);
	for (size_t i = 0; i < sizeof(flood); i += 1000)
		history_add(&h, flood + i, sizeof(flood) - i < 1000 ?
			    sizeof(flood) - i : 1000);
	fd = open_history(dir, "x_y");
	assert_int_equal(history_read(fd, &head, got), HISTORY_SIZE);
	assert_memory_equal(got, flood + sizeof(flood) - HISTORY_SIZE,
			    HISTORY_SIZE);
	history_add(&h, flood, sizeof(flood)); /* in one piece */
	assert_int_equal(history_read(fd, &head, got), HISTORY_SIZE);
	assert_memory_equal(got, flood + sizeof(flood) - HISTORY_SIZE,
			    HISTORY_SIZE);
	close(fd);
	history_close(&h, true);
	snprintf(path, sizeof(path), "%s/x_y.history", dir);
	assert_int_equal(truncate(path, 100), 0);
	fd = open(path, O_RDONLY);
	assert_int_equal(history_read(fd, &head, got), -EINVAL);
	close(fd);
	unlink(path);
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
		cmocka_unit_test(test_history),
		cmocka_unit_test(test_history_flood),
		cmocka_unit_test(test_pty),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("console", tests, NULL, NULL);
}
