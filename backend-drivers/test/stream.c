/*
 * Traffic between two machines, whose every byte is checked.
 *
 *   stream serve PORT
 *   stream give|take ADDRESS PORT MIB      by TCP, to or from the server
 *   stream push|pull ADDRESS PORT MIB      the same, and nobody looks at it:
 *                                          to measure with
 *   stream send|receive ADDRESS PORT COUNT datagrams of 18 bytes, which make
 *                                          the shortest Ethernet frames
 *   stream turns ADDRESS PORT COUNT        one datagram there, one back
 *
 * What flows is a sequence that both sides know, and a hash of what came is
 * compared besides. Datagrams go in bursts, of which the last asks for an
 * answer: what was lost is told, and nobody is overrun. The client prints
 * "BYTES bytes, hash HASH" or "COUNT datagrams, N lost, N bursts again", and
 * fails if anything came that should not.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define CHUNK 65536u
#define BURST 64u
#define PAYLOAD 18u
#define AGAIN_MS 500		/* until a burst is asked about again */
#define GIVE_UP 120		/* times that nothing came */

/* What the client asks for, at the beginning of a connection. */
struct wish {
	uint64_t bytes;
	uint32_t give;		/* to the server */
	uint32_t plain;		/* zeroes, which nobody looks at */
};

/* A datagram. */
struct gram {
	uint32_t kind;		/* GRAM_* */
	uint32_t number;	/* of the burst, from 1 */
	uint32_t count;		/* of datagrams: all of them, or got of these */
	uint8_t pad[PAYLOAD - 12];
} __attribute__((packed));

enum { GRAM_DATA, GRAM_LAST, GRAM_GOT, GRAM_WANT, GRAM_TURN };

static _Noreturn void fail(const char *what)
{
	perror(what);
	exit(1);
}

/* --- the sequence ---------------------------------------------------------- */

struct sequence {
	uint64_t state, hash, bytes;
};

static const struct sequence begin = { 88172645463325252u, 0, 0 };

static uint64_t next(struct sequence *s)
{
	return s->state += 0x9e3779b97f4a7c15u;
}

static void mix(struct sequence *s, uint64_t word)
{
	s->hash ^= word;
	s->hash = (s->hash << 29 | s->hash >> 35) * 0xff51afd7ed558ccdu;
	s->bytes += 8;
}

static void move(int fd, void *data, size_t len, bool out)
{
	char *at = data;

	while (len) {
		ssize_t n = out ? send(fd, at, len, MSG_NOSIGNAL) :
				  recv(fd, at, len, 0);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			fail(out ? "send" : "recv");
		at += n;
		len -= (size_t)n;
	}
}

static void flow_plain(int fd, uint64_t bytes, bool out)
{
	static char data[CHUNK];

	for (; bytes; bytes -= CHUNK)
		move(fd, data, CHUNK, out);
}

static struct sequence flow(int fd, uint64_t bytes, bool out, bool plain)
{
	static uint64_t data[CHUNK / 8];
	struct sequence s = begin;

	if (plain) {
		flow_plain(fd, bytes, out);
		return s;
	}

	for (; bytes; bytes -= CHUNK) {
		if (out)
			for (unsigned int i = 0; i < CHUNK / 8; i++)
				mix(&s, data[i] = next(&s));
		move(fd, data, CHUNK, out);
		for (unsigned int i = 0; !out && i < CHUNK / 8; i++) {
			if (data[i] != next(&s)) {
				fprintf(stderr, "stream: wrong at byte %"
					PRIu64 "\n", s.bytes);
				exit(1);
			}
			mix(&s, data[i]);
		}
	}
	return s;
}

/* Both tell the other what their hash is. */
static bool same_hash(int fd, const struct sequence *s)
{
	uint64_t ours = s->hash, theirs;

	move(fd, &ours, sizeof(ours), true);
	move(fd, &theirs, sizeof(theirs), false);
	return ours == theirs;
}

