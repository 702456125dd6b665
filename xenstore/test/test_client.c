/*
 * The client library against our daemon as a program, through a real socket:
 * each function's success and its refusals, events that arrive while a reply
 * is awaited, the retry of transactions, and the end of the daemon.
 *
 * With XENSTORED_PATH set it takes the store that serves there (in a Dom0,
 * /dev/xen/xenbus leads through the kernel's ring), leaves the cases out
 * that make domains up or end the daemon, and cleans up behind itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "xenstore/client/store.h"
#include "xenstore/test/spawn.h"

#define DAEMON "build/xenstore/test/vane-stored"

static struct spawned stored;
static struct store *s, *other;

static bool spawned;		/* the daemon is ours */

static int setup(void **state)
{
	(void)state;
	if (spawned && spawn_daemon(&stored, DAEMON))
		return -1;
	s = store_open();
	other = store_open();
	return s && other ? 0 : -1;
}

static int teardown(void **state)
{
	(void)state;
	store_close(s);
	store_close(other);
	store_close(NULL);
	return spawned ? spawn_end(&stored) : 0;
}

static void assert_read(const char *path, const char *want)
{
	char *value;
	size_t len;

	assert_int_equal(store_read(s, STORE_NO_TX, path, &value, &len), 0);
	assert_string_equal(value, want);
	assert_int_equal(len, strlen(want));
	free(value);
}

/* Does the kernel stand between us and the daemon? */
static bool by_kernel(void)
{
	return !strncmp(getenv("XENSTORED_PATH"), "/dev/", 5);
}

/* What one request holds; the kernel's buffer includes the header. */
static size_t room(void)
{
	return by_kernel() ? 4080 : 4096;
}

static void nodes(void **state)
{
	char *value = (char *)"untouched", big[4097] = "";
	size_t len;

	(void)state;
	assert_int_equal(store_write_str(s, 0, "/n/a", "hello"), 0);
	assert_read("/n/a", "hello");
	assert_int_equal(store_writef(s, 0, "/n/b", "%d-%s", 5, "x"), 0);
	assert_read("/n/b", "5-x");
	assert_int_equal(store_write(s, 0, "/n/c", "a\0b", 3), 0);
	assert_int_equal(store_read(s, 0, "/n/c", &value, &len), 0);
	assert_int_equal(len, 3);
	assert_memory_equal(value, "a\0b", 4);
	free(value);
	value = (char *)"untouched";
	assert_int_equal(store_read(s, 0, "/n/none", &value, &len), -ENOENT);
	assert_string_equal(value, "untouched");
	assert_int_equal(store_read(s, 0, "no good", &value, &len), -EINVAL);
	assert_int_equal(store_write(s, 0, "/n/d", big, 4097), -E2BIG);
	assert_int_equal(store_write(s, 0, "/n/d", big, room() - 5), 0);
	assert_int_equal(store_write(s, 0, "/n/d", big, room() - 4), -E2BIG);
	assert_int_equal(store_mkdir(s, 0, "/n/e"), 0);
	assert_int_equal(store_mkdir(s, 0, "/n/e"), 0);
	assert_int_equal(store_exists(s, 0, "/n/e"), 1);
	assert_int_equal(store_rm(s, 0, "/n/e"), 0);
	assert_int_equal(store_exists(s, 0, "/n/e"), 0);
	assert_int_equal(store_exists(s, 0, "/n/ e"), -EINVAL);
	assert_int_equal(store_rm(s, 0, "/n/e/f"), -ENOENT);
	assert_int_equal(store_rm(s, 0, "/n"), 0);
}

