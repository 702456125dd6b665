/*
 * See worker.h. The end of a process is known by its pidfd, and by nothing
 * else: then its descriptors are closed and its locks are free. The end of
 * its messages only has it killed.
 */
#include "backend-drivers/base/worker.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend-drivers/base/log.h"

#define MESSAGES_PER_TURN 16

/* In the child: descriptors in the places that the process expects. */
static int arrange(struct worker *w, int control)
{
	int high[WORKER_KEEP];

	/* Out of the way first, so that no target is a source. */
	control = fcntl(control, F_DUPFD, WORKER_KEPT + WORKER_KEEP);
	if (control < 0)
		return -errno;
	for (unsigned int i = 0; i < w->kept; i++) {
		high[i] = fcntl(w->keep[i], F_DUPFD, control + 1);
		if (high[i] < 0)
			return -errno;
	}
	if (dup2(control, WORKER_CONTROL) < 0)
		return -errno;
	for (unsigned int i = 0; i < w->kept; i++)
		if (dup2(high[i], WORKER_KEPT + (int)i) < 0)
			return -errno;
	return syscall(SYS_close_range, WORKER_KEPT + w->kept, ~0u, 0) ?
		-errno : 0;
}

static void child(struct worker *w, int control)
{
	int rc = arrange(w, control);

	if (rc)
		log_line(w->name, "worker: descriptors: error %d", -rc);
	else
		w->run(w);
	_exit(1);
}

static void forget(struct worker *w)
{
	loop_fd_remove(&w->control);
	loop_fd_remove(&w->process);
	close(w->control.fd);
	close(w->process.fd);
	w->running = false;
}

static void process_ended(struct loop_fd *f, uint32_t events)
{
	struct worker *w = container_of(f, struct worker, process);
	siginfo_t info = { 0 };

	(void)events;
	if (waitid(P_PIDFD, (id_t)f->fd, &info, WEXITED | WNOHANG) ||
	    !info.si_pid)
		return;
	forget(w);
	w->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
	again_ended(&w->again);
	w->ended(w);
}

static void kill_process(struct worker *w)
{
	/* Fails only if it has ended already. */
	(void)syscall(SYS_pidfd_send_signal, w->process.fd, SIGKILL, NULL, 0);
}

static void control_ready(struct loop_fd *f, uint32_t events)
{
	struct worker *w = container_of(f, struct worker, control);
	uint64_t message[WORKER_MESSAGE / sizeof(uint64_t)];

	(void)events;
	for (int i = 0; i < MESSAGES_PER_TURN && w->control.added; i++) {
		ssize_t n = recv(f->fd, message, sizeof(message),
				 MSG_DONTWAIT);

		if (n < 0)
			return;
		if (n == 0) {
			loop_fd_remove(f);
			kill_process(w);
			return;
		}
		w->said(w, message, (size_t)n);
	}
}

/* The parent's side of a process that runs. */
static int follow(struct worker *w, int control, pid_t pid)
{
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0), rc;

	if (pidfd < 0)
		return -errno;
	w->control = (struct loop_fd){
		.fd = control, .events = EPOLLIN, .ready = control_ready,
	};
	w->process = (struct loop_fd){
		.fd = pidfd, .events = EPOLLIN, .ready = process_ended,
	};
	rc = loop_fd_add(&w->control);
	if (!rc)
		rc = loop_fd_add(&w->process);
	if (rc) {
		loop_fd_remove(&w->control);
		close(pidfd);
	}
	return rc;
}

static int start(struct worker *w)
{
	int ends[2], rc;
	pid_t pid;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return -errno;
	pid = fork();
	if (pid == 0)
		child(w, ends[1]);
	rc = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (!rc)
		rc = follow(w, ends[0], pid);
	if (rc) {
		close(ends[0]);
		if (pid > 0) {
			(void)kill(pid, SIGKILL);
			(void)waitpid(pid, NULL, 0);
		}
		return rc;
	}
	w->running = true;
	again_begun(&w->again);
	return 0;
}

static void pause_over(struct loop_timer *t);

static void pause_for(struct worker *w)
{
	w->pause.run = pause_over;
	loop_timer_set(&w->pause, again_pause(&w->again));
}

static void begin(struct worker *w)
{
	int rc = start(w);

	if (!rc)
		return;
	log_line(w->name, "cannot start a worker: %s", strerror(-rc));
	w->again.young++;
	pause_for(w);
}

static void pause_over(struct loop_timer *t)
{
	begin(container_of(t, struct worker, pause));
}

void worker_start(struct worker *w)
{
	if (w->again.young)
		pause_for(w);
	else
		begin(w);
}

void worker_tell(struct worker *w, const void *message, size_t len)
{
	if (send(w->control.fd, message, len, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		kill_process(w);
}

bool worker_kill(struct worker *w)
{
	loop_timer_remove(&w->pause);
	if (w->running)
		kill_process(w);
	return w->running;
}
