/*
 * The daemon is killed with SIGKILL at random moments, a hundred times, while
 * clients of the socket and guests behind rings write, watch and transact.
 * Now and then it is the holder that is killed.  Afterwards every request has
 * had one answer, every change happened once and was told once, and the store
 * is what the clients made of it.
 *
 * The daemon is the real one, but for hv_file.c.  KILLS and SEED in the
 * environment make it longer or different.
 */
#include <stdarg.h>
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "xenstore/client/store.h"
#include "xenstore/test/guest.h"
#include "xenstore/test/rounds.h"
#include "xenstore/test/spawn.h"

#define DAEMON		"build/xenstore/test/vane-stored-file"
#define CLIENTS		3
#define GUESTS		2
#define FIRST_GUEST	1
#define PLACES		40	/* nodes that one of them writes in turn */
#define PATIENCE_MS	20000

static struct spawned spawned;
static volatile sig_atomic_t stop;

static void on_stop(int sig)
{
	(void)sig;
	stop = 1;
}

static bool complain(const char *who, unsigned int number, const char *what,
		     long value)
{
	printf("# %s %u: %s (%ld)\n", who, number, what, value);
	fflush(stdout);
	return false;
}

static int client(unsigned int me)
{
	struct rounds r;
	char name[8];
	bool ok;

	snprintf(name, sizeof(name), "%u", me);
	ok = rounds_begin(&r, name);
	while (ok && !stop)
		ok = rounds_do(&r);
	return ok && rounds_end(&r) ? 0 : 1;
}

/* --- a guest -------------------------------------------------------------- */

static uint32_t expect(struct guest *g, uint32_t type, uint32_t tx,
		       const void *data, size_t len, char *answer)
{
	uint32_t got = guest_ask(g, type, tx, data, len, answer);

	if (got != type && (got != XS_ERROR || strcmp(answer, "EAGAIN")))
		(void)complain("guest", g->domid, got ? answer : "no answer",
			       (long)type);
	return got;
}

static bool guest_write(struct guest *g, uint32_t tx, const char *path,
			unsigned long n)
{
	char data[96], answer[XENSTORE_PAYLOAD_MAX + 1];
	size_t len = strlen(path) + 1;

	memcpy(data, path, len);
	len += (size_t)snprintf(data + len, sizeof(data) - len, "%lu", n);
	return expect(g, XS_WRITE, tx, data, len, answer) == XS_WRITE;
}

static bool guest_read(struct guest *g, uint32_t tx, const char *path,
		       unsigned long *n)
{
	char answer[XENSTORE_PAYLOAD_MAX + 1];

	if (expect(g, XS_READ, tx, path, strlen(path) + 1, answer) !=
	    XS_READ)
		return false;
	*n = strtoul(answer, NULL, 10);
	return true;
}

static bool guest_add(struct guest *g)
{
	char answer[XENSTORE_PAYLOAD_MAX + 1];
	unsigned long n;
	uint32_t tx, got;

	do {
		if (expect(g, XS_TRANSACTION_START, 0, "", 1, answer) !=
		    XS_TRANSACTION_START)
			return false;
		tx = (uint32_t)strtoul(answer, NULL, 10);
		if (!guest_read(g, tx, "/sum", &n) ||
		    !guest_write(g, tx, "/sum", n + 1))
			return false;
		got = expect(g, XS_TRANSACTION_END, tx, "T", 2, answer);
	} while (got == XS_ERROR && !strcmp(answer, "EAGAIN"));
	return got == XS_TRANSACTION_END;
}

static bool guest_round(struct guest *g, unsigned long n)
{
	unsigned long value;
	const char *event;
	char path[32];

	snprintf(path, sizeof(path), "k/%lu", n % PLACES);
	if (!guest_write(g, 0, path, n))
		return complain("guest", g->domid, "write", (long)n);
	event = guest_event(g);
	if (!event || strcmp(event, path))
		return complain("guest", g->domid, event ? event : "no event",
				(long)n);
	if (!guest_read(g, 0, path, &value) || value != n)
		return complain("guest", g->domid, "read", (long)value);
	return guest_add(g) ? true :
	       complain("guest", g->domid, "transaction", (long)n);
}

