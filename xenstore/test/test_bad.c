/*
 * Bad clients of the daemon as a program: whatever one of them sends, or does
 * not send, costs that one at most, and another one is served as before.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenstore/client/store.h"
#include "xenstore/test/spawn.h"
#include "xenstore/wire.h"

#define DAEMON		"build/xenstore/test/vane-stored"
#define CROWD		10000
#define PATIENCE_MS	20000

static struct spawned spawned;
static struct store *good;		/* the one that must not notice */

static int connect_raw(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	strcpy(addr.sun_path, spawned.socket);
	assert_true(fd >= 0);
	assert_int_equal(connect(fd, (struct sockaddr *)&addr, sizeof(addr)),
			 0);
	return fd;
}

static void assert_served(void)
{
	char *text;

	assert_int_equal(store_read(good, STORE_NO_TX, "/good", &text, NULL),
			 0);
	assert_string_equal(text, "1");
	free(text);
}

/* The next message's type, UINT32_MAX at the end of the connection. */
static uint32_t answer(int fd, char data[XENSTORE_PAYLOAD_MAX + 1])
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	struct xsd_sockmsg hdr;

	assert_int_equal(poll(&p, 1, PATIENCE_MS), 1);
	if (recv(fd, &hdr, sizeof(hdr), MSG_WAITALL) != sizeof(hdr))
		return UINT32_MAX;
	assert_true(hdr.len <= XENSTORE_PAYLOAD_MAX);
	if (hdr.len)
		assert_int_equal(recv(fd, data, hdr.len, MSG_WAITALL),
				 hdr.len);
	data[hdr.len] = '\0';
	return hdr.type;
}

static void ask(int fd, uint32_t type, uint32_t tx, const void *data,
		size_t len)
{
	struct xsd_sockmsg hdr = {
		.type = type, .tx_id = tx, .len = (uint32_t)len,
	};

	assert_int_equal(send(fd, &hdr, sizeof(hdr), MSG_NOSIGNAL),
			 sizeof(hdr));
	if (len)
		assert_int_equal(send(fd, data, len, MSG_NOSIGNAL), len);
}

/* Longer than any message: this client goes, whatever it says it is. */
static void long_messages(void **state)
{
	static const uint32_t lengths[] = { 4097, 65536, 0x7fffffff,
					    0x80000000, UINT32_MAX };
	char data[XENSTORE_PAYLOAD_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < 5; i++) {
		struct xsd_sockmsg hdr = { .type = i, .len = lengths[i] };
		int fd = connect_raw();

		assert_int_equal(send(fd, &hdr, sizeof(hdr), 0), sizeof(hdr));
		assert_int_equal(answer(fd, data), UINT32_MAX);
		close(fd);
		assert_served();
	}
}

/* Every operation and those that are none, with payloads that fit none. */
static void payloads(void **state)
{
	static const struct {
		const char *data;
		size_t len;
	} bad[] = {
		{ "", 0 }, { "", 1 }, { "/", 1 }, { "\0\0", 2 },
		{ "\xff\xfe\0", 3 }, { "/a//b", 6 }, { "/a/", 4 },
		{ "/a b", 5 }, { "@nobody", 8 }, { "a\0b\0c\0d\0", 8 },
		{ "/a\0x0\0", 6 }, { "/a\0n99999\0", 10 },
		{ "/a\0n-1\0", 7 }, { "-1\0-1\0-1\0", 9 },
		{ "99999999999999999999\0", 21 }, { "T", 1 }, { "TT", 3 },
	};
	char data[XENSTORE_PAYLOAD_MAX + 1], longest[XENSTORE_PAYLOAD_MAX];
	int fd = connect_raw();
	uint32_t got;

	(void)state;
	memset(longest, 'a', sizeof(longest));
	longest[0] = '/';
	for (uint32_t type = 0; type < 40; type++) {
		for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
			ask(fd, type, i & 1 ? 77 : 0, bad[i].data, bad[i].len);
			while ((got = answer(fd, data)) == XS_WATCH_EVENT)
				;
			assert_true(got == XS_ERROR || got == type);
		}
		ask(fd, type, 0, longest, sizeof(longest));
		while ((got = answer(fd, data)) == XS_WATCH_EVENT)
			;
		/* Those two do not look at what comes with them. */
		assert_int_equal(got, type == XS_TRANSACTION_START ||
				 type == XS_RESET_WATCHES ? type : XS_ERROR);
	}
	close(fd);
	assert_served();
}

