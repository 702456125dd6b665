/*
 * Life after a kill, inside the test program: random traffic of clients and
 * rings, cut off at random moments; the server that the journal gives back
 * must be the old one, byte for byte of its saved state, and goes on with the
 * same connections.  And what the journal refuses: records and states that
 * were torn or changed.
 *
 * STEPS and SEED in the environment make it longer or different.
 */
#include "xenstore/test/harness.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/ring.h"
#include "xenstore/daemon/save.h"

/* Domains with rings; 1 and 2 have wires, which no domain's death ends. */
#define FIRST_RING	3
#define RINGS		4

static char folder[64];
static struct harness *current;		/* for client_new */

/* A connection that comes back finds its wire, which outlived the server. */
static struct conn *wire_again(struct server *srv, uint64_t key)
{
	struct wire *w = &current->wire[key - 1];

	assert_true(key >= 1 && key <= WHO_MAX);
	w->conn = conn_new(srv, &wire_ops, w, 0, true, key);
	return w->conn;
}

static void forget_files(void)
{
	char path[96];

	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/state.%d", folder, i);
		unlink(path);
	}
}

/* The harness with a journal that keeps what it is given. */
static struct harness *harness_with_journal(void)
{
	struct harness *h = harness_new();

	current = h;
	h->setup.client_new = wire_again;
	strcpy(folder, "/tmp/store-test-XXXXXX");
	assert_non_null(mkdtemp(folder));
	journal_close(h->srv->journal, false);
	assert_int_equal(journal_open(folder, &h->srv->journal), 0);
	assert_int_equal(server_save(h->srv), 0);
	return h;
}

static void done(struct harness *h)
{
	harness_free(h);
	forget_files();
	rmdir(folder);
}

/* Everything but the files and the other sides goes; the heap does. */
static void die(struct harness *h)
{
	journal_close(h->srv->journal, false);
	assert_int_equal(journal_open(NULL, &h->srv->journal), 0);
	server_free(h->srv);
	h->srv = NULL;
}

static void live_again(struct harness *h)
{
	struct journal *j;
	bool fresh;

	assert_int_equal(journal_open(folder, &j), 0);
	assert_int_equal(server_recover(&h->setup, j, &h->srv, &fresh), 0);
	assert_false(fresh);
}

static void restart(struct harness *h)
{
	struct buffer before = state_of(h->srv), after;
	const struct conn *c;

	die(h);
	live_again(h);
	/* What is done a second time does not count for the rate of writes. */
	TAILQ_FOREACH(c, &h->srv->conns, in_all)
		assert_int_equal(c->written, 0);
	after = state_of(h->srv);
	assert_int_equal(before.len, after.len);
	assert_memory_equal(before.data, after.data, after.len);
	free(before.data);
	free(after.data);
	ring_restore_all(h->srv);
	harness_settle(h);
	assert_sound(h);
}

/* --- a guest's side of a ring --------------------------------------------- */

static void guest_send(struct harness *h, uint32_t domid, const void *data,
		       size_t len)
{
	struct xenstore_domain_interface *page = &h->hv.page[domid];

	if (!h->hv.mapped[domid] ||
	    page->req_prod - page->req_cons + len > XENSTORE_RING_SIZE)
		return;
	for (size_t i = 0; i < len; i++)
		page->req[MASK_XENSTORE_IDX(page->req_prod + i)] =
			((const char *)data)[i];
	page->req_prod += (uint32_t)len;
	ring_event(h->srv, domid + 100);
	harness_settle(h);
}

static void guest_drain(struct harness *h, uint32_t domid, uint32_t most)
{
	struct xenstore_domain_interface *page = &h->hv.page[domid];
	uint32_t n = page->rsp_prod - page->rsp_cons;

	if (!h->hv.mapped[domid])
		return;
	page->rsp_cons += n < most ? n : most;
	ring_event(h->srv, domid + 100);
	harness_settle(h);
}

/* --- random traffic ------------------------------------------------------- */

static unsigned int below(unsigned int n)
{
	return (unsigned int)rand() % n;
}