static int guest(uint32_t domid)
{
	char answer[XENSTORE_PAYLOAD_MAX + 1];
	unsigned long n = 0;
	struct guest g;
	bool ok;

	ok = guest_open(&g, spawned.folder, domid) &&
	     expect(&g, XS_WATCH, 0, "k\0t", 4, answer) == XS_WATCH &&
	     guest_event(&g);
	while (ok && !stop)
		ok = guest_round(&g, ++n);
	ok = ok && guest_write(&g, 0, "k", n);
	return ok ? 0 : 1;
}

/* --- the killer ----------------------------------------------------------- */

static int daemon_pid(void)
{
	char path[96];
	int pid = 0;
	FILE *f;

	snprintf(path, sizeof(path), "%s/pid", spawned.folder);
	f = fopen(path, "r");
	if (f && fscanf(f, "%d", &pid) != 1)
		pid = 0;
	if (f)
		fclose(f);
	return pid;
}

/* The name and the parent of a process; false if there is none. */
static bool process(int pid, char name[32], int *parent)
{
	char path[64];
	FILE *f;
	int n;

	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	f = fopen(path, "r");
	if (!f)
		return false;
	n = fscanf(f, "%*d (%31[^)]) %*c %d", name, parent);
	fclose(f);
	return n == 2;
}

/* The daemon's parent, if that is a holder: one that started it. */
static int holder_of(int pid)
{
	char name[32];
	int parent, above;

	if (!process(pid, name, &parent) || !process(parent, name, &above))
		return 0;
	return strncmp(name, "vane-stored", 11) ? 0 : parent;
}

static bool has_child(int pid)
{
	DIR *dir = opendir("/proc");
	const struct dirent *e;
	bool found = false;
	char name[32];
	int parent;

	while (dir && !found && (e = readdir(dir)))
		found = process(atoi(e->d_name), name, &parent) &&
			parent == pid;
	if (dir)
		closedir(dir);
	return found;
}

/* Kill it some time after it wrote its pid, now and then long before. */
static void kill_daemon(bool early)
{
	int pid = daemon_pid();

	for (unsigned int i = 0; i < 1000 && (!pid || kill(pid, 0)); i++) {
		usleep(10000);
		pid = daemon_pid();
	}
	usleep(early ? 0 : (useconds_t)(rand() % 30000));
	assert_true(pid > 0);
	kill(pid, SIGKILL);
}

/*
 * Only while the daemon serves, and until it has another holder: what both
 * lose at once is lost.  Its next answer comes when that one has everything.
 */
static bool kill_holder(struct store *s)
{
	int pid = daemon_pid(), holder = pid ? holder_of(pid) : 0;

	if (!holder)
		return false;
	kill(holder, SIGKILL);
	for (unsigned int i = 0; i < 1000 && !has_child(pid); i++)
		usleep(10000);
	assert_int_equal(store_exists(s, STORE_NO_TX, "/sum"), 1);
	return true;
}

/* --- the test ------------------------------------------------------------- */

static int start_all(void **state)
{
	char path[96];

	(void)state;
	if (spawn_prepare(&spawned))
		return -1;
	setenv("STORE_TEST_RINGS", spawned.folder, 1);
	snprintf(path, sizeof(path), "%s/in.0", spawned.folder);
	if (mkfifo(path, 0600))
		return -1;
	for (uint32_t i = 0; i < GUESTS; i++) {
		if (!guest_make(spawned.folder, FIRST_GUEST + i))
			return -1;
	}
	return spawn_start(&spawned, DAEMON, true);
}

static void prepare_store(struct store *s)
{
	static const struct store_perm all = { 0, STORE_PERM_BOTH };

	assert_int_equal(store_write_str(s, STORE_NO_TX, "/sum", "0"), 0);
	assert_int_equal(store_set_perms(s, STORE_NO_TX, "/sum", &all, 1), 0);
	for (uint32_t i = 0; i < GUESTS; i++) {
		struct store_perm own = { FIRST_GUEST + i, STORE_PERM_NONE };
		char path[64];

		assert_int_equal(store_introduce(s, FIRST_GUEST + i, 0, 1), 0);
		snprintf(path, sizeof(path), "/local/domain/%u",
			 FIRST_GUEST + i);
		assert_int_equal(store_mkdir(s, STORE_NO_TX, path), 0);
		assert_int_equal(store_set_perms(s, STORE_NO_TX, path, &own,
						 1), 0);
	}
}

