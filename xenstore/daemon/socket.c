/* The Unix socket: see socket.h. */
#include "xenstore/daemon/socket.h"

#include <errno.h>
#include <libgen.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "xenstore/daemon/conn.h"
#include "xenstore/daemon/holder.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/memory.h"

struct client {
	struct loop_source src;		/* first: freed through it; fd or -1 */
	struct conn *conn;
};

/* The way to the holder, and what another one would need. */
static struct link {
	struct loop_source src;
	struct server *srv;
	char **argv;
	int listen_fd;
} holder = { .src.fd = -1, .listen_fd = -1 };

static void tell(enum holder_kind kind, uint64_t key, int fd)
{
	struct holder_message m = { .kind = kind, .key = key };

	/* If it is dead, its successor hears of what is left. */
	(void)holder_send(holder.src.fd, &m, fd, true);
}

static ssize_t result(ssize_t n)
{
	if (n >= 0)
		return n;
	return n == -EAGAIN || n == -EINTR ? 0 : -EPIPE;
}

static ssize_t client_read(struct conn *c, void *buf, size_t len)
{
	struct client *client = c->transport;
	ssize_t n;

	if (client->src.fd < 0)
		return 0;
	n = journal_recv(c->srv->journal, c->key, client->src.fd, buf, len);
	return n ? result(n) : -EPIPE;
}

static ssize_t client_write(struct conn *c, const struct iovec *iov,
			    size_t count)
{
	struct client *client = c->transport;

	if (client->src.fd < 0)
		return 0;
	return result(journal_send(c->srv->journal, c->key, client->src.fd,
				   iov, count));
}

/*
 * Edges: conn_input() and conn_output() go on until nothing is left.  Room is
 * asked for only while output waits: else each answer that a client takes
 * would wake the daemon for nothing.
 */
static uint32_t wanted(bool room)
{
	return EPOLLIN | EPOLLRDHUP | EPOLLET | (room ? EPOLLOUT : 0);
}

static void client_wait(struct conn *c, bool on)
{
	struct client *client = c->transport;

	if (client->src.fd >= 0)
		loop_change(&client->src, wanted(on));
}

static void client_kick(struct conn *c)
{
	(void)c;
}

static void client_close(struct conn *c, int reason)
{
	struct client *client = c->transport;

	if (reason == -EPROTO)
		log_line("cut-off", "client=%llu reason=\"a message longer "
			 "than 4096 bytes\"", (unsigned long long)c->key);
	if (client->src.fd >= 0) {
		tell(HOLD_CLOSE, c->key, -1);
		loop_remove(&client->src);
	} else {
		free(client);
	}
	c->transport = NULL;
}

static const struct transport_ops client_ops = {
	.read = client_read, .write = client_write, .wait = client_wait,
	.kick = client_kick, .close = client_close,
};

/* Behind a client's last bytes its end is to be read too. */
static void client_ready(struct loop_source *src, uint32_t events)
{
	struct conn *c = ((struct client *)src)->conn;

	if (events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR))
		c->short_is_all = false;
	if ((events & EPOLLOUT) && c->is_waiting)
		conn_output(c);
	if (!c->ended && !c->paused &&
	    (events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)))
		conn_input(c);
	/* Who is gone does not fetch what it left unread. */
	if (!c->ended && (events & (EPOLLHUP | EPOLLERR)))
		conn_cut(c, -EPIPE);
}

struct conn *socket_client_new(struct server *srv, uint64_t key)
{
	struct client *client = mem_zalloc(sizeof(*client));

	client->src.fd = -1;
	client->src.ready = client_ready;
	client->conn = conn_new(srv, &client_ops, client, 0, true, key);
	client->conn->short_is_all = true;
	return client->conn;
}

/* --- the holder ----------------------------------------------------------- */

/* A client comes, or comes back: find or make its connection. */
static struct conn *client_known(struct server *srv, uint64_t key)
{
	struct conn *c = conn_find(srv, key);

	if (c || key <= srv->last_client)
		return c;
	/* Keys count up: nobody knows this one yet. */
	if (journal_add(srv->journal, JOURNAL_ACCEPT, key, NULL, 0))
		return NULL;
	srv->last_client = key;
	return socket_client_new(srv, key);
}