/* A request in wire form; returns its length. */
static size_t random_request(char *out, uint32_t tx)
{
	static const uint32_t types[] = {
		XS_READ, XS_WRITE, XS_WRITE, XS_MKDIR, XS_RM, XS_DIRECTORY,
		XS_WATCH, XS_UNWATCH, XS_TRANSACTION_START,
		XS_TRANSACTION_END, XS_SET_PERMS, XS_GET_PERMS,
		XS_RESET_WATCHES, XS_CONTROL, XS_INTRODUCE, XS_RELEASE, 99,
	};
	uint32_t type = types[below(sizeof(types) / sizeof(types[0]))];
	struct xsd_sockmsg hdr = { .type = type, .req_id = below(1000) };
	char text[128], path[64];
	size_t len;

	snprintf(path, sizeof(path), below(2) ? "/r/%u/%u" : "/r/%u",
		 below(4), below(4));
	if (type == XS_TRANSACTION_END || below(3) == 0)
		hdr.tx_id = tx;
	switch (type) {
	case XS_TRANSACTION_START:
	case XS_RESET_WATCHES:
		snprintf(text, sizeof(text), "|");
		break;
	case XS_TRANSACTION_END:
		snprintf(text, sizeof(text), below(4) ? "T|" : "F|");
		break;
	case XS_WATCH:
	case XS_UNWATCH:
		snprintf(text, sizeof(text), "%s|t%u|", path, below(3));
		break;
	case XS_SET_PERMS:
		snprintf(text, sizeof(text), "%s|n%u|b%u|", path, below(3),
			 below(6));
		break;
	case XS_CONTROL:
		snprintf(text, sizeof(text), below(2) ? "memreport|" :
			 "quota|set|nodes|%u|", 20 + below(2000));
		break;
	case XS_INTRODUCE:
		snprintf(text, sizeof(text), "%u|0|%u|",
			 FIRST_RING + below(RINGS),
			 1 + below(9));
		break;
	case XS_RELEASE:
		snprintf(text, sizeof(text), "%u|",
			 FIRST_RING + below(RINGS));
		break;
	case XS_WRITE:
		snprintf(text, sizeof(text), "%s|%u", path, below(100000));
		break;
	default:
		snprintf(text, sizeof(text), "%s|", path);
		break;
	}
	len = strlen(text);
	hdr.len = (uint32_t)len;
	memcpy(out, &hdr, sizeof(hdr));
	for (size_t i = 0; i < len; i++)
		out[sizeof(hdr) + i] = text[i] == '|' ? '\0' : text[i];
	return sizeof(hdr) + len;
}

/* Several requests of one connection, cut anywhere. */
static void random_traffic(struct harness *h)
{
	static char rest[FAKE_DOMAINS + WHO_MAX][4096];
	static size_t rest_len[FAKE_DOMAINS + WHO_MAX];
	unsigned int who = below(WHO_MAX + RINGS);
	char *to = rest[who];
	size_t cut;

	while (rest_len[who] < 600)
		rest_len[who] += random_request(to + rest_len[who],
						1 + below(4));
	cut = below(4) ? rest_len[who] : 1 + below(400);
	if (cut > 500)
		cut = 500;
	if (who < WHO_MAX) {
		struct wire *w = &h->wire[who];

		if (!w->conn) {
			wire_open_as(h, w, who == 1 || who == 2 ? who : 0,
				     who == 0 || who == 3, who + 1);
			/* No journal has a wire's opening. */
			assert_int_equal(server_save(h->srv), 0);
		}
		w->room = below(3) ? SIZE_MAX / 2 : below(100);
		w->out_len = w->out_at = 0;
		wire_feed(h, w, to, cut);
		if (w->conn && w->room)
			conn_output(w->conn);
	} else {
		uint32_t domid = FIRST_RING + who - WHO_MAX;

		guest_send(h, domid, to, cut);
		if (below(2))
			guest_drain(h, domid, below(1200));
	}
	rest_len[who] -= cut;
	memmove(to, to + cut, rest_len[who]);
}