static int stream_client(struct sockaddr_in *to, uint64_t mib, bool give,
			 bool plain)
{
	struct wish w = { .bytes = mib << 20, .give = give, .plain = plain };
	int fd = socket(AF_INET, SOCK_STREAM, 0);
	struct sequence s;

	if (fd < 0 || connect(fd, (struct sockaddr *)to, sizeof(*to)))
		fail("connect");
	move(fd, &w, sizeof(w), true);
	s = flow(fd, w.bytes, give, plain);
	if (!same_hash(fd, &s)) {
		fprintf(stderr, "stream: hashes differ\n");
		return 1;
	}
	printf("%" PRIu64 " bytes, hash %016" PRIx64 "\n", s.bytes, s.hash);
	return 0;
}

static void stream_serve(int listener)
{
	int fd = accept(listener, NULL, NULL);
	struct wish w;
	struct sequence s;

	if (fd < 0)
		return;
	if (!fork()) {
		move(fd, &w, sizeof(w), false);
		s = flow(fd, w.bytes & ~(uint64_t)(CHUNK - 1), !w.give,
			 w.plain);
		exit(!same_hash(fd, &s));
	}
	close(fd);
}

/* --- datagrams --------------------------------------------------------------- */

static bool comes(int fd, int ms)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, ms) > 0;
}

/* The next answer about burst @number: how many came; -1: none came. */
static int answer(int fd, uint32_t number)
{
	struct gram g;

	while (comes(fd, AGAIN_MS))
		if (recv(fd, &g, sizeof(g), 0) == sizeof(g) &&
		    g.kind == GRAM_GOT && g.number == number)
			return (int)g.count;
	return -1;
}

static void send_burst(int fd, uint32_t number, unsigned int n)
{
	static struct mmsghdr m[BURST];
	static struct iovec v[BURST];
	static struct gram g[BURST];
	unsigned int sent = 0;

	for (unsigned int i = 0; i < n; i++) {
		g[i] = (struct gram){ .number = number, .count = n };
		g[i].kind = i + 1 < n ? GRAM_DATA : GRAM_LAST;
		v[i] = (struct iovec){ &g[i], sizeof(g[i]) };
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &v[i],
						.msg_iovlen = 1 };
	}
	while (sent < n) {
		int rc = sendmmsg(fd, m + sent, n - sent, 0);

		if (rc < 0 && errno != ENOBUFS && errno != EAGAIN)
			fail("sendmmsg");
		sent += rc > 0 ? (unsigned int)rc : 0;
	}
}

/* Sends @count to the peer of @fd, and tells how it went. */
static int send_all(int fd, uint32_t count)
{
	uint32_t number = 0, lost = 0, again = 0;

	for (uint32_t left = count; left;) {
		unsigned int n = left < BURST ? left : BURST;
		int got, tries = 0;

		send_burst(fd, ++number, n);
		while ((got = answer(fd, number)) < 0 && tries++ < GIVE_UP) {
			struct gram g = { .kind = GRAM_LAST, .count = 0,
					  .number = number };

			again++;
			(void)!send(fd, &g, sizeof(g), 0);
		}
		if (got < 0)
			fail("no answer");
		lost += n - (got < (int)n ? (unsigned int)got : n);
		left -= n;
	}
	printf("%" PRIu32 " datagrams, %" PRIu32 " lost, %" PRIu32
	       " bursts again\n", count, lost, again);
	return 0;
}

/* What a receiver knows: the burst that it hears, how many of it came. */
struct heard {
	uint32_t number, came;
	uint64_t all;
};

/* One datagram of a burst; true if it wants an answer, which is in it then. */
static bool hear(struct heard *h, struct gram *g)
{
	if (g->number != h->number) {
		h->number = g->number;
		h->came = 0;
	}
	if (g->count) {
		h->came++;
		h->all++;
	}
	if (g->kind != GRAM_LAST)
		return false;
	g->kind = GRAM_GOT;
	g->count = h->came;
	return true;
}

static int receive_all(int fd, uint32_t count)
{
	struct gram want = { .kind = GRAM_WANT, .count = count }, g;
	uint32_t bursts = (count + BURST - 1) / BURST;
	struct heard h = { 0 };
	int silent = 0;
	bool over = false;

	(void)!send(fd, &want, sizeof(want), 0);
	while (!over && silent < GIVE_UP) {
		if (!comes(fd, AGAIN_MS)) {
			silent++;
			if (!h.all)
				(void)!send(fd, &want, sizeof(want), 0);
			continue;
		}
		silent = 0;
		if (recv(fd, &g, sizeof(g), 0) != sizeof(g) || !hear(&h, &g))
			continue;
		(void)!send(fd, &g, sizeof(g), 0);
		over = h.number == bursts;
	}
	printf("%" PRIu32 " datagrams, %" PRIu64 " lost, 0 bursts again\n",
	       count, count - h.all);
	return !over;
}

