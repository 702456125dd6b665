/* The Unix socket: see socket.h. */
#include "xenstore/daemon/socket.h"

#include <errno.h>
#include <libgen.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/memory.h"

struct client {
	struct loop_source src;		/* first: freed through it */
	struct conn *conn;
};

struct listener {
	struct loop_source src;
	struct server *srv;
	int spare;		/* given up to refuse when none are left */
};

static ssize_t result(ssize_t n)
{
	if (n >= 0)
		return n;
	return errno == EAGAIN || errno == EINTR ? 0 : -EPIPE;
}

static ssize_t client_read(struct conn *c, void *buf, size_t len)
{
	struct client *client = c->transport;
	ssize_t n = recv(client->src.fd, buf, len, MSG_DONTWAIT);

	return n ? result(n) : -EPIPE;
}

static ssize_t client_write(struct conn *c, const void *buf, size_t len)
{
	struct client *client = c->transport;

	return result(send(client->src.fd, buf, len,
			   MSG_DONTWAIT | MSG_NOSIGNAL));
}

static void client_kick(struct conn *c)
{
	(void)c;
}

static void client_close(struct conn *c, int reason)
{
	struct client *client = c->transport;

	if (reason == -EPROTO)
		log_line("a client sent a message longer than 4096 bytes: "
			 "connection closed");
	loop_remove(&client->src);
	c->transport = NULL;
}

static const struct transport_ops client_ops = {
	.read = client_read, .write = client_write, .kick = client_kick,
	.close = client_close,
};

/* Edges: conn_input() and conn_output() go on until nothing is left. */
static void client_ready(struct loop_source *src, uint32_t events)
{
	struct conn *c = ((struct client *)src)->conn;

	if (events & EPOLLOUT)
		conn_output(c);
	if (!c->ended && !c->paused &&
	    (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		conn_input(c);
	/* Who is gone does not fetch what it left unread. */
	if (!c->ended && (events & (EPOLLHUP | EPOLLERR)))
		conn_end(c, -EPIPE);
}

static void client_new(struct server *srv, int fd)
{
	struct client *client = mem_zalloc(sizeof(*client));

	client->src.fd = fd;
	client->src.ready = client_ready;
	client->conn = conn_new(srv, &client_ops, client, 0, true);
	if (loop_add(&client->src, EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET))
		conn_end(client->conn, -EPIPE);
}

/*
 * No descriptors are left: take the client off the queue with the spare one
 * and hang up, rather than be woken by it for ever.
 */
static void refuse(struct listener *l)
{
	static uint64_t last;

	if (server_now() - last > 10000)
		log_line("no descriptors left: clients are refused");
	last = server_now();
	close(l->spare);
	close(accept4(l->src.fd, NULL, NULL, SOCK_CLOEXEC));
	l->spare = dup(STDERR_FILENO);
}

static void listener_ready(struct loop_source *src, uint32_t events)
{
	struct listener *l = (struct listener *)src;
	int fd;

	(void)events;
	fd = accept4(l->src.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		client_new(l->srv, fd);
	else if (errno == EMFILE || errno == ENFILE)
		refuse(l);
}

/* Remove a socket that nobody listens on: 0, or -EADDRINUSE. */
static int clear_stale(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	int rc;

	if (fd < 0)
		return -errno;
	rc = connect(fd, (const struct sockaddr *)addr, sizeof(*addr));
	close(fd);
	if (!rc)
		return -EADDRINUSE;
	unlink(addr->sun_path);
	return 0;
}

static int listen_fd(const struct sockaddr_un *addr)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
			0);
	mode_t mask = umask(0177);
	int rc = 0;

	if (fd < 0 || bind(fd, (const struct sockaddr *)addr, sizeof(*addr)) ||
	    listen(fd, 128))
		rc = -errno;
	umask(mask);
	if (rc && fd >= 0)
		close(fd);
	return rc ? rc : fd;
}

int socket_listen(struct server *srv, const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char folder[sizeof(addr.sun_path)];
	static struct listener listener;	/* the only one */
	struct listener *l = &listener;
	int fd, rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	memcpy(folder, path, strlen(path) + 1);
	if (mkdir(dirname(folder), 0755) && errno != EEXIST)
		return -errno;
	rc = clear_stale(&addr);
	if (rc)
		return rc;
	fd = listen_fd(&addr);
	if (fd < 0)
		return fd;
	l->src.fd = fd;
	l->src.ready = listener_ready;
	l->srv = srv;
	l->spare = dup(STDERR_FILENO);
	return loop_add(&l->src, EPOLLIN);
}