/* More than one batch's worth, with a refusal in the middle. */
static void batches(void **state)
{
	static const struct store_perm perm = { 0, STORE_PERM_READ };
	const char *paths[200];
	char text[200][24], *values[200], big[4097] = "";
	unsigned int n;
	struct store_perm *perms;

	(void)state;
	assert_int_equal(store_batch_begin(s), 0);
	for (unsigned int i = 0; i < 200; i++) {
		snprintf(text[i], sizeof(text[i]), "/b/%u", i);
		paths[i] = text[i];
		assert_int_equal(store_writef(s, 0, text[i], "v%u", i), 0);
	}
	assert_int_equal(store_set_perms(s, 0, "/b/199", &perm, 1), 0);
	/* What is no write comes after them. */
	assert_int_equal(store_exists(s, 0, "/b/199"), 1);
	assert_int_equal(store_batch_end(s), 0);
	assert_int_equal(store_get_perms(s, 0, "/b/199", &perms, &n), 0);
	assert_int_equal(perms[0].access, STORE_PERM_READ);
	free(perms);
	paths[100] = "/b/none";
	assert_int_equal(store_read_many(s, 0, paths, 200, values), 0);
	for (unsigned int i = 0; i < 200; i++) {
		char want[8];

		snprintf(want, sizeof(want), "v%u", i);
		if (i == 100)
			assert_null(values[i]);
		else
			assert_string_equal(values[i], want);
		free(values[i]);
	}
	/* The first refusal is told; the others are carried out. */
	assert_int_equal(store_batch_begin(s), 0);
	n = by_kernel() ? 0 : 1;
	assert_int_equal(store_write_str(s, 0, "no good", "x") ? 0 : 1, n);
	assert_int_equal(store_write(s, 0, "/b/d", big, 4097), -E2BIG);
	assert_int_equal(store_mkdir(s, 0, "/b/later"), 0);
	assert_int_equal(store_batch_end(s), by_kernel() ? 0 : -EINVAL);
	assert_int_equal(store_exists(s, 0, "/b/later"), 1);
	assert_int_equal(store_batch_begin(s), 0);
	assert_int_equal(store_batch_end(s), 0);
	assert_int_equal(store_rm(s, 0, "/b"), 0);
}

