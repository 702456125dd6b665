/*
 * See daemon.h. The parent exits 0 when the child says that it serves, and 1
 * when the child dies before: whoever starts us needs no sleep and no poll.
 * Between the two stays the holder, which does nothing but start the daemon
 * again when it was killed.
 */
#include "backend-drivers/base/daemon.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "backend-drivers/base/again.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"

#define RUN_DIR "/run/vane"
#define LOG_DIR "/var/log/xen"

static char pid_path[64], log_path[64];

static void usage(const char *name, int status)
{
	fprintf(status ? stderr : stdout,
		"usage: %s [-f] [-l LOGFILE] [-p PIDFILE]\n"
		"  -f  stay in the foreground, log to stderr\n"
		"  -l  log to LOGFILE (default " LOG_DIR "/%s.log)\n"
		"  -p  write the process number to PIDFILE\n", name, name);
	exit(status);
}

static void read_options(struct daemon *d, int argc, char **argv)
{
	int option;

	while ((option = getopt(argc, argv, "fl:p:h")) != -1) {
		switch (option) {
		case 'f':
			d->foreground = true;
			break;
		case 'l':
			d->log_file = optarg;
			break;
		case 'p':
			d->pid_file = optarg;
			break;
		case 'h':
			usage(d->name, 0);
			break;
		default:
			usage(d->name, 2);
		}
	}
	if (optind < argc)
		usage(d->name, 2);
}

/* The parent's end: waits for the byte that says "ready". */
static void wait_for_child(const struct daemon *d, int pipe_end)
{
	char byte;

	if (read(pipe_end, &byte, 1) == 1)
		_exit(0);
	fprintf(stderr, "%s: did not start: see %s\n", d->name,
		d->log_file ? d->log_file : "above");
	_exit(1);
}

static void to_background(struct daemon *d)
{
	int ends[2];
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) || (child = fork()) < 0) {
		perror(d->name);
		exit(1);
	}
	if (child) {
		close(ends[1]);
		wait_for_child(d, ends[0]);
	}
	close(ends[0]);
	d->ready_pipe = ends[1];
	setsid();
}

static void open_log(const struct daemon *d)
{
	int fd;

	if (!d->log_file)
		return;
	fd = open(d->log_file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC,
		  0640);
	if (fd < 0) {
		fprintf(stderr, "%s: %s: %s\n", d->name, d->log_file,
			strerror(errno));
		exit(1);
	}
	dup2(fd, STDOUT_FILENO);
	dup2(fd, STDERR_FILENO);
	close(fd);
	fd = open("/dev/null", O_RDWR | O_CLOEXEC);
	if (fd >= 0) {
		dup2(fd, STDIN_FILENO);
		close(fd);
	}
}

/*
 * Returns in the daemon; the holder leaves the process when the daemon ends by
 * its own will.
 */
static void hold(struct daemon *d)
{
	struct again again = { 0 };

	for (;;) {
		pid_t child;
		int status;

		again_begun(&again);
		child = fork();
		if (child < 0)
			log_line(d->name, "nobody will start it again: %s",
				 strerror(errno));
		if (child <= 0)
			return;
		if (d->ready_pipe >= 0)
			close(d->ready_pipe);
		d->ready_pipe = -1;
		while (waitpid(child, &status, 0) < 0)
			continue;
		if (!WIFSIGNALED(status))
			_exit(WEXITSTATUS(status));
		log_line(d->name, "killed by signal %d: started again",
			 WTERMSIG(status));
		again_ended(&again);
		usleep(again_pause(&again) * 1000);
	}
}

/* Each domain's devices and consoles take some: as many as there may be. */
static void raise_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit))
		return;
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

void daemon_start(struct daemon *d, const char *name, const char *short_name,
		  int argc, char **argv)
{
	*d = (struct daemon){ .name = name, .ready_pipe = -1 };
	read_options(d, argc, argv);
	if (!d->foreground) {
		(void)mkdir(RUN_DIR, 0755);	/* may exist; else it shows */
		(void)mkdir(LOG_DIR, 0750);	/* when the file is opened */
		snprintf(pid_path, sizeof(pid_path), RUN_DIR "/%s.pid",
			 short_name);
		snprintf(log_path, sizeof(log_path), LOG_DIR "/%s.log", name);
		if (!d->pid_file)
			d->pid_file = pid_path;
		if (!d->log_file)
			d->log_file = log_path;
		to_background(d);
	}
	open_log(d);
	raise_limit();
	signal(SIGPIPE, SIG_IGN);
	if (!d->foreground)
		hold(d);
}

int daemon_ready(struct daemon *d)
{
	if (d->pid_file) {
		FILE *f = fopen(d->pid_file, "we");

		if (!f)
			return -errno;
		fprintf(f, "%d\n", (int)getpid());
		fclose(f);
	}
	if (d->ready_pipe >= 0) {
		if (write(d->ready_pipe, "", 1) < 0)
			return -errno;
		close(d->ready_pipe);
		d->ready_pipe = -1;
	}
	log_line(d->name, "serving, process %d", (int)getpid());
	return 0;
}

static void signalled(struct loop_fd *f, uint32_t events)
{
	struct signalfd_siginfo info;

	(void)events;
	if (read(f->fd, &info, sizeof(info)) == sizeof(info))
		loop_stop();
}

int daemon_signals(void)
{
	static struct loop_fd signals = {
		.events = EPOLLIN, .ready = signalled,
	};
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signals.fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals.fd < 0 ? -errno : loop_fd_add(&signals);
}

void daemon_end(struct daemon *d)
{
	if (d->pid_file)
		unlink(d->pid_file);
	log_line(d->name, "stopped");
}
