/*
 * See child.h.
 */
#include "toolstack/libvane/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "toolstack/libvane/wait.h"

static _Noreturn void be_child(struct child *c, int out)
{
	int null = open("/dev/null", O_RDONLY);
	sigset_t none;

	setpgid(0, 0);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	dup2(null, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	close_range(3, ~0u, 0);
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
	over = c->len + n > sizeof(c->text) - 1 ?
		c->len + n - (sizeof(c->text) - 1) : 0;
	memmove(c->text, c->text + over, c->len - over);
	memcpy(c->text + c->len - over, buf, n);
	c->len += n - over;
	c->text[c->len] = '\0';
	return n > 0;
}

/* One line: ends become "; ", what cannot be shown '?'. */
static void flatten(char *text)
{
	size_t n = strlen(text);

	while (n && text[n - 1] == '\n')
		text[--n] = '\0';
	for (char *at = text; *at; at++)
		if (*at == '\n')
			*at = ';';
		else if ((unsigned char)*at < ' ')
			*at = '?';
}

/* Until it ends; -ETIMEDOUT. Its children may hold the pipe for longer. */
static int follow(struct child *c, int *status)
{
	int64_t until = wait_now_ms() + c->limit_ms;
	struct pollfd p = { .fd = c->out, .events = POLLIN };

	while (wait_now_ms() < until) {
		pid_t got = waitpid(c->pid, status, WNOHANG);

		if (got == c->pid || (got < 0 && errno != EINTR)) {
			while (poll(&p, 1, 0) > 0 && take_text(c))
				;
			return 0;
		}
		if (poll(&p, 1, 20) > 0 && !take_text(c))
			p.fd = -1;
	}
	kill(-c->pid, SIGKILL);
	kill(c->pid, SIGKILL);
	while (waitpid(c->pid, status, 0) < 0 && errno == EINTR)
		;
	return -ETIMEDOUT;
}

static int start(struct child *c)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC))
		return -errno;
	c->pid = fork();
	if (!c->pid)
		be_child(c, ends[1]);
	close(ends[1]);
	if (c->pid < 0) {
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

	c->text[0] = c->how[0] = '\0';
	c->len = 0;
	rc = start(c);
	if (rc) {
		snprintf(c->how, sizeof(c->how), "cannot be started: %s",
			 strerror(-rc));
		return rc;
	}
	rc = follow(c, &status);
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