static void numbers(void **state)
{
	static const struct {
		const char *text;
		int rc;
		uint64_t number;
	} cases[] = {
		{ "0", 0, 0 }, { "17", 0, 17 }, { "0x1F", 0, 31 },
		{ "18446744073709551615", 0, UINT64_MAX },
		{ "18446744073709551616", -EINVAL, 0 },
		{ "", -EINVAL, 0 }, { " 1", -EINVAL, 0 }, { "-1", -EINVAL, 0 },
		{ "1 ", -EINVAL, 0 }, { "0x", -EINVAL, 0 }, { "x", -EINVAL, 0 },
		{ "a", -EINVAL, 0 }, { "+1", -EINVAL, 0 },
		{ "0x-1", -EINVAL, 0 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		uint64_t n = 99;

		assert_int_equal(store_write_str(s, 0, "/u", cases[i].text), 0);
		if (store_read_u64(s, 0, "/u", &n) != cases[i].rc)
			fail_msg("\"%s\"", cases[i].text);
		assert_true(n == (cases[i].rc ? 99 : cases[i].number));
	}
}

static void directories(void **state)
{
	const unsigned int children = by_kernel() ? 700 : 2000;
	char **names, path[64], want[32];
	unsigned int count;

	(void)state;
	assert_int_equal(store_mkdir(s, 0, "/d"), 0);
	assert_int_equal(store_directory(s, 0, "/d", &names, &count), 0);
	assert_int_equal(count, 0);
	assert_null(names[0]);
	free(names);
	/* Far more than one message. */
	for (unsigned int i = 0; i < children; i++) {
		snprintf(path, sizeof(path), "/d/child-%u", i * 11 % children);
		assert_int_equal(store_mkdir(s, 0, path), 0);
	}
	assert_int_equal(store_directory(s, 0, "/d", &names, &count), 0);
	assert_int_equal(count, children);
	for (unsigned int i = 0; i < children; i++) {
		snprintf(want, sizeof(want), "child-%u", i * 11 % children);
		assert_string_equal(names[i], want);
	}
	assert_null(names[children]);
	free(names);
	assert_int_equal(store_directory(s, 0, "/none", &names, &count),
			 -ENOENT);
}

static void permissions(void **state)
{
	const struct store_perm set[] = {
		{ 0, STORE_PERM_NONE }, { 5, STORE_PERM_READ },
		{ 6, STORE_PERM_WRITE }, { 12345, STORE_PERM_BOTH },
	};
	struct store_perm *got;
	unsigned int count;

	(void)state;
	assert_int_equal(store_mkdir(s, 0, "/p"), 0);
	assert_int_equal(store_set_perms(s, 0, "/p", set, 4), 0);
	assert_int_equal(store_get_perms(s, 0, "/p", &got, &count), 0);
	assert_int_equal(count, 4);
	for (unsigned int i = 0; i < 4; i++) {
		assert_int_equal(got[i].domid, set[i].domid);
		assert_int_equal(got[i].access, set[i].access);
	}
	free(got);
	assert_int_equal(store_set_perms(s, 0, "/p", set, 0), -EINVAL);
	assert_int_equal(store_get_perms(s, 0, "/q", &got, &count), -ENOENT);
}

static void assert_event(const char *path, const char *token)
{
	struct store_event ev;

	assert_int_equal(store_next_event(s, 5000, &ev), 1);
	assert_string_equal(ev.path, path);
	assert_string_equal(ev.token, token);
}

static bool readable(void)
{
	struct pollfd pfd = { .fd = store_fd(s), .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

static void watches(void **state)
{
	struct store_event ev;

	(void)state;
	assert_int_equal(store_next_event(s, 0, &ev), 0);
	assert_false(readable());
	assert_int_equal(store_watch(s, "/w", "tok"), 0);
	/* The kernel keeps its clients' watches itself, and never minds. */
	if (!by_kernel())
		assert_int_equal(store_watch(s, "/w", "tok"), -EEXIST);
	assert_event("/w", "tok");
	assert_false(readable());
	assert_int_equal(store_next_event(s, 20, &ev), 0);
	assert_int_equal(store_write_str(other, 0, "/w/a/b", "1"), 0);
	/* Replies are found among events, and events are kept. */
	assert_int_equal(store_write_str(s, 0, "/w/c", "1"), 0);
	assert_read("/w/c", "1");
	assert_true(readable());
	assert_event("/w/a/b", "tok");
	assert_event("/w/c", "tok");
	assert_false(readable());
	/* An event's texts outlive other calls. */
	assert_int_equal(store_write_str(s, 0, "/w/d", "1"), 0);
	assert_int_equal(store_next_event(s, 1000, &ev), 1);
	assert_read("/w/c", "1");
	assert_string_equal(ev.path, "/w/d");
	/* The end of a watch takes its events along, and no others. */
	assert_int_equal(store_watch(s, "/w/x", "x"), 0);
	assert_int_equal(store_write_str(s, 0, "/w/x", "1"), 0);
	assert_int_equal(store_unwatch(s, "/w", "tok"), 0);
	if (!by_kernel())
		assert_int_equal(store_unwatch(s, "/w", "tok"), -ENOENT);
	assert_event("/w/x", "x");
	assert_event("/w/x", "x");
	assert_int_equal(store_next_event(s, 0, &ev), 0);
	assert_false(readable());
	/* Through the kernel this would drop the kernel's own watches. */
	if (by_kernel())
		assert_int_equal(store_unwatch(s, "/w/x", "x"), 0);
	else
		assert_int_equal(store_reset_watches(s), 0);
	assert_int_equal(store_write_str(s, 0, "/w/x", "1"), 0);
	assert_int_equal(store_next_event(s, 0, &ev), 0);
}

static void many_events(void **state)
{
	const unsigned int count = by_kernel() ? 500 : 5000;
	char path[64];

	(void)state;
	assert_int_equal(store_watch(s, "/m", "m"), 0);
	assert_event("/m", "m");
	for (unsigned int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/m/%u", i);
		assert_int_equal(store_mkdir(other, 0, path), 0);
	}
	for (unsigned int i = 0; i < count; i++) {
		snprintf(path, sizeof(path), "/m/%u", i);
		assert_event(path, "m");
	}
	assert_int_equal(store_unwatch(s, "/m", "m"), 0);
}

/* Adds one to a number; the first run is disturbed by somebody else. */
static int increment(struct store *conn, store_tx tx, void *arg)
{
	unsigned int *runs = arg;
	uint64_t n;
	int rc;

	rc = store_read_u64(conn, tx, "/t/n", &n);
	if (rc)
		return rc;
	if (!(*runs)++)
		assert_int_equal(store_write_str(other, 0, "/t/n", "10"), 0);
	return store_writef(conn, tx, "/t/n", "%llu",
			    (unsigned long long)n + 1);
}

static int refuse(struct store *conn, store_tx tx, void *arg)
{
	(void)arg;
	assert_int_equal(store_write_str(conn, tx, "/t/n", "99"), 0);
	return -ENOSPC;
}

/* Says what another's store says of a node that went away under it. */
static int gone_under_it(struct store *conn, store_tx tx, void *arg)
{
	unsigned int *left = arg;
	int rc = store_write_str(conn, tx, "/t/n", "98");

	return rc ? rc : *left && (*left)-- ? -EIO : 0;
}

static void transactions(void **state)
{
	unsigned int runs = 0, gone = 2, left = 99;
	store_tx tx;

	(void)state;
	assert_int_equal(store_write_str(s, 0, "/t/n", "1"), 0);
	assert_int_equal(store_transaction(s, increment, &runs), 0);
	assert_int_equal(runs, 2);
	assert_read("/t/n", "11");
	assert_int_equal(store_transaction(s, refuse, NULL), -ENOSPC);
	assert_read("/t/n", "11");
	/* Again and again, but not for ever. */
	assert_int_equal(store_transaction(s, gone_under_it, &left), -EIO);
	assert_in_range(left, 89, 98);
	assert_read("/t/n", "11");
	assert_int_equal(store_transaction(s, gone_under_it, &gone), 0);
	assert_read("/t/n", "98");
	assert_int_equal(store_transaction_start(s, &tx), 0);
	assert_int_equal(store_write_str(s, tx, "/t/x", "1"), 0);
	assert_int_equal(store_exists(s, 0, "/t/x"), 0);
	assert_int_equal(store_transaction_end(s, tx, false), 0);
	assert_int_equal(store_transaction_end(s, tx, false), -ENOENT);
	assert_int_equal(store_exists(s, 0, "/t/x"), 0);
}

static void domains(void **state)
{
	static const char *const check[] = { "check" };
	static const char *const nonsense[] = { "nonsense" };
	char *text;

	(void)state;
	assert_int_equal(store_domain_path(s, 7, &text), 0);
	assert_string_equal(text, "/local/domain/7");
	free(text);
	assert_int_equal(store_is_introduced(s, 7), 0);
	assert_int_equal(store_introduce(s, 7, 1234, 5), 0);
	assert_int_equal(store_is_introduced(s, 7), 1);
	assert_int_equal(store_introduce(s, 8, 1234, 5), 0);
	assert_int_equal(store_set_target(s, 8, 7), 0);
	assert_int_equal(store_resume(s, 7), 0);
	assert_int_equal(store_release(s, 7), 0);
	assert_int_equal(store_release(s, 7), -ENOENT);
	assert_int_equal(store_release(s, 0), -EINVAL);
	assert_int_equal(store_control(s, check, 1, &text), 0);
	assert_string_equal(text, "OK");
	free(text);
	assert_int_equal(store_control(s, nonsense, 1, &text), -EINVAL);
}

/* The last test: the daemon goes while an event waits. */
static void end_of_the_daemon(void **state)
{
	struct store_event ev;
	char *value;

	(void)state;
	assert_int_equal(store_watch(s, "/w", "tok"), 0);
	assert_int_equal(store_write_str(s, 0, "/x", "1"), 0);
	kill(stored.pid, SIGTERM);
	/* What came before is handed out, then the end is told. */
	assert_event("/w", "tok");
	assert_int_equal(store_next_event(s, -1, &ev), -EPIPE);
	assert_true(readable());
	assert_int_equal(store_read(s, 0, "/x", &value, NULL), -EPIPE);
	assert_int_equal(store_write_str(other, 0, "/x", "1"), -EPIPE);
	assert_null(store_open());
}

static void clean_up(void **state)
{
	static const char *const made[] = { "/u", "/d", "/p", "/w", "/m",
					    "/t" };

	(void)state;
	for (size_t i = 0; i < sizeof(made) / sizeof(made[0]); i++)
		assert_int_equal(store_rm(s, 0, made[i]), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(batches),
		cmocka_unit_test(numbers),
		cmocka_unit_test(directories),
		cmocka_unit_test(permissions),
		cmocka_unit_test(watches),
		cmocka_unit_test(many_events),
		cmocka_unit_test(transactions),
		cmocka_unit_test(clean_up),
	};
	const struct CMUnitTest own_tests[] = {
		cmocka_unit_test(nodes),
		cmocka_unit_test(batches),
		cmocka_unit_test(numbers),
		cmocka_unit_test(directories),
		cmocka_unit_test(permissions),
		cmocka_unit_test(watches),
		cmocka_unit_test(many_events),
		cmocka_unit_test(transactions),
		cmocka_unit_test(clean_up),
		cmocka_unit_test(domains),
		cmocka_unit_test(end_of_the_daemon),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	spawned = !getenv("XENSTORED_PATH");
	if (!spawned)
		return cmocka_run_group_tests(tests, setup, teardown);
	return cmocka_run_group_tests(own_tests, setup, teardown);
}
