/*
 * The protocol's rules, asked of a running daemon over its socket: the cases
 * of steps_socket.c, each with four fresh connections and no /t in the store.
 *
 *   conformance            asks the daemon at XENSTORED_PATH, or at the
 *                          usual socket, whichever daemon that is
 *   conformance PROGRAM    starts PROGRAM, ours, for itself
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenstore/test/spawn.h"
#include "xenstore/test/steps.h"

#define PATIENCE_MS 10000

static int fds[WHO_MAX];

static int open_socket(void)
{
	const char *path = getenv("XENSTORED_PATH");
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	snprintf(addr.sun_path, sizeof(addr.sun_path), "%s",
		 path ? path : "/run/xenstored/socket");
	if (fd < 0 || connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		printf("Bail out! cannot connect to %s: %s\n", addr.sun_path,
		       strerror(errno));
		exit(1);
	}
	return fd;
}

static void message(void *arg, unsigned int who,
		    const struct xsd_sockmsg *hdr, const char *data)
{
	(void)arg;
	if (send(fds[who], hdr, sizeof(*hdr), MSG_NOSIGNAL) < 0 ||
	    (hdr->len && send(fds[who], data, hdr->len, MSG_NOSIGNAL) < 0))
		printf("# send: %s\n", strerror(errno));
}

static int receive(int fd, void *buf, size_t len)
{
	for (size_t at = 0; at < len;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		ssize_t n;

		if (poll(&pfd, 1, PATIENCE_MS) != 1)
			return 0;
		n = read(fd, (char *)buf + at, len - at);
		if (n <= 0)
			return 0;
		at += (size_t)n;
	}
	return 1;
}

static int next(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
		char *data)
{
	(void)arg;
	if (!receive(fds[who], hdr, sizeof(*hdr)) ||
	    hdr->len > XENSTORE_PAYLOAD_MAX)
		return 0;
	return receive(fds[who], data, hdr->len);
}

static const struct steps_io io = { NULL, message, next };

/* Remove what earlier cases left. */
static void clean(void)
{
	static const struct step steps[] = {
		DO(0, RM, "/t|", "OK|"),
		DO(0, RM, "/local/domain/0/t|", "*"),
		DO(0, CONTROL, "help|", "*"),
	};
	char why[512];
	size_t used;

	(void)steps_run(steps, 3, &io, &used, why, sizeof(why));
}

int main(int argc, char **argv)
{
	struct spawned daemon = { 0 };
	unsigned int number = 0, failed = 0;

	if (argc > 1 && spawn_daemon(&daemon, argv[1])) {
		printf("Bail out! cannot start %s\n", argv[1]);
		return 1;
	}
	for (size_t at = 0; at < socket_step_count;) {
		const char *title = socket_steps[at].title;
		char why[512] = "";
		size_t used;
		bool ok;

		for (unsigned int who = 0; who < WHO_MAX; who++)
			fds[who] = open_socket();
		clean();
		ok = steps_run(socket_steps + at + 1,
			       socket_step_count - at - 1, &io, &used, why,
			       sizeof(why));
		printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number, title);
		if (!ok) {
			printf("# %s\n", why);
			failed++;
		}
		for (unsigned int who = 0; who < WHO_MAX; who++)
			close(fds[who]);
		at += used + 1;
	}
	fds[0] = open_socket();
	clean();
	close(fds[0]);
	printf("1..%u\n", number);
	if (argc > 1 && spawn_end(&daemon)) {
		printf("# the daemon ended badly\n");
		failed++;
	}
	return failed ? 1 : 0;
}
