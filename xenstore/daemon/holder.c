/* The holder: see holder.h. */
#include "xenstore/daemon/holder.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "xenstore/daemon/log.h"
#include "xenstore/daemon/memory.h"
#include "xenstore/daemon/stdio.h"

/* Starts in a row that come to nothing before the holder gives up. */
#define TRIES		20
#define PAUSE_US	50000

struct held {
	uint64_t key;
	int fd;
};

static struct holder {
	const struct holder_setup *setup;
	struct held *client;	/* by rising keys */
	size_t count, room;
	size_t handed;		/* of them the present daemon has got so many */
	uint64_t last_key;
	int listen_fd, channel, signals, spare;
	int pid;		/* the daemon's */
	bool told_all;		/* it was told that it has all of them */
	bool serving, served;	/* this daemon; any daemon */
	bool stopping;
	unsigned int failures;
	char program[256];	/* empty: our own */
	char old_program[256];
} holder;

/* --- the channel ---------------------------------------------------------- */

int holder_send(int channel, const struct holder_message *m, int fd,
		bool wait)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { (void *)m, sizeof(*m) };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	if (fd >= 0) {
		msg.msg_control = &control;
		msg.msg_controllen = sizeof(control.room);
		control.hdr.cmsg_level = SOL_SOCKET;
		control.hdr.cmsg_type = SCM_RIGHTS;
		control.hdr.cmsg_len = CMSG_LEN(sizeof(int));
		memcpy(CMSG_DATA(&control.hdr), &fd, sizeof(fd));
	}
	do {
		n = sendmsg(channel, &msg, MSG_NOSIGNAL |
			    (wait ? 0 : MSG_DONTWAIT));
	} while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int holder_receive(int channel, struct holder_message *m, int *fd)
{
	union {
		struct cmsghdr hdr;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { 0 };
	struct iovec iov = { m, sizeof(*m) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t n;

	*fd = -1;
	do {
		n = recvmsg(channel, &msg, MSG_CMSG_CLOEXEC);
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == ECONNRESET ? 0 : -errno;
	if (n != sizeof(*m))
		return 0;
	if (msg.msg_controllen)
		memcpy(fd, CMSG_DATA(&control.hdr), sizeof(*fd));
	return 1;
}

/* The arguments end with the option that this process was started by, if so. */
static int own_arguments(char **argv)
{
	int count = 0;

	while (argv[count] && strcmp(argv[count], "--channel") &&
	       strcmp(argv[count], "--resume") &&
	       strcmp(argv[count], "--hold"))
		count++;
	return count;
}

int holder_spawn(char **argv, const char *option, const char *program,
		 int *pid)
{
	int pair[2], count = own_arguments(argv);
	char number[16], **args;
	sigset_t none;

	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair))
		return -errno;
	args = mem_zalloc(((size_t)count + 3) * sizeof(*args));
	memcpy(args, argv, (size_t)count * sizeof(*args));
	*pid = fork();
	if (!*pid) {
		int fd = dup(pair[1]);	/* without close-on-exec */

		snprintf(number, sizeof(number), "%d", fd);
		args[count] = (char *)option;
		args[count + 1] = number;
		sigemptyset(&none);
		sigprocmask(SIG_SETMASK, &none, NULL);
		execv(program ? program : "/proc/self/exe", args);
		_exit(127);
	}
	close(pair[1]);
	free(args);
	if (*pid > 0)
		return pair[0];
	close(pair[0]);
	return -errno;
}

/* --- clients -------------------------------------------------------------- */

static void add(uint64_t key, int fd)
{
	struct holder *h = &holder;

	if (h->count == h->room) {
		h->room = h->room ? 2 * h->room : 32;
		h->client = mem_resize(h->client,
				       h->room * sizeof(*h->client));
	}
	h->client[h->count++] = (struct held){ key, fd };
	if (key > h->last_key)
		h->last_key = key;
}

static void drop(uint64_t key)
{
	struct holder *h = &holder;
	size_t low = 0, high = h->count;

	while (low < high) {
		size_t mid = (low + high) / 2;

		if (h->client[mid].key < key)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == h->count || h->client[low].key != key)
		return;
	close(h->client[low].fd);
	h->count--;
	h->handed -= low < h->handed;
	memmove(h->client + low, h->client + low + 1,
		(h->count - low) * sizeof(*h->client));
}

/*
 * No descriptors are left: take the client off the queue with the spare one
 * and hang up, rather than be woken by it for ever.
 */
static void refuse(struct holder *h)
{
	close(h->spare);
	close(accept4(h->listen_fd, NULL, NULL, SOCK_CLOEXEC));
	h->spare = dup(STDERR_FILENO);
}

static void accept_client(struct holder *h)
{
	int fd = accept4(h->listen_fd, NULL, NULL,
			 SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd >= 0)
		add(h->last_key + 1, fd);
	else if (errno == EMFILE || errno == ENFILE)
		refuse(h);
}

/* Pass on what the daemon lacks, as far as the channel takes it. */
static void hand_over(struct holder *h)
{
	struct holder_message m = { .kind = HOLD_CLIENT };
	int rc = 0;

	for (; h->handed < h->count; h->handed++) {
		m.key = h->client[h->handed].key;
		rc = holder_send(h->channel, &m, h->client[h->handed].fd,
				 false);
		if (rc)
			break;
	}
	/* Too many descriptors are on their way: the daemon is at them. */
	if (rc == -ETOOMANYREFS)
		usleep(PAUSE_US);
	m = (struct holder_message){ .kind = HOLD_ALL };
	if (!rc && !h->told_all && !holder_send(h->channel, &m, -1, false))
		h->told_all = true;
}

/* --- the daemon ----------------------------------------------------------- */

static void start_daemon(struct holder *h)
{
	struct holder_message m = { .kind = HOLD_LISTEN };

	if (h->failures)
		usleep(PAUSE_US);
	h->channel = holder_spawn(h->setup->argv, h->served ? "--resume" :
				  "--channel", h->program[0] ? h->program :
				  NULL, &h->pid);
	if (h->channel < 0) {
		fprintf(stderr, "vane-stored: cannot start: %s\n",
			strerror(-h->channel));
		return;
	}
	h->handed = 0;
	h->told_all = h->serving = false;
	(void)holder_send(h->channel, &m, h->listen_fd, false);
}

/* The channel ended.  Returns the exit status, or -1 to go on. */
static int daemon_ended(struct holder *h)
{
	close(h->channel);
	h->channel = -1;
	if (h->stopping)
		return 0;
	if (!h->served)
		return 1;
	if (h->serving) {
		h->failures = 0;
		return -1;
	}
	/* A new program that does not come up: back to the one before. */
	memcpy(h->program, h->old_program, sizeof(h->program));
	return ++h->failures < TRIES ? -1 : 1;
}

static void now_serving(struct holder *h, uint64_t key)
{
	char status = 0;

	if (key > h->last_key)
		h->last_key = key;
	h->serving = true;
	memcpy(h->old_program, h->program, sizeof(h->program));
	if (h->served)
		return;
	h->served = true;
	if (h->setup->background)
		stdio_to_null();
	if (h->setup->parent >= 0) {
		(void)!write(h->setup->parent, &status, 1);
		close(h->setup->parent);
	}
}

/* One message of the daemon; returns as daemon_ended(). */
static int take_message(struct holder *h)
{
	struct holder_message m;
	int fd;

	if (holder_receive(h->channel, &m, &fd) != 1)
		return daemon_ended(h);
	switch (m.kind) {
	case HOLD_CLIENT:
		if (fd >= 0)
			add(m.key, fd);
		h->handed = h->count;
		break;
	case HOLD_LISTEN:
		h->listen_fd = fd;
		break;
	case HOLD_ALL:
		h->told_all = true;
		now_serving(h, m.key);
		break;
	case HOLD_CLOSE:
		drop(m.key);
		break;
	case HOLD_SERVING:
		now_serving(h, m.key);
		break;
	case HOLD_UPDATE:
		m.path[sizeof(m.path) - 1] = '\0';
		memcpy(h->program, m.path, sizeof(h->program));
		break;
	case HOLD_STOP:
		h->stopping = true;
		break;
	}
	return -1;
}

static void take_signal(struct holder *h)
{
	struct signalfd_siginfo info;

	(void)!read(h->signals, &info, sizeof(info));
	if (h->pid > 0)
		kill(h->pid, SIGTERM);
}

/* Who made the channel, if that was not us. */
static int peer_pid(int channel)
{
	struct ucred cred = { 0 };
	socklen_t len = sizeof(cred);

	(void)getsockopt(channel, SOL_SOCKET, SO_PEERCRED, &cred, &len);
	return cred.pid;
}

static void prepare(struct holder *h, const struct holder_setup *setup)
{
	sigset_t set;

	h->setup = setup;
	h->listen_fd = setup->listen_fd;
	h->channel = setup->channel;
	if (h->channel >= 0)
		h->pid = peer_pid(h->channel);
	h->spare = dup(STDERR_FILENO);
	/* Children end unwaited for: the channel tells. */
	signal(SIGCHLD, SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	h->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Clients are accepted when all before them are with the daemon. */
int holder_run(const struct holder_setup *setup)
{
	struct holder *h = &holder;
	int status = -1;

	prepare(h, setup);
	while (status < 0) {
		struct pollfd p[3];
		bool all;

		if (h->channel < 0)
			start_daemon(h);
		if (h->channel < 0)
			return 1;
		all = h->told_all && h->handed == h->count;
		p[0] = (struct pollfd){ h->signals, POLLIN, 0 };
		p[1] = (struct pollfd){ h->channel, POLLIN, 0 };
		p[2] = (struct pollfd){ -1, POLLIN, 0 };
		if (!all)
			p[1].events |= POLLOUT;
		else if (h->serving)
			p[2].fd = h->listen_fd;
		if (poll(p, 3, -1) < 0)
			continue;
		if (p[0].revents)
			take_signal(h);
		if (p[1].revents & (POLLIN | POLLHUP | POLLERR))
			status = take_message(h);
		else if (p[1].revents & POLLOUT)
			hand_over(h);
		if (p[2].revents)
			accept_client(h);
	}
	return status;
}