static void client_take(struct server *srv, uint64_t key, int fd)
{
	struct conn *c = client_known(srv, key);
	struct client *client;
	int rc;

	if (!c) {
		close(fd);
		tell(HOLD_CLOSE, key, -1);
		return;
	}
	client = c->transport;
	client->src.fd = fd;
	rc = loop_add(&client->src, wanted(c->is_waiting));
	if (rc)
		conn_cut(c, -EPIPE);
}

static void each_client(struct server *srv,
			void (*fn)(struct conn *c, struct client *client))
{
	struct conn *c, *next;

	for (c = TAILQ_FIRST(&srv->conns); c; c = next) {
		next = TAILQ_NEXT(c, in_all);
		if (c->ops == &client_ops)
			fn(c, c->transport);
	}
}

/* Its client hung up, or its holder died too. */
static void end_if_lost(struct conn *c, struct client *client)
{
	if (client->src.fd < 0)
		conn_cut(c, -EPIPE);
}

static void pass_on(struct conn *c, struct client *client)
{
	tell(HOLD_CLIENT, c->key, client->src.fd);
}

/* The holder is dead: another one takes over. */
static void holder_replace(void)
{
	int pid;

	loop_forget(&holder.src);
	close(holder.src.fd);
	holder.src.fd = holder_spawn(holder.argv, "--hold", NULL, &pid);
	if (holder.src.fd < 0) {
		log_line("holder", "started=no error=\"%s\"",
			 strerror(-holder.src.fd));
		return;
	}
	log_line("holder", "started=again");
	tell(HOLD_LISTEN, 0, holder.listen_fd);
	each_client(holder.srv, pass_on);
	tell(HOLD_ALL, holder.srv->last_client, -1);
	(void)loop_add(&holder.src, EPOLLIN);
}

/* One message: its kind, or -errno, or -EPIPE at the end. */
static int take_message(void)
{
	struct holder_message m;
	int fd, rc;

	rc = holder_receive(holder.src.fd, &m, &fd);
	if (rc <= 0)
		return rc ? rc : -EPIPE;
	if (m.kind == HOLD_CLIENT && fd >= 0)
		client_take(holder.srv, m.key, fd);
	else if (m.kind == HOLD_LISTEN)
		holder.listen_fd = fd;
	else if (m.kind == HOLD_ALL)
		each_client(holder.srv, end_if_lost);
	return (int)m.kind;
}

static void holder_ready(struct loop_source *src, uint32_t events)
{
	(void)src;
	(void)events;
	if (take_message() == -EPIPE)
		holder_replace();
}

int socket_serve(struct server *srv, int channel, char **argv)
{
	int rc;

	holder.srv = srv;
	holder.argv = argv;
	holder.src.fd = channel;
	holder.src.ready = holder_ready;
	do {
		rc = take_message();
	} while (rc >= 0 && rc != HOLD_ALL);
	return rc < 0 ? rc : loop_add(&holder.src, EPOLLIN);
}

void socket_serving(const struct server *srv)
{
	tell(HOLD_SERVING, srv->last_client, -1);
}

void socket_stopping(void)
{
	tell(HOLD_STOP, 0, -1);
}

void socket_update(const char *program)
{
	struct holder_message m = { .kind = HOLD_UPDATE };

	strncpy(m.path, program, sizeof(m.path) - 1);
	(void)holder_send(holder.src.fd, &m, -1, true);
}

/* --- the socket itself ---------------------------------------------------- */

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
	    listen(fd, SOMAXCONN))
		rc = -errno;
	umask(mask);
	if (rc && fd >= 0)
		close(fd);
	return rc ? rc : fd;
}

int socket_listen(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	char folder[sizeof(addr.sun_path)];
	int rc;

	if (strlen(path) >= sizeof(addr.sun_path))
		return -ENAMETOOLONG;
	memcpy(addr.sun_path, path, strlen(path) + 1);
	memcpy(folder, path, strlen(path) + 1);
	if (mkdir(dirname(folder), 0755) && errno != EEXIST)
		return -errno;
	rc = clear_stale(&addr);
	return rc ? rc : listen_fd(&addr);
}