/* Half a header, half a payload, and then nothing or the end. */
static void halves(void **state)
{
	struct xsd_sockmsg hdr = { .type = XS_WRITE, .len = 100 };
	int fd[20];

	(void)state;
	for (unsigned int i = 0; i < 20; i++) {
		size_t n = 1 + i * 5;

		fd[i] = connect_raw();
		assert_true(send(fd[i], &hdr, n < 16 ? n : 16, 0) > 0);
		if (n > 16)
			assert_true(send(fd[i], "/half", 5, 0) > 0);
		if (i & 1)
			close(fd[i]);
		assert_served();
	}
	for (unsigned int i = 0; i < 20; i += 2)
		close(fd[i]);
	assert_int_equal(store_exists(good, STORE_NO_TX, "/half"), 0);
}

/* Requests without end, no answer fetched: the sender comes to a halt. */
static void flood(void **state)
{
	struct xsd_sockmsg hdr = { .type = XS_DIRECTORY, .len = 2 };
	char message[sizeof(hdr) + 2] = { 0 };
	int fd = connect_raw();
	unsigned long sent = 0;

	(void)state;
	memcpy(message, &hdr, sizeof(hdr));
	message[sizeof(hdr)] = '/';
	for (unsigned int quiet = 0; quiet < 20;) {
		if (send(fd, message, sizeof(message),
			 MSG_DONTWAIT | MSG_NOSIGNAL) < 0) {
			assert_int_equal(errno, EAGAIN);
			quiet++;
			usleep(1000);
		} else {
			assert_true(++sent < 1000000);
		}
		if (!(sent % 1000))
			assert_served();
	}
	assert_served();
	close(fd);
	assert_served();
}

static unsigned int descriptors(int pid)
{
	unsigned int count = 0;
	char path[64];
	DIR *dir;

	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	dir = opendir(path);
	while (dir && readdir(dir))
		count++;
	if (dir)
		closedir(dir);
	return count;
}

/* How many it has once that has been the same for half a second. */
static unsigned int steady_descriptors(int pid)
{
	unsigned int last = 0, same = 0;

	for (unsigned int i = 0; i < 2000 && same < 50; i++) {
		unsigned int count = descriptors(pid);

		same = count == last ? same + 1 : 0;
		last = count;
		usleep(10000);
	}
	return last;
}

/* Ten thousand clients that say nothing; in the end nothing is kept. */
static void crowd(void **state)
{
	unsigned int before = steady_descriptors(spawned.pid), want = CROWD;
	struct rlimit limit;
	int *fd;

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	limit.rlim_cur = limit.rlim_max;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	if (limit.rlim_max < want + 100)
		want = (unsigned int)limit.rlim_max - 100;
	fd = calloc(want, sizeof(*fd));
	assert_non_null(fd);
	for (unsigned int i = 0; i < want; i++) {
		fd[i] = connect_raw();
		if (!(i % 1000))
			assert_served();
	}
	assert_served();
	for (unsigned int i = 0; i < want; i++)
		close(fd[i]);
	free(fd);
	assert_int_equal(steady_descriptors(spawned.pid), before);
	assert_served();
	print_message("# %u clients\n", want);
}

static int start(void **state)
{
	(void)state;
	if (spawn_daemon(&spawned, DAEMON))
		return -1;
	good = store_open();
	return good ? store_write_str(good, STORE_NO_TX, "/good", "1") : -1;
}

static int end(void **state)
{
	(void)state;
	store_close(good);
	return spawn_end(&spawned);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(long_messages),
		cmocka_unit_test(payloads),
		cmocka_unit_test(halves),
		cmocka_unit_test(flood),
		cmocka_unit_test(crowd),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start, end);
}
