/* The client's connection: see connection.h. */
#include "xenstore/client/connection.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

/* --- opening -------------------------------------------------------------- */

static int connect_socket(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(path) >= sizeof(addr.sun_path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(addr.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -1;
	if (connect(fd, (struct sockaddr *)&addr, sizeof(addr))) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static int open_either(const char *path, bool *by_socket)
{
	struct stat st;

	if (stat(path, &st))
		return -1;
	*by_socket = S_ISSOCK(st.st_mode);
	return *by_socket ? connect_socket(path) :
		open(path, O_RDWR | O_CLOEXEC);
}

static int watch_fd(int set, int fd)
{
	struct epoll_event ev = { .events = EPOLLIN };

	return epoll_ctl(set, EPOLL_CTL_ADD, fd, &ev);
}

struct store *store_open_path(const char *path)
{
	struct store *s = calloc(1, sizeof(*s));
	int saved;

	if (!s)
		return NULL;
	s->poll_fd = s->queue_fd = -1;
	STAILQ_INIT(&s->events);
	s->fd = open_either(path, &s->by_socket);
	if (s->fd < 0)
		goto fail;
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	s->queue_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	if (s->poll_fd < 0 || s->queue_fd < 0 ||
	    watch_fd(s->poll_fd, s->fd) || watch_fd(s->poll_fd, s->queue_fd))
		goto fail;
	return s;
fail:
	saved = errno;
	store_close(s);
	errno = saved;
	return NULL;
}

struct store *store_open(void)
{
	const char *named = getenv("XENSTORED_PATH");
	struct store *s;

	if (named)
		return store_open_path(named);
	s = store_open_path(STORE_SOCKET);
	return s ? s : store_open_path("/dev/xen/xenbus");
}

void store_close(struct store *s)
{
	struct event *e;

	if (!s)
		return;
	while ((e = STAILQ_FIRST(&s->events))) {
		STAILQ_REMOVE_HEAD(&s->events, link);
		free(e);
	}
	free(s->current);
	free(s->batch.bytes);
	if (s->fd >= 0)
		close(s->fd);
	if (s->poll_fd >= 0)
		close(s->poll_fd);
	if (s->queue_fd >= 0)
		close(s->queue_fd);
	free(s);
}

int store_fd(const struct store *s)
{
	return s->poll_fd;
}

/* --- messages ------------------------------------------------------------- */

int store_broke(struct store *s, int rc)
{
	s->broken = rc;
	return rc;
}

/*
 * Write all of it, in as few writes as possible.  The kernel refuses a
 * request that it has no room for when it sees the header, and forgets it.
 */
static int send_all(struct store *s, struct iovec *iov, int count)
{
	bool begun = false;

	while (count) {
		struct msghdr msg = { .msg_iov = iov,
				      .msg_iovlen = (size_t)count };
		ssize_t n = sendmsg(s->fd, &msg, MSG_NOSIGNAL);

		if (n < 0 && errno == ENOTSOCK)
			n = writev(s->fd, iov, count);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == E2BIG && !begun)
			return -E2BIG;
		begun = true;
		if (n < 0)
			return store_broke(s, errno == EPIPE || errno == ECONNRESET ?
				     -EPIPE : -errno);
		while (count && (size_t)n >= iov->iov_len) {
			n -= (ssize_t)iov->iov_len;
			iov++;
			count--;
		}
		if (count) {
			iov->iov_base = (char *)iov->iov_base + n;
			iov->iov_len -= (size_t)n;
		}
	}
	return 0;
}

/* Does a whole message, or an impossible one, wait in what was read? */
static bool message_waits(const struct store *s)
{
	size_t have = s->in_len - s->in_at;
	struct xsd_sockmsg hdr;

	if (have < sizeof(hdr))
		return false;
	memcpy(&hdr, s->in + s->in_at, sizeof(hdr));
	return hdr.len > XENSTORE_PAYLOAD_MAX || have - sizeof(hdr) >= hdr.len;
}

/* Take that message. */
static int take_message(struct store *s)
{
	const char *at = s->in + s->in_at;

	memcpy(&s->hdr, at, sizeof(s->hdr));
	if (s->hdr.len > XENSTORE_PAYLOAD_MAX)
		return store_broke(s, -EPROTO);
	memcpy(s->payload, at + sizeof(s->hdr), s->hdr.len);
	s->payload[s->hdr.len] = '\0';
	s->in_at += sizeof(s->hdr) + s->hdr.len;
	return 1;
}

/*
 * The next message: 1 when it is there, in hdr and payload until the next
 * call; 0 if `wait` is false and there is no more at present.
 */
static int receive(struct store *s, bool wait)
{
	while (!message_waits(s)) {
		struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
		ssize_t n;

		if (!wait && poll(&pfd, 1, 0) == 0)
			return 0;
		s->in_len -= s->in_at;
		memmove(s->in, s->in + s->in_at, s->in_len);
		s->in_at = 0;
		n = read(s->fd, s->in + s->in_len, IN_ROOM - s->in_len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return store_broke(s, -EPIPE);
		s->in_len += (size_t)n;
	}
	return take_message(s);
}

/* Keep the event that just arrived. */
static int keep_event(struct store *s)
{
	const char *nul = memchr(s->payload, 0, s->hdr.len);
	struct event *e;

	if (!nul)
		return store_broke(s, -EPROTO);
	e = malloc(sizeof(*e) + s->hdr.len + 1);
	if (!e)
		return store_broke(s, -ENOMEM);
	memcpy(e->text, s->payload, s->hdr.len + 1);
	/* The extra NUL of the payload stands in for a token that has none. */
	e->token = e->text + (nul - s->payload) + 1;
	if (STAILQ_EMPTY(&s->events))
		(void)eventfd_write(s->queue_fd, 1);
	STAILQ_INSERT_TAIL(&s->events, e, link);
	return 0;
}

static int error_number(const char *name)
{
	size_t count = sizeof(xsd_errors) / sizeof(xsd_errors[0]);

	for (size_t i = 0; i < count; i++) {
		if (!strcmp(xsd_errors[i].errstring, name))
			return -xsd_errors[i].errnum;
	}
	return -EINVAL;
}

/* Wait for a reply: its payload is in s->payload, s->hdr.len bytes. */
static int await_reply(struct store *s, uint32_t type, uint32_t id)
{
	for (;;) {
		int rc = receive(s, true);

		if (rc < 0)
			return rc;
		if (s->hdr.type == XS_WATCH_EVENT) {
			rc = keep_event(s);
			if (rc)
				return rc;
			continue;
		}
		if (s->hdr.req_id != id)
			return store_broke(s, -EPROTO);
		if (s->hdr.type == XS_ERROR)
			return error_number(s->payload);
		return s->hdr.type == type ? 0 : store_broke(s, -EPROTO);
	}
}

/* An event was read with the last reply: the connection polls idle again. */
static void tell_waiting(struct store *s)
{
	if (message_waits(s))
		(void)eventfd_write(s->queue_fd, 1);
}

/* --- batches -------------------------------------------------------------- */

/* Send what is collected and fetch its replies; 0 unless nothing works. */
static int batch_settle(struct store *s)
{
	struct batch *b = &s->batch;
	uint32_t first = s->last_request + 1 - b->count;
	struct iovec iov = { b->bytes, b->len };
	int rc = s->broken;

	if (!rc && b->count)
		rc = send_all(s, &iov, 1);
	for (unsigned int i = 0; !rc && i < b->count; i++) {
		int one = await_reply(s, b->type[i], first + i);

		if (!one && b->value[i])
			one = store_take_reply(s, b->value[i]);
		rc = s->broken;
		if (one && !b->value[i] && !b->rc)
			b->rc = one;
	}
	tell_waiting(s);
	b->count = 0;
	b->len = 0;
	return rc;
}

int store_batch_add(struct store *s, uint32_t type, store_tx tx,
		    const struct part *part, unsigned int count, char **value)
{
	struct xsd_sockmsg hdr = { .type = type, .tx_id = tx };
	struct batch *b = &s->batch;
	int rc;

	for (unsigned int i = 0; i < count; i++)
		hdr.len += (uint32_t)part[i].len;
	if (hdr.len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	if (b->count == BATCH_MAX ||
	    b->len + sizeof(hdr) + hdr.len > BATCH_ROOM) {
		rc = batch_settle(s);
		if (rc)
			return rc;
	}
	hdr.req_id = ++s->last_request;
	memcpy(b->bytes + b->len, &hdr, sizeof(hdr));
	b->len += sizeof(hdr);
	for (unsigned int i = 0; i < count; i++) {
		memcpy(b->bytes + b->len, part[i].data, part[i].len);
		b->len += part[i].len;
	}
	b->type[b->count] = type;
	b->value[b->count++] = value;
	return 0;
}

/* The kernel's device takes one request at a time: there it is as without. */
int store_batch_begin(struct store *s)
{
	struct batch *b = &s->batch;

	if (!s->by_socket)
		return 0;
	if (!b->bytes)
		b->bytes = malloc(BATCH_ROOM);
	if (!b->bytes)
		return -ENOMEM;
	b->on = true;
	b->rc = 0;
	return 0;
}

int store_batch_end(struct store *s)
{
	int rc = s->batch.on ? batch_settle(s) : 0;

	if (!rc)
		rc = s->batch.rc;
	s->batch.on = false;
	s->batch.rc = 0;
	return rc;
}

/* Requests that are answered by success alone. */
static bool may_wait(uint32_t type)
{
	return type == XS_WRITE || type == XS_MKDIR || type == XS_RM ||
		type == XS_SET_PERMS;
}

int store_call(struct store *s, uint32_t type, store_tx tx,
	       const struct part *part, unsigned int count)
{
	struct xsd_sockmsg hdr = { .type = type, .tx_id = tx };
	struct iovec iov[PARTS_MAX + 1];
	size_t len = 0;
	int rc;

	if (s->broken)
		return s->broken;
	if (s->batch.on) {
		if (may_wait(type))
			return store_batch_add(s, type, tx, part, count, NULL);
		rc = batch_settle(s);
		if (rc)
			return rc;
	}
	hdr.req_id = ++s->last_request;
	for (unsigned int i = 0; i < count; i++) {
		iov[i + 1].iov_base = (void *)part[i].data;
		iov[i + 1].iov_len = part[i].len;
		len += part[i].len;
	}
	/* The daemon would hang up. */
	if (len > XENSTORE_PAYLOAD_MAX)
		return -E2BIG;
	hdr.len = (uint32_t)len;
	iov[0] = (struct iovec){ &hdr, sizeof(hdr) };
	rc = send_all(s, iov, (int)count + 1);
	if (!rc)
		rc = await_reply(s, type, hdr.req_id);
	tell_waiting(s);
	return rc;
}

int store_call_text(struct store *s, uint32_t type, store_tx tx,
		    const char *text)
{
	struct part part = store_text_part(text);

	return store_call(s, type, tx, &part, 1);
}

int store_take_reply(const struct store *s, char **out)
{
	char *copy = malloc(s->hdr.len + 1u);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, s->payload, s->hdr.len + 1u);
	*out = copy;
	return 0;
}

/* --- events --------------------------------------------------------------- */

/* Let store_fd() say no more that there are events, if there are none. */
static void queue_settle(struct store *s)
{
	eventfd_t dummy;

	if (STAILQ_EMPTY(&s->events) && !message_waits(s))
		(void)eventfd_read(s->queue_fd, &dummy);
}

/* Is this an event of the watch (path, token)? */
static bool belongs(const struct event *e, const char *path,
		    const char *token)
{
	size_t len = strlen(path);

	if (strcmp(e->token, token) || strncmp(e->text, path, len))
		return false;
	return !e->text[len] || e->text[len] == '/' || !strcmp(path, "/");
}

void store_drop_events(struct store *s, const char *path, const char *token)
{
	struct event *e, *next;

	for (e = STAILQ_FIRST(&s->events); e; e = next) {
		next = STAILQ_NEXT(e, link);
		if (!belongs(e, path, token))
			continue;
		STAILQ_REMOVE(&s->events, e, event, link);
		free(e);
	}
	queue_settle(s);
}

/* Read what is there, as far as it is whole, without waiting. */
static int pump(struct store *s)
{
	int rc;

	while (!s->broken && (rc = receive(s, false)) > 0) {
		if (s->hdr.type != XS_WATCH_EVENT)
			return store_broke(s, -EPROTO);
		rc = keep_event(s);
		if (rc)
			return rc;
	}
	return s->broken;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int store_next_event(struct store *s, int timeout_ms, struct store_event *ev)
{
	int64_t end = timeout_ms < 0 ? INT64_MAX : now_ms() + timeout_ms;
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
	struct event *e;
	int64_t left;

	for (;;) {
		int rc = pump(s);

		/* Events that came before the end are still handed out. */
		e = STAILQ_FIRST(&s->events);
		if (e)
			break;
		if (rc)
			return rc;
		left = timeout_ms < 0 ? -1 : end - now_ms();
		if (timeout_ms >= 0 && left <= 0)
			return 0;
		if (poll(&pfd, 1, (int)left) < 0 && errno != EINTR)
			return -errno;
	}
	STAILQ_REMOVE_HEAD(&s->events, link);
	queue_settle(s);
	free(s->current);
	s->current = e;
	ev->path = e->text;
	ev->token = e->token;
	return 1;
}
