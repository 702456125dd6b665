/*
 * What an operation costs a client of the store, in ticks of the time-stamp
 * counter, which are instructions in a machine that counts them:
 *
 *   client FROM NODES  fills the store, which has FROM nodes, up to NODES, and
 *                      measures
 *   client --echo PID  measures a bare echo server in the place of the daemon
 *                      PID, which comes as soon as that on the CPU
 *
 * Prints "@@ cost NAME_CLIENTS_NODES TICKS 1": ticks for one operation, the
 * best of some rounds.  One client waits for each answer; of eight, each sends
 * 16 requests before it fetches the answers.  XENSTORED_PATH names the socket,
 * or the kernel's /dev/xen/xenbus, through which one client goes.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>
#include <x86intrin.h>

#include "xenstore/wire.h"

#define ROUNDS	8
#define TIMES	200		/* operations of one client in a round */
#define CLIENTS	8
#define DEPTH	16		/* requests that one of many has under way */
#define HEADER	sizeof(struct xsd_sockmsg)

static int fds[CLIENTS];
static char answer[HEADER + XENSTORE_PAYLOAD_MAX];
static uint32_t tx;
static const char *nodes;
static unsigned int depth = DEPTH;

static void fail(const char *what)
{
	fprintf(stderr, "client: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- messages ------------------------------------------------------------- */

struct batch {
	char data[DEPTH * 128];
	size_t len;
};

static void put(struct batch *b, uint32_t type, uint32_t tx_id,
		const char *text, size_t len)
{
	struct xsd_sockmsg hdr = {
		.type = type, .tx_id = tx_id, .len = (uint32_t)len,
	};

	if (b->len + HEADER + len > sizeof(b->data))
		fail("batch");
	memcpy(b->data + b->len, &hdr, HEADER);
	memcpy(b->data + b->len + HEADER, text, len);
	b->len += HEADER + len;
}

static void flush(int fd, struct batch *b)
{
	for (size_t at = 0; at < b->len;) {
		ssize_t n = write(fd, b->data + at, b->len - at);

		if (n <= 0)
			fail("write");
		at += (size_t)n;
	}
	b->len = 0;
}

/* Count messages out of what has come; one may be cut anywhere. */
struct stream {
	struct xsd_sockmsg hdr;
	size_t got;
	char text[16];		/* what the payload begins with */
};

static struct stream streams[CLIENTS];

static unsigned int count_messages(struct stream *s, const char *data,
				   size_t len)
{
	unsigned int count = 0;

	while (len) {
		size_t want = s->got < HEADER ? HEADER - s->got :
			      HEADER + s->hdr.len - s->got;
		size_t n = len < want ? len : want;

		if (s->got < HEADER)
			memcpy((char *)&s->hdr + s->got, data, n);
		else if (s->got - HEADER + n < sizeof(s->text))
			memcpy(s->text + s->got - HEADER, data, n);
		s->got += n;
		data += n;
		len -= n;
		if (s->got == HEADER && s->hdr.type == XS_ERROR)
			fail("the daemon refuses");
		if (s->got >= HEADER && s->got == HEADER + s->hdr.len) {
			count++;
			s->got = 0;
		}
	}
	return count;
}

static void await(unsigned int who, unsigned int messages)
{
	while (messages) {
		ssize_t n = read(fds[who], answer, sizeof(answer));

		if (n <= 0)
			fail("read");
		messages -= count_messages(&streams[who], answer, (size_t)n);
	}
}

/* --- operations ----------------------------------------------------------- */

static void put_read(struct batch *b, unsigned int who, unsigned int i)
{
	char path[64];

	put(b, XS_READ, 0, path, (size_t)sprintf(path, "/b/%u/%u", who % 8,
						 i % 50) + 1);
}

static void put_write(struct batch *b, unsigned int who, unsigned int i)
{
	char text[64];
	int len = sprintf(text, "/b/%u/%u", who % 8, i % 50) + 1;

	len += sprintf(text + len, "value %u", i);
	put(b, XS_WRITE, 0, text, (size_t)len);
}

static void put_directory(struct batch *b, unsigned int who, unsigned int i)
{
	(void)i;
	(void)who;
	put(b, XS_DIRECTORY, 0, "/d", 3);
}

static const struct operation {
	const char *name;
	void (*put)(struct batch *b, unsigned int who, unsigned int i);
	unsigned int messages;		/* that come for one */
	bool watches;
} operations[] = {
	{ "read", put_read, 1, false },
	{ "write", put_write, 1, false },
	{ "directory", put_directory, 1, false },
	{ "watch", put_write, 2, true },
};

static void request(unsigned int who, uint32_t type, const char *text,
		    size_t len, unsigned int messages)
{
	struct batch b = { .len = 0 };

	put(&b, type, tx, text, len);
	flush(fds[who], &b);
	await(who, messages);
}

/*
 * Ten nodes read, one of them written, and the commit.  One client waits for
 * each answer; of many, each sends all behind the start at once.
 */
#define TX_READS	10

static void transaction(void)
{
	char text[64];
	int len;

	tx = 0;
	request(0, XS_TRANSACTION_START, "", 1, 1);
	tx = (uint32_t)strtoul(streams[0].text, NULL, 10);
	for (unsigned int i = 0; i < TX_READS; i++)
		request(0, XS_READ, text,
			(size_t)sprintf(text, "/b/0/%u", i) + 1, 1);
	len = sprintf(text, "/b/0/0") + 1;
	len += sprintf(text + len, "more");
	request(0, XS_WRITE, text, (size_t)len, 1);
	request(0, XS_TRANSACTION_END, "T", 2, 1);
	tx = 0;
}

static void put_transaction(struct batch *b, unsigned int who)
{
	uint32_t id = (uint32_t)strtoul(streams[who].text, NULL, 10);
	char text[64];
	int len;

	for (unsigned int i = 0; i < TX_READS; i++)
		put(b, XS_READ, id, text,
		    (size_t)sprintf(text, "/b/%u/%u", who, i) + 1);
	len = sprintf(text, "/b/%u/0", who) + 1;
	len += sprintf(text + len, "more");
	put(b, XS_WRITE, id, text, (size_t)len);
	put(b, XS_TRANSACTION_END, id, "T", 2);
}

static void transactions(void)
{
	for (unsigned int who = 0; who < CLIENTS; who++) {
		struct batch b = { .len = 0 };

		put(&b, XS_TRANSACTION_START, 0, "", 1);
		flush(fds[who], &b);
	}
	for (unsigned int who = 0; who < CLIENTS; who++)
		await(who, 1);
	for (unsigned int who = 0; who < CLIENTS; who++) {
		struct batch b = { .len = 0 };

		put_transaction(&b, who);
		flush(fds[who], &b);
	}
	for (unsigned int who = 0; who < CLIENTS; who++)
		await(who, TX_READS + 2);
}

/* --- measuring ------------------------------------------------------------ */

static void tell(const char *name, unsigned int clients, uint64_t ticks)
{
	printf("@@ cost %s_%u_%s %llu 1\n", name, clients, nodes,
	       (unsigned long long)ticks);
	fflush(stdout);
}

static uint64_t one_client(const struct operation *op)
{
	uint64_t start = __rdtsc();

	for (unsigned int i = 0; i < TIMES; i++) {
		struct batch b = { .len = 0 };

		op->put(&b, 0, i);
		flush(fds[0], &b);
		await(0, op->messages);
	}
	return (__rdtsc() - start) / TIMES;
}

static uint64_t many_clients(const struct operation *op)
{
	uint64_t start = __rdtsc();

	for (unsigned int i = 0; i < TIMES; i += DEPTH) {
		for (unsigned int who = 0; who < CLIENTS; who++) {
			struct batch b = { .len = 0 };

			for (unsigned int n = 0; n < DEPTH; n++)
				op->put(&b, who, i + n);
			flush(fds[who], &b);
		}
		for (unsigned int who = 0; who < CLIENTS; who++)
			await(who, DEPTH * op->messages);
	}
	return (__rdtsc() - start) /
	       ((TIMES + DEPTH - 1) / DEPTH * DEPTH * CLIENTS);
}

static void measure(const struct operation *op, unsigned int clients)
{
	uint64_t best = UINT64_MAX, took;
	char text[32];

	for (unsigned int who = 0; op->watches && who < clients; who++)
		request(who, XS_WATCH, text, (size_t)sprintf(text, "/b/%u%ct",
							     who, 0) + 1, 2);
	for (unsigned int round = 0; round < ROUNDS; round++) {
		took = clients == 1 ? one_client(op) : many_clients(op);
		if (took < best)
			best = took;
	}
	for (unsigned int who = 0; op->watches && who < clients; who++)
		request(who, XS_UNWATCH, text, (size_t)sprintf(text, "/b/%u%ct",
							       who, 0) + 1, 1);
	tell(op->name, clients, best);
}

static void measure_transactions(unsigned int clients)
{
	uint64_t best = UINT64_MAX;

	for (unsigned int round = 0; round < ROUNDS; round++) {
		uint64_t start = __rdtsc(), took;

		for (unsigned int i = 0; i < TIMES / 10; i++) {
			if (clients == 1)
				transaction();
			else
				transactions();
		}
		took = (__rdtsc() - start) / (TIMES / 10) / clients;
		if (took < best)
			best = took;
	}
	tell("transaction", clients, best);
}

static void measure_all(unsigned int clients)
{
	for (size_t i = 0; i < sizeof(operations) / sizeof(operations[0]);
	     i++) {
		measure(&operations[i], 1);
		if (clients > 1)
			measure(&operations[i], clients);
	}
	measure_transactions(1);
	if (clients > 1)
		measure_transactions(clients);
}

/* --- the other side ------------------------------------------------------- */

static int connect_to(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct stat st;
	int fd;

	if (stat(path, &st))
		fail(path);
	if (!S_ISSOCK(st.st_mode)) {
		fd = open(path, O_RDWR);
	} else {
		fd = socket(AF_UNIX, SOCK_STREAM, 0);
		strcpy(addr.sun_path, path);
		if (connect(fd, (struct sockaddr *)&addr, sizeof(addr)))
			fail(path);
	}
	if (fd < 0)
		fail(path);
	return fd;
}

static void make(struct batch *b, unsigned int *waiting, const char *path,
		 unsigned int number)
{
	char text[80];
	int len = sprintf(text, "%s/%u", path, number) + 1;

	len += sprintf(text + len, "%u", number);
	put(b, XS_WRITE, 0, text, (size_t)len);
	if (++*waiting < depth)
		return;
	flush(fds[0], b);
	await(0, *waiting);
	*waiting = 0;
}

/* Nodes in folders of 100, and a small one that is listed. */
static void fill(unsigned int from, unsigned int until)
{
	struct batch b = { .len = 0 };
	unsigned int waiting = 0;
	char folder[32];

	for (unsigned int i = 0; !from && i < 10; i++)
		make(&b, &waiting, "/d", i);
	for (unsigned int i = from; i < until; i++) {
		sprintf(folder, "/b/%u", i / 100);
		make(&b, &waiting, folder, i % 100);
	}
	flush(fds[0], &b);
	await(0, waiting);
}

/* Answers each message with one as long as OK; two for a watched write. */
static void echo(int *peers)
{
	struct epoll_event ev[CLIENTS];
	int set = epoll_create1(0);
	char in[DEPTH * 128], out[DEPTH * 32] = { 0 };
	struct xsd_sockmsg hdr = { .type = XS_WRITE, .len = 3 };

	for (unsigned int i = 0; i < CLIENTS; i++) {
		ev[0] = (struct epoll_event){ .events = EPOLLIN,
					      .data.u32 = i };
		epoll_ctl(set, EPOLL_CTL_ADD, peers[i], ev);
	}
	for (;;) {
		int n = epoll_wait(set, ev, CLIENTS, -1);

		for (int i = 0; i < n; i++) {
			unsigned int who = ev[i].data.u32, count;
			ssize_t len = recv(peers[who], in, sizeof(in),
					   MSG_DONTWAIT);

			if (len <= 0)
				_exit(0);
			count = count_messages(&streams[who], in,
					       (size_t)len);
			for (unsigned int k = 0; k < count; k++)
				memcpy(out + k * (HEADER + 3), &hdr, HEADER);
			if (send(peers[who], out, count * (HEADER + 3), 0) < 0)
				_exit(1);
		}
	}
}

static void measure_echo(pid_t daemon)
{
	static const struct operation op = { "echo", put_read, 1, false };
	int peers[CLIENTS], pair[2];
	pid_t pid;

	for (unsigned int i = 0; i < CLIENTS; i++) {
		if (socketpair(AF_UNIX, SOCK_STREAM, 0, pair))
			fail("socketpair");
		fds[i] = pair[0];
		peers[i] = pair[1];
	}
	pid = fork();
	if (!pid) {
		(void)setpriority(PRIO_PROCESS, 0,
				  getpriority(PRIO_PROCESS, (id_t)daemon));
		echo(peers);
	}
	nodes = "0";
	measure(&op, 1);
	measure(&op, CLIENTS);
	kill(pid, SIGTERM);
}

int main(int argc, char **argv)
{
	const char *path = getenv("XENSTORED_PATH");
	unsigned int clients = CLIENTS;

	if (argc != 3) {
		fprintf(stderr, "usage: client FROM NODES | --echo PID\n");
		return 2;
	}
	if (!strcmp(argv[1], "--echo")) {
		measure_echo(atoi(argv[2]));
		return 0;
	}
	if (!path)
		path = "/run/xenstored/socket";
	/* The kernel takes one request at a time. */
	if (!strncmp(path, "/dev/", 5))
		clients = depth = 1;
	for (unsigned int i = 0; i < clients; i++)
		fds[i] = connect_to(path);
	nodes = argv[2];
	fill((unsigned int)atoi(argv[1]), (unsigned int)atoi(nodes));
	measure_all(clients);
	return 0;
}
