/*
 * How long a guest's device does nothing when its back end dies.
 *
 *   pauses disk PATH           writes a block, reads it back, compares
 *   pauses net ADDRESS PORT    sends a datagram to a `stream serve`, and waits
 *                              for what comes back
 *   pauses console             says "@tick N ...", N from 1 on
 *
 * Each works without end, every 5 ms, and prints "@longest DEVICE MS after N",
 * where MS is the longest time by the guest's clock in which nothing succeeded:
 * whenever that has grown by a millisecond, and once for every thousand things
 * done. A disk's error is "@fault WHAT", and the end.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK 4096u
#define FIRST 4096u		/* block of the disk, and how many from there */
#define BLOCKS 2048u
#define BEAT_MS 5
#define TURN 4u			/* what `stream serve` sends back: GRAM_TURN */

static const char *device;
static uint64_t last, longest, done;

static uint64_t now_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* Written at once: others print on the same console. */
static void say(const char *text, int len)
{
	if (write(STDOUT_FILENO, text, (size_t)len) != len)
		exit(1);
}

static _Noreturn void fault(const char *what)
{
	char text[128];

	say(text, snprintf(text, sizeof(text), "@fault %s %s: %s\n", device,
			   what, strerror(errno)));
	exit(1);
}

/* Something succeeded that may have begun when the last thing did. */
static void succeeded(void)
{
	uint64_t now = now_us(), pause = now - last;
	bool grown = pause / 1000 > longest / 1000;
	char text[80];

	last = now;
	done++;
	if (pause > longest)
		longest = pause;
	if (grown || done % 1000 == 0)
		say(text, snprintf(text, sizeof(text),
				   "@longest %s %" PRIu64 " after %" PRIu64
				   "\n", device, longest / 1000, done));
}

static _Noreturn void pause_disk(const char *path)
{
	int fd = open(path, O_RDWR | O_DIRECT | O_DSYNC);
	uint64_t *block = aligned_alloc(BLOCK, BLOCK), seed = 1;

	if (fd < 0 || !block)
		fault(path);
	last = now_us();
	for (;;) {
		off_t at = (off_t)((FIRST + seed % BLOCKS) * BLOCK);

		for (unsigned int i = 0; i < BLOCK / 8; i++)
			block[i] = seed + i;
		if (pwrite(fd, block, BLOCK, at) != (ssize_t)BLOCK)
			fault("write");
		succeeded();
		memset(block, 0, BLOCK);
		if (pread(fd, block, BLOCK, at) != (ssize_t)BLOCK)
			fault("read");
		for (unsigned int i = 0; i < BLOCK / 8; i++) {
			errno = EILSEQ;
			if (block[i] != seed + i)
				fault("comparison");
		}
		succeeded();
		usleep(BEAT_MS * 1000);
		seed = seed * 6364136223846793005u + 1442695040888963407u;
	}
}

static _Noreturn void pause_net(const char *address, const char *port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)atoi(port)) };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);
	struct pollfd p = { .fd = fd, .events = POLLIN };
	uint32_t gram[5] = { TURN };

	if (fd < 0 || inet_pton(AF_INET, address, &to.sin_addr) != 1 ||
	    connect(fd, (struct sockaddr *)&to, sizeof(to)))
		fault(address);
	for (;;) {
		gram[1]++;
		(void)!send(fd, gram, 18, 0);
		if (poll(&p, 1, BEAT_MS) <= 0 || recv(fd, gram, 18, 0) != 18)
			continue;
		if (!last)
			last = now_us();
		succeeded();
		usleep(BEAT_MS * 1000);
	}
}

static _Noreturn void pause_console(void)
{
	char text[64];

	last = now_us();
	for (unsigned long i = 1;; i++) {
		say(text, snprintf(text, sizeof(text), "@tick %-8lu %s\n", i,
				   "which is to fill the ring"));
		succeeded();
		usleep(BEAT_MS * 1000);
	}
}

int main(int argc, char **argv)
{
	device = argc > 1 ? argv[1] : "";
	if (argc == 3 && !strcmp(device, "disk"))
		pause_disk(argv[2]);
	if (argc == 4 && !strcmp(device, "net"))
		pause_net(argv[2], argv[3]);
	if (argc == 2 && !strcmp(device, "console"))
		pause_console();
	fprintf(stderr, "usage: pauses disk PATH | net ADDRESS PORT | "
		"console\n");
	return 2;
}
