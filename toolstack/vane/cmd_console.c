/*
 * A terminal on a domain's console: bytes to and fro between standard input
 * and output and the pseudo terminal that the console daemon publishes.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include "toolstack/sys/io.h"

#define ESCAPE		0x1d		/* ^] */
#define TTY_WAIT_MS	5000

/* Moves what there is; 1 at the end of @from, 0, or -errno. */
static int move(int from, int to, bool watch_escape)
{
	char buf[4096], *stop;
	ssize_t n = read(from, buf, sizeof(buf));

	if (n < 0 && (errno == EINTR || errno == EAGAIN))
		return 0;
	if (n <= 0)			/* a console that ends reads EIO */
		return 1;
	stop = watch_escape ? memchr(buf, ESCAPE, n) : NULL;
	if (io_write_all(to, buf, stop ? stop - buf : n))
		return -errno;
	return stop != NULL;
}

static int shuttle(int tty)
{
	struct pollfd fds[2] = {
		{ .fd = tty, .events = POLLIN },
		{ .fd = STDIN_FILENO, .events = POLLIN },
	};
	int rc;

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents) {
			rc = move(tty, STDOUT_FILENO, false);
			if (rc)
				return rc < 0 ? rc : 0;
		}
		if (fds[1].revents) {
			rc = move(STDIN_FILENO, tty, true);
			if (rc < 0)
				return rc;
			/* The end of a pipe does not end the watching. */
			if (rc && isatty(STDIN_FILENO))
				return 0;
			if (rc)
				fds[1].fd = -1;
		}
	}
}

int console_attach(const char *tty)
{
	struct termios old;
	bool terminal;
	int fd, rc;

	fd = open(tty, O_RDWR | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	terminal = !io_make_raw(STDIN_FILENO, &old);
	rc = shuttle(fd);
	if (terminal)
		tcsetattr(STDIN_FILENO, TCSAFLUSH, &old);
	close(fd);
	return rc;
}

/* What a PV domain has: one console, of type pv. */
static int check_option(int opt)
{
	if (opt == 't' && strcmp(optarg, "pv"))
		return complain(EINVAL, "console: -t: found \"%s\"; allowed: "
				"pv, the one type of a PV domain", optarg);
	if (opt == 'n' && strcmp(optarg, "0"))
		return complain(EINVAL, "console: -n: found \"%s\"; allowed: "
				"0, the one console of a PV domain", optarg);
	return opt == '?' ? usage(&cmd_console) : EXIT_OK;
}

static int run(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "replay", no_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	bool replay = false;
	struct vane *v;
	uint32_t domid;
	char *tty;
	int rc, opt;

	while ((opt = next_option(argc, argv, "t:n:", longs)) >= 0) {
		rc = check_option(opt);
		if (rc)
			return rc;
		replay |= opt == 'r';
	}
	if (argc - optind != 1)
		return usage(&cmd_console);
	if (replay)
		return console_replay(argv[optind]);
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[optind], &domid);
	if (!rc)
		rc = vane_console_tty(v, domid, TTY_WAIT_MS, &tty);
	vane_close(v);
	if (rc)
		return EXIT_FAILED;
	rc = console_attach(tty);
	if (rc)
		complain(-rc, "domain %u: its console %s: %s", domid, tty,
			 strerror(-rc));
	free(tty);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_console = {
	.name = "console", .arguments = "[-t pv] [-n 0] [--replay] DOMAIN",
	.summary = "Use a domain's console; ^] leaves it.",
	.options = "    -t pv, -n 0  which console: there is this one\n"
		"    --replay     print its last output, also when the domain\n"
		"                 is gone\n",
	.run = run,
};
