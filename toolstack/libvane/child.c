/*
 * See child.h.
 */
#include "toolstack/libvane/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/libvane/wait.h"
#include "toolstack/sys/io.h"

static _Noreturn void be_child(struct child *c, int out)
{
	int in = c->terminal ? out : open("/dev/null", O_RDONLY);
	sigset_t none;

	if (c->terminal) {
		setsid();
		(void)ioctl(out, TIOCSCTTY, 0);
	} else {
		setpgid(0, 0);
	}
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(c->in ? c->in : in, STDIN_FILENO);
	dup2(c->file ? c->file : out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	if (c->more) {
		dup2(c->more, 3);
		(void)fcntl(3, F_SETFD, 0); /* it may be 3 already */
	}
	close_range(c->more ? 4 : 3, ~0u, 0);
	if (c->prepare)
		c->prepare(c->arg);
	execv(c->argv[0], (char **)c->argv);
	fprintf(stderr, "cannot be run: %s\n", strerror(errno));
	_exit(127);
}

/* Keeps the last part. False at the end. */
static bool take_text(struct child *c)
{
	char buf[512];
	ssize_t n = read(c->out, buf, sizeof(buf));
	size_t over;

	if (n < 0)
		return errno == EINTR || errno == EAGAIN;
	if (c->join)
		(void)io_write_all(STDOUT_FILENO, buf, n);
	over = c->len + n > sizeof(c->text) - 1 ?
		c->len + n - (sizeof(c->text) - 1) : 0;
	memmove(c->text, c->text + over, c->len - over);
	memcpy(c->text + c->len - over, buf, n);
	c->len += n - over;
	c->text[c->len] = '\0';
	return n > 0;
}

/* One line: ends become ";", what cannot be shown '?'. */
static void flatten(char *text)
{
	size_t n = 0;

	/* A terminal ends lines with two characters. */
	for (const char *at = text; *at; at++)
		if (at[0] != '\r' || at[1] != '\n')
			text[n++] = *at;
	while (n && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ';';
		else if ((unsigned char)*at < ' ')
			*at = '?';
}

/* What somebody types at our terminal. False at its end. */
static bool pass_input(struct child *c)
{
	char buf[512];
	ssize_t n = read(STDIN_FILENO, buf, sizeof(buf));

	return n > 0 && !io_write_all(c->out, buf, n);
}

/* Until it ends; -ETIMEDOUT. Its children may hold the pipe for longer. */
static int follow(struct child *c, int *status)
{
	int64_t until = wait_now_ms() + c->limit_ms, left = -1;
	struct pollfd p[3] = {
		{ .fd = c->out, .events = POLLIN },
		{ .fd = c->join ? STDIN_FILENO : -1, .events = POLLIN },
		{ .fd = c->ended, .events = POLLIN },
	};
	bool late = false;

	while (!p[2].revents && !late) {
		if (c->limit_ms >= 0)
			left = until - wait_now_ms();
		late = c->limit_ms >= 0 && left <= 0;
		if (late || poll(p, 3, (int)left) <= 0)
			continue;
		if (p[0].revents && !take_text(c))
			p[0].fd = -1;
		if (p[1].revents && !pass_input(c))
			p[1].fd = -1;
	}
	if (late) {
		kill(-c->pid, SIGKILL);
		kill(c->pid, SIGKILL);
	}
	while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
		;
	while (!late && poll(p, 1, 0) > 0 && take_text(c))
		;
	return late ? -ETIMEDOUT : 0;
}

/* Of the size of ours, if we have one. */
static int open_terminal(int ends[2])
{
	struct winsize size = { .ws_row = 24, .ws_col = 80 };

	(void)ioctl(STDIN_FILENO, TIOCGWINSZ, &size);
	if (openpty(&ends[0], &ends[1], NULL, NULL, &size))
		return -errno;
	(void)fcntl(ends[0], F_SETFD, FD_CLOEXEC);
	(void)fcntl(ends[1], F_SETFD, FD_CLOEXEC);
	return 0;
}

static int start(struct child *c)
{
	int ends[2], rc;

	if (c->terminal)
		rc = open_terminal(ends);
	else
		rc = pipe2(ends, O_CLOEXEC) ? -errno : 0;
	if (rc)
		return rc;
	c->pid = fork();
	if (!c->pid)
		be_child(c, ends[1]);
	close(ends[1]);
	c->ended = c->pid < 0 ? -1 : pidfd_open(c->pid, 0);
	if (c->ended < 0) {
		if (c->pid > 0) {
			kill(c->pid, SIGKILL);
			(void)waitpid(c->pid, NULL, 0);
		}
		close(ends[0]);
		return -EAGAIN;
	}
	(void)fcntl(ends[0], F_SETFL, O_NONBLOCK);
	c->out = ends[0];
	return 0;
}

int child_run(struct child *c)
{
	int status = 0, rc;
	struct termios old;
	bool raw;

	c->text[0] = c->how[0] = '\0';
	c->len = 0;
	rc = start(c);
	if (rc) {
		snprintf(c->how, sizeof(c->how), "cannot be started: %s",
			 strerror(-rc));
		return rc;
	}
	raw = c->join && !io_make_raw(STDIN_FILENO, &old);
	rc = follow(c, &status);
	if (raw)
		tcsetattr(STDIN_FILENO, TCSADRAIN, &old);
	close(c->ended);
	close(c->out);
	flatten(c->text);
	if (rc)
		snprintf(c->how, sizeof(c->how), "did not end within %d s",
			 c->limit_ms / 1000);
	else if (WIFSIGNALED(status))
		snprintf(c->how, sizeof(c->how), "was ended by signal %d",
			 WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(c->how, sizeof(c->how), "failed with status %d",
			 WEXITSTATUS(status));
	return rc ? rc : c->how[0] ? -EIO : 0;
}