static unsigned int number_of(const char *name, unsigned int otherwise)
{
	const char *text = getenv(name);

	return text ? (unsigned int)strtoul(text, NULL, 10) : otherwise;
}

static void random_restarts(void **state)
{
	unsigned int steps = number_of("STEPS", 12000), restarts = 0;
	struct harness *h;
	struct buffer last;

	(void)state;
	srand(number_of("SEED", 1));
	h = harness_with_journal();
	for (unsigned int i = 0; i < RINGS; i++)
		h->hv.exists[FIRST_RING + i] = true;
	for (unsigned int i = 0; i < steps; i++) {
		random_traffic(h);
		if (below(200) == 0) {
			unsigned int domid = FIRST_RING + below(RINGS);

			h->hv.state[domid].dying = !h->hv.state[domid].dying;
			domain_news(h->srv);
			harness_settle(h);
		}
		if (below(500) == 0)
			assert_int_equal(server_save(h->srv), 0);
		if (below(20) == 0) {
			restart(h);
			restarts++;
		}
	}
	last = state_of(h->srv);
	print_message("# %u steps, %u restarts, %zu bytes of state\n", steps,
		      restarts, last.len);
	free(last.data);
	done(h);
}

/* --- what was torn -------------------------------------------------------- */

/* Change a byte of both files where `what` is found, from the end on. */
static void damage(const char *what)
{
	char path[96], *data;
	struct stat st;

	for (int i = 0; i < 2; i++) {
		int fd;

		snprintf(path, sizeof(path), "%s/state.%d", folder, i);
		fd = open(path, O_RDWR);
		assert_true(fd >= 0 && !fstat(fd, &st));
		data = malloc((size_t)st.st_size);
		assert_int_equal(pread(fd, data, (size_t)st.st_size, 0),
				 st.st_size);
		for (off_t at = st.st_size - (off_t)strlen(what); at >= 0;
		     at--) {
			if (memcmp(data + at, what, strlen(what)))
				continue;
			assert_int_equal(pwrite(fd, "#", 1, at), 1);
			break;
		}
		free(data);
		close(fd);
	}
}

/* The state before it counts where the newest one is damaged. */
static void torn_state(void **state)
{
	struct harness *h = harness_with_journal();

	(void)state;
	expect(h, 0, XS_WRITE, 0, "/a|first", "OK|");
	assert_int_equal(server_save(h->srv), 0);
	expect(h, 0, XS_WRITE, 0, "/b|second", "OK|");
	assert_int_equal(server_save(h->srv), 0);
	die(h);
	damage("second");
	live_again(h);
	expect(h, 0, XS_READ, 0, "/a|", "first");
	done(h);
}

/* A record whose head does not fit is where the journal ends. */
static void torn_record(void **state)
{
	struct harness *h = harness_with_journal();
	uint64_t end;
	uint32_t *head;

	(void)state;
	expect(h, 0, XS_WRITE, 0, "/a|first", "OK|");
	end = journal_end(h->srv->journal);
	expect(h, 0, XS_WRITE, 0, "/b|second", "OK|");
	head = (uint32_t *)((char *)journal_room(h->srv->journal, 8) -
			    16 - (journal_end(h->srv->journal) - end));
	head[0] ^= 4;
	die(h);
	live_again(h);
	expect(h, 0, XS_READ, 0, "/a|", "first");
	expect(h, 0, XS_READ, 0, "/b|", "!ENOENT");
	done(h);
}

/*
 * A request of which daemon after daemon dies costs its client the connection,
 * and nobody anything else.
 */
static void deadly_event(void **state)
{
	struct harness *h = harness_with_journal();
	struct journal_event ev;
	struct journal *j;

	(void)state;
	expect(h, 3, XS_WRITE, 0, "/a|first", "OK|");
	expect(h, 0, XS_WRITE, 0, "/b|second", "OK|");
	expect(h, 3, XS_WRITE, 0, "/c|third", "OK|");
	die(h);
	for (unsigned int i = 0; i < JOURNAL_DEADLY; i++) {
		assert_int_equal(journal_open(folder, &j), 0);
		do {
			assert_true(journal_next(j, &ev));
			assert_false(ev.deadly);
		} while (ev.type != JOURNAL_INPUT || ev.key != 1);
		journal_close(j, false);
	}
	live_again(h);
	assert_null(h->wire[0].conn);
	expect(h, 3, XS_READ, 0, "/a|", "first");
	expect(h, 3, XS_READ, 0, "/b|", "!ENOENT");
	expect(h, 3, XS_READ, 0, "/c|", "third");
	done(h);
}

