/*
 * The protocol's rules, asked of a running daemon: each case of the tables
 * with fresh connections and no /t in the store.
 *
 *   conformance [--stock]     asks the daemon at XENSTORED_PATH, or at the
 *                             usual socket; the stock one's own answers are
 *                             the right ones
 *   conformance --rings, conformance --domains
 *                             the rules about ring pages, and about guests:
 *                             domains 1 to 3 are there and run guest-pv's bell
 *   conformance --only TEXT   cases whose titles begin so
 *   conformance PROGRAM       starts PROGRAM, ours, for itself
 *
 * Prints TAP; "# differs: WHY" behind a rule that the stock daemon keeps in
 * its own way.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenstore/test/conformance.h"
#include "xenstore/test/spawn.h"

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

static struct steps_io socket_io = { .message = message, .next = next };

/* --- connections of scripts about domains --------------------------------- */

/* Who is domain 1 or 2 there speaks through its ring. */
static void message_by_ring(void *arg, unsigned int who,
			    const struct xsd_sockmsg *hdr, const char *data)
{
	if (who == 1 || who == 2)
		(void)guest_ring_send(domain_ring(who), hdr, data);
	else
		message(arg, who, hdr, data);
}

static int next_by_ring(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
			char *data)
{
	if (who == 1 || who == 2)
		return guest_ring_receive(domain_ring(who), hdr, data);
	return next(arg, who, hdr, data);
}

static struct steps_io domain_io = {
	.message = message_by_ring, .next = next_by_ring,
	.port = domain_port, .domain = domain_end,
};

/* --- cases ---------------------------------------------------------------- */

static unsigned int number, failed;
static const char *only = "";

static bool chosen(const char *title)
{
	return !strncmp(title, only, strlen(only));
}

static void begin(void)
{
	static const struct step steps[] = {
		DO(0, RM, "/t|", "?"),
		DO(0, RM, "/local/domain/0/t|", "?"),
		DO(0, RM, "/local/domain/1/t|", "?"),
		DO(0, CONTROL, "help|", "?"),
	};
	char why[512];
	size_t used;

	for (unsigned int who = 0; who < WHO_MAX; who++)
		fds[who] = open_socket();
	(void)steps_run(steps, sizeof(steps) / sizeof(steps[0]), &socket_io,
			&used, why, sizeof(why));
}

static void skip(const char *title, const char *why)
{
	printf("ok %u - %s # SKIP\n# differs: %s\n", ++number, title, why);
}

static void end(bool ok, const char *title, const char *differs,
		const char *why)
{
	printf("%s %u - %s\n", ok ? "ok" : "not ok", ++number, title);
	if (differs)
		printf("# differs: %s\n", differs);
	if (!ok) {
		printf("# %s\n", why);
		failed++;
	}
	for (unsigned int who = 0; who < WHO_MAX; who++)
		close(fds[who]);
	fflush(stdout);
}

static void run_table(const struct step *table, size_t count,
		      const struct steps_io *io)
{
	for (size_t at = 0; at < count;) {
		char why[512] = "";
		size_t used;
		bool ok;

		if (!table[at].title || !chosen(table[at].title)) {
			at++;
			continue;
		}
		if (io->stock && table[at].want) {
			skip(table[at].title, table[at].stock);
			at++;
			continue;
		}
		begin();
		if (io == &domain_io)
			domains_fresh();
		ok = steps_run(table + at + 1, count - at - 1, io, &used, why,
			       sizeof(why));
		end(ok, table[at].title, table[at].stock, why);
		at += used + 1;
	}
}

static void run_rings(bool stock)
{
	for (size_t i = 0; i < ring_case_count; i++) {
		const struct ring_case *c = &ring_cases[i];
		const char *why;

		if (!chosen(c->title))
			continue;
		begin();
		domains_fresh();
		why = c->run(domain_ring(1), stock);
		end(!why, c->title, c->differs, why);
	}
}

static void open_domains(void)
{
	fds[0] = open_socket();
	domains_open(&socket_io);
	close(fds[0]);
}

int main(int argc, char **argv)
{
	struct spawned daemon = { 0 };
	const char *program = NULL;
	const char *part = "--sockets";

	for (int i = 1; i < argc; i++) {
		if (!strcmp(argv[i], "--stock"))
			socket_io.stock = domain_io.stock = true;
		else if (!strcmp(argv[i], "--rings") ||
			 !strcmp(argv[i], "--domains"))
			part = argv[i];
		else if (!strcmp(argv[i], "--only") && i + 1 < argc)
			only = argv[++i];
		else
			program = argv[i];
	}
	if (program && spawn_daemon(&daemon, program)) {
		printf("Bail out! cannot start %s\n", program);
		return 1;
	}
	if (strcmp(part, "--sockets"))
		open_domains();
	/* Domain 3 does not outlive the last cases about domains. */
	if (!strcmp(part, "--rings"))
		run_rings(socket_io.stock);
	else if (!strcmp(part, "--domains"))
		run_table(domain_steps, domain_step_count, &domain_io);
	else
		run_table(socket_steps, socket_step_count, &socket_io);
	begin();
	printf("1..%u\n", number);
	if (program && spawn_end(&daemon)) {
		printf("# the daemon ended badly\n");
		failed++;
	}
	return failed ? 1 : 0;
}