static void check_sum(struct store *s)
{
	char path[64], *text, *word = "check";
	uint64_t sum, n, total = 0;

	for (unsigned int i = 0; i < CLIENTS + GUESTS; i++) {
		if (i < CLIENTS)
			snprintf(path, sizeof(path), "/c/%u", i);
		else
			snprintf(path, sizeof(path), "/local/domain/%u/k",
				 FIRST_GUEST + i - CLIENTS);
		assert_int_equal(store_read_u64(s, STORE_NO_TX, path, &n), 0);
		total += n;
	}
	assert_int_equal(store_read_u64(s, STORE_NO_TX, "/sum", &sum), 0);
	assert_int_equal(sum, total);
	assert_int_equal(store_control(s, (const char **)&word, 1, &text), 0);
	assert_string_equal(text, "OK");
	free(text);
	print_message("# %llu rounds\n", (unsigned long long)total);
}

static void killed(void **state)
{
	const char *kills = getenv("KILLS"), *seed = getenv("SEED");
	unsigned int count = kills ? (unsigned int)atoi(kills) : 100;
	pid_t child[CLIENTS + GUESTS];
	struct store *s = store_open();
	unsigned int holders = 0;
	int status, failed = 0;

	(void)state;
	assert_non_null(s);
	srand(seed ? (unsigned int)atoi(seed) : 1);
	prepare_store(s);
	signal(SIGTERM, on_stop);
	for (unsigned int i = 0; i < CLIENTS + GUESTS; i++) {
		child[i] = fork();
		if (!child[i])
			_exit(i < CLIENTS ? client(i) :
			      guest(FIRST_GUEST + i - CLIENTS));
	}
	signal(SIGTERM, SIG_DFL);
	for (unsigned int i = 0; i < count; i++) {
		kill_daemon(i % 7 == 6);
		if (i % 10 == 9) {
			usleep(300000);
			holders += kill_holder(s);
		}
	}
	usleep(200000);
	for (unsigned int i = 0; i < CLIENTS + GUESTS; i++)
		kill(child[i], SIGTERM);
	for (unsigned int i = 0; i < CLIENTS + GUESTS; i++) {
		waitpid(child[i], &status, 0);
		failed += status != 0;
	}
	assert_int_equal(failed, 0);
	check_sum(s);
	print_message("# %u kills of the daemon, %u of the holder\n", count,
		      holders);
	store_close(s);
}

/* --- live updates --------------------------------------------------------- */

static void update_to(struct store *s, const char *program)
{
	const char *word[] = { "live-update", "-f", program };
	char *text;

	assert_int_equal(store_control(s, word, 3, &text), 0);
	assert_string_equal(text, "OK");
	free(text);
	word[1] = "-s";
	assert_int_equal(store_control(s, word, 2, &text), 0);
	free(text);
}

/* Another process serves the same connection, watch and transaction. */
static void updated(void **state)
{
	static const char *const programs[] = { NULL, "/bin/false" };
	struct store_event ev;
	struct store *s = store_open();
	char *self = realpath(DAEMON, NULL), *text;
	const char *word[] = { "live-update", "-f", "/no/program" };

	(void)state;
	assert_non_null(s);
	assert_int_equal(store_control(s, word, 3, &text), -ENOENT);
	assert_int_equal(store_watch(s, "/u", "t"), 0);
	assert_int_equal(store_next_event(s, PATIENCE_MS, &ev), 1);
	for (unsigned int i = 0; i < 2; i++) {
		int pid = daemon_pid();
		store_tx tx;

		assert_int_equal(store_transaction_start(s, &tx), 0);
		assert_int_equal(store_write_str(s, tx, "/u/a", "1"), 0);
		update_to(s, programs[i] ? programs[i] : self);
		assert_int_equal(store_transaction_end(s, tx, true), 0);
		assert_int_equal(store_next_event(s, PATIENCE_MS, &ev), 1);
		assert_string_equal(ev.path, "/u/a");
		for (unsigned int t = 0; t < 500 && daemon_pid() == pid; t++)
			usleep(10000);
		assert_int_not_equal(daemon_pid(), pid);
	}
	free(self);
	store_close(s);
}

static int end_all(void **state)
{
	char command[128];
	int pid = daemon_pid();

	(void)state;
	if (pid)
		kill(pid, SIGTERM);
	for (unsigned int i = 0; i < 500 && pid && !kill(pid, 0); i++)
		usleep(10000);
	(void)waitpid(spawned.pid, NULL, 0);
	snprintf(command, sizeof(command), "rm -rf %s", spawned.folder);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(killed),
		cmocka_unit_test(updated),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, start_all, end_all);
}