static void second_daemon(void **state)
{
	struct harness *h = harness_with_journal();
	struct journal *j;

	(void)state;
	assert_int_equal(journal_open(folder, &j), -EBUSY);
	assert_null(j);
	done(h);
}

/* --- a full disk ---------------------------------------------------------- */

static void full_disk(void **state)
{
	struct rlimit limit = { 2u << 20, RLIM_INFINITY };
	struct harness *h = harness_with_journal();
	char request[4000], want[8] = "OK|";
	unsigned int written = 0;

	(void)state;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	expect(h, 1, XS_READ, 0, "/tool|", "!EACCES");
	while (!h->srv->full && written < 5000) {
		int n = snprintf(request, sizeof(request), "/f/%u|",
				 written++);

		memset(request + n, 'x', 3000);
		request[n + 3000] = '\0';
		wire_send(h, &h->wire[0], XS_WRITE, 0, request);
		h->wire[0].out_len = h->wire[0].out_at = 0;
	}
	assert_true(written > 300 && written < 5000);
	strcpy(want, "!ENOSPC");
	expect(h, 0, XS_WRITE, 0, "/g|1", want);
	expect(h, 0, XS_MKDIR, 0, "/h|", want);
	/* Others are served, and what takes nothing away is too. */
	expect(h, 3, XS_READ, 0, "/tool/xenstored|", "");
	expect(h, 3, XS_DIRECTORY, 0, "/tool|", "xenstored|");
	restart(h);
	assert_true(h->srv->full);
	expect(h, 0, XS_WRITE, 0, "/g|1", want);
	expect(h, 0, XS_RM, 0, "/f|", "OK|");
	/* Room again: the next tick may try to save. */
	server_tick(h->srv);
	expect(h, 0, XS_READ, 0, "/tool/xenstored|", "");
	expect(h, 0, XS_WRITE, 0, "/g|1", "OK|");
	limit.rlim_cur = RLIM_INFINITY;
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
	restart(h);
	expect(h, 0, XS_READ, 0, "/g|", "1");
	done(h);
}

/* --- the length of the journal -------------------------------------------- */

/* Questions leave nothing behind; changes do, until the state is saved. */
static void length(void **state)
{
	struct harness *h = harness_with_journal();
	uint64_t start, end;

	(void)state;
	expect(h, 0, XS_WRITE, 0, "/a|1", "OK|");
	start = journal_end(h->srv->journal);
	for (unsigned int i = 0; i < 1000; i++)
		expect(h, 0, XS_READ, 0, "/a|", "1");
	assert_int_equal(journal_end(h->srv->journal), start);
	restart(h);
	expect(h, 0, XS_READ, 0, "/a|", "1");
	start = journal_end(h->srv->journal);
	expect(h, 0, XS_WRITE, 0, "/a|2", "OK|");
	assert_true(journal_end(h->srv->journal) > start);
	end = 0;
	for (unsigned int i = 0; i < 60000; i++) {
		expect(h, 0, XS_WRITE, 0, "/a|3", "OK|");
		if (journal_end(h->srv->journal) < end)
			break;
		end = journal_end(h->srv->journal);
	}
	assert_true(journal_end(h->srv->journal) < end);
	restart(h);
	expect(h, 0, XS_READ, 0, "/a|", "3");
	done(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_restarts),
		cmocka_unit_test(torn_state),
		cmocka_unit_test(torn_record),
		cmocka_unit_test(deadly_event),
		cmocka_unit_test(second_daemon),
		cmocka_unit_test(length),
		cmocka_unit_test(full_disk),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