static int take_turns(int fd, uint32_t count)
{
	struct gram g = { .kind = GRAM_TURN };
	uint32_t lost = 0;

	for (uint32_t i = 1; i <= count; i++) {
		g.number = i;
		(void)!send(fd, &g, sizeof(g), 0);
		do {
			if (!comes(fd, AGAIN_MS)) {
				lost++;
				break;
			}
		} while (recv(fd, &g, sizeof(g), 0) == sizeof(g) &&
			 g.number != i);
	}
	printf("%" PRIu32 " datagrams, %" PRIu32 " lost, 0 bursts again\n",
	       count, lost);
	return lost == count;
}

/* A client wants datagrams: a process of its own with a port of its own. */
static void serve_want(int fd, const struct sockaddr_in *to, uint32_t count)
{
	/* From the server's own port, to which the client is connected. */
	if (connect(fd, (const struct sockaddr *)to, sizeof(*to)))
		return;
	(void)send_all(fd, count);
	(void)connect(fd, &(struct sockaddr){ .sa_family = AF_UNSPEC },
		      sizeof(struct sockaddr));
}

static void grams_serve(int fd)
{
	static struct heard h;
	struct sockaddr_in from;
	socklen_t len = sizeof(from);
	struct gram g;

	if (recvfrom(fd, &g, sizeof(g), MSG_DONTWAIT,
		     (struct sockaddr *)&from, &len) != sizeof(g))
		return;
	if (g.kind == GRAM_WANT)
		serve_want(fd, &from, g.count);
	else if (g.kind == GRAM_TURN || hear(&h, &g))
		(void)!sendto(fd, &g, sizeof(g), 0, (struct sockaddr *)&from,
			      len);
}

/* --- both ---------------------------------------------------------------------- */

static int bound(int type, uint16_t port)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_port = htons(port) };
	int fd = socket(AF_INET, type, 0), on = 1;

	if (fd < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) ||
	    bind(fd, (struct sockaddr *)&at, sizeof(at)) ||
	    (type == SOCK_STREAM && listen(fd, 8)))
		fail("bind");
	return fd;
}

static int serve(uint16_t port)
{
	struct pollfd p[] = {
		{ .fd = bound(SOCK_STREAM, port), .events = POLLIN },
		{ .fd = bound(SOCK_DGRAM, port), .events = POLLIN },
	};

	for (;;) {
		if (poll(p, 2, -1) < 0)
			fail("poll");
		if (p[0].revents)
			stream_serve(p[0].fd);
		if (p[1].revents)
			for (unsigned int i = 0; i < BURST; i++)
				grams_serve(p[1].fd);
	}
}

static int datagrams(const char *what, struct sockaddr_in *to, uint32_t count)
{
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)to, sizeof(*to)))
		fail("connect");
	if (!strcmp(what, "send"))
		return send_all(fd, count);
	return strcmp(what, "turns") ? receive_all(fd, count) :
				       take_turns(fd, count);
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };

	if (argc == 3 && !strcmp(argv[1], "serve"))
		return serve((uint16_t)atoi(argv[2]));
	if (argc != 5 || inet_pton(AF_INET, argv[2], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: stream serve PORT | give|take|push|"
			"pull|send|receive|turns ADDRESS PORT MIB|COUNT\n");
		return 2;
	}
	to.sin_port = htons((uint16_t)atoi(argv[3]));
	for (unsigned int i = 0; i < 4; i++) {
		static const char *const ways[] = {
			"give", "take", "push", "pull",
		};

		if (!strcmp(argv[1], ways[i]))
			return stream_client(&to, strtoull(argv[4], NULL, 10),
					     !(i & 1), i & 2);
	}
	return datagrams(argv[1], &to, (uint32_t)strtoul(argv[4], NULL, 10));
}
