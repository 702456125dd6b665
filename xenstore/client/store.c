/*
 * The store client: see store.h.
 *
 * One request is on its way at a time.  Everything that arrives is read as
 * whole messages; events go to a queue, and an eventfd that is readable while
 * that queue holds something stands in one epoll set with the connection:
 * the set's descriptor is what store_fd() gives out.
 */
#include "xenstore/client/store.h"

#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "xenstore/wire.h"

struct event {
	STAILQ_ENTRY(event) link;
	const char *token;		/* inside text */
	char text[];			/* path NUL token NUL */
};

struct store {
	int fd;				/* socket or device */
	int poll_fd, queue_fd;		/* epoll set, eventfd of the queue */
	int broken;			/* 0, or why nothing works any more */
	uint32_t last_request;
	STAILQ_HEAD(, event) events;
	struct event *current;		/* handed out last */

	/* The message that is arriving: header, then payload and a NUL. */
	struct xsd_sockmsg hdr;
	char payload[XENSTORE_PAYLOAD_MAX + 1];
	size_t got;
};

/* One part of a request's payload. */
struct part {
	const void *data;
	size_t len;
};

/* A text with its NUL. */
static struct part text_part(const char *text)
{
	return (struct part){ text, strlen(text) + 1 };
}

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

static int open_either(const char *path)
{
	struct stat st;

	if (stat(path, &st))
		return -1;
	if (S_ISSOCK(st.st_mode))
		return connect_socket(path);
	return open(path, O_RDWR | O_CLOEXEC);
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
	s->fd = open_either(path);
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
	s = store_open_path("/run/xenstored/socket");
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

static int broke(struct store *s, int rc)
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
			return broke(s, errno == EPIPE || errno == ECONNRESET ?
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

/* Where the arriving message's next byte goes, and how many are missing. */
static char *missing(struct store *s, size_t *len)
{
	if (s->got < sizeof(s->hdr)) {
		*len = sizeof(s->hdr) - s->got;
		return (char *)&s->hdr + s->got;
	}
	*len = sizeof(s->hdr) + s->hdr.len - s->got;
	return s->payload + (s->got - sizeof(s->hdr));
}

static bool complete(const struct store *s)
{
	return s->got >= sizeof(s->hdr) &&
	       s->got == sizeof(s->hdr) + s->hdr.len;
}

/*
 * Read on at the arriving message: 1 when it is whole, in hdr and payload
 * until the next call; 0 if `wait` is false and there is no more at present.
 */
static int receive(struct store *s, bool wait)
{
	if (complete(s))
		s->got = 0;
	for (;;) {
		struct pollfd pfd = { .fd = s->fd, .events = POLLIN };
		size_t len;
		char *to = missing(s, &len);
		ssize_t n;

		if (!wait && poll(&pfd, 1, 0) == 0)
			return 0;
		n = read(s->fd, to, len);
		if (n < 0 && (errno == EINTR || errno == EAGAIN))
			continue;
		if (n <= 0)
			return broke(s, -EPIPE);
		s->got += (size_t)n;
		if (s->got >= sizeof(s->hdr) &&
		    s->hdr.len > XENSTORE_PAYLOAD_MAX)
			return broke(s, -EPROTO);
		if (complete(s))
			break;
	}
	s->payload[s->hdr.len] = '\0';
	return 1;
}

/* Keep the event that just arrived. */
static int keep_event(struct store *s)
{
	const char *nul = memchr(s->payload, 0, s->hdr.len);
	struct event *e;

	if (!nul)
		return broke(s, -EPROTO);
	e = malloc(sizeof(*e) + s->hdr.len + 1);
	if (!e)
		return broke(s, -ENOMEM);
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

/* Wait for the reply: its payload is in s->payload, s->hdr.len bytes. */
static int await_reply(struct store *s, uint32_t type)
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
		if (s->hdr.req_id != s->last_request)
			return broke(s, -EPROTO);
		if (s->hdr.type == XS_ERROR)
			return error_number(s->payload);
		return s->hdr.type == type ? 0 : broke(s, -EPROTO);
	}
}

#define PARTS_MAX 20

/* Send a request of `count` parts and wait for its reply. */
static int call(struct store *s, uint32_t type, store_tx tx,
		const struct part *part, unsigned int count)
{
	struct xsd_sockmsg hdr = {
		.type = type, .req_id = ++s->last_request, .tx_id = tx,
	};
	struct iovec iov[PARTS_MAX + 1];
	size_t len = 0;
	int rc;

	if (s->broken)
		return s->broken;
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
	return rc ? rc : await_reply(s, type);
}

static int call_text(struct store *s, uint32_t type, store_tx tx,
		     const char *text)
{
	struct part part = text_part(text);

	return call(s, type, tx, &part, 1);
}

/* The reply as memory of the caller's, with a NUL behind it. */
static int take_reply(const struct store *s, char **out)
{
	char *copy = malloc(s->hdr.len + 1u);

	if (!copy)
		return -ENOMEM;
	memcpy(copy, s->payload, s->hdr.len + 1u);
	*out = copy;
	return 0;
}

/* --- nodes ---------------------------------------------------------------- */

int store_read(struct store *s, store_tx tx, const char *path,
	       char **value, size_t *len)
{
	int rc = call_text(s, XS_READ, tx, path);

	if (!rc)
		rc = take_reply(s, value);
	if (!rc && len)
		*len = s->hdr.len;
	return rc;
}

int store_read_u64(struct store *s, store_tx tx, const char *path,
		   uint64_t *number)
{
	bool hex;
	char *end;
	uint64_t n;
	int rc = call_text(s, XS_READ, tx, path);

	if (rc)
		return rc;
	hex = s->payload[0] == '0' && s->payload[1] == 'x';
	/* strtoull() alone would take blanks and signs. */
	if (!strchr("0123456789abcdefABCDEF", s->payload[hex ? 2 : 0]) ||
	    !s->payload[hex ? 2 : 0])
		return -EINVAL;
	errno = 0;
	n = strtoull(s->payload, &end, hex ? 16 : 10);
	if (errno || end != s->payload + s->hdr.len)
		return -EINVAL;
	*number = n;
	return 0;
}

int store_write(struct store *s, store_tx tx, const char *path,
		const void *value, size_t len)
{
	struct part part[] = { text_part(path), { value, len } };

	return call(s, XS_WRITE, tx, part, 2);
}

int store_write_str(struct store *s, store_tx tx, const char *path,
		    const char *text)
{
	return store_write(s, tx, path, text, strlen(text));
}

int store_writef(struct store *s, store_tx tx, const char *path,
		 const char *fmt, ...)
{
	char text[XENSTORE_PAYLOAD_MAX + 1];
	va_list ap;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	if (n < 0)
		return -EINVAL;
	if ((size_t)n >= sizeof(text))
		return -E2BIG;
	return store_write(s, tx, path, text, (size_t)n);
}

int store_mkdir(struct store *s, store_tx tx, const char *path)
{
	return call_text(s, XS_MKDIR, tx, path);
}

int store_rm(struct store *s, store_tx tx, const char *path)
{
	return call_text(s, XS_RM, tx, path);
}

int store_exists(struct store *s, store_tx tx, const char *path)
{
	int rc = call_text(s, XS_READ, tx, path);

	if (!rc)
		return 1;
	return rc == -ENOENT ? 0 : rc;
}

/* Names that were collected, each with its NUL. */
struct names {
	char *text;
	size_t len;
};

static int names_add(struct names *n, const char *text, size_t len)
{
	char *more = realloc(n->text, n->len + len + 1);

	if (!more)
		return -ENOMEM;
	memcpy(more + n->len, text, len);
	n->text = more;
	n->len += len;
	return 0;
}

/*
 * One part of a large directory from n->len on: 1 for the last one, 0 if more
 * follows, -EAGAIN if its generation is not *gen (empty: the first part).
 */
static int directory_part(struct store *s, store_tx tx, const char *path,
			  struct names *n, char gen[32])
{
	struct part part[2] = { text_part(path) };
	char offset[24];
	size_t gen_len, len;
	int rc;

	snprintf(offset, sizeof(offset), "%zu", n->len);
	part[1] = text_part(offset);
	rc = call(s, XS_DIRECTORY_PART, tx, part, 2);
	if (rc)
		return rc;
	gen_len = strnlen(s->payload, s->hdr.len) + 1;
	if (gen_len > s->hdr.len || gen_len > 32)
		return broke(s, -EPROTO);
	if (!gen[0])
		memcpy(gen, s->payload, gen_len);
	if (strcmp(gen, s->payload))
		return -EAGAIN;
	len = s->hdr.len - gen_len;
	/* An empty name ends the list. */
	if (len && !s->payload[gen_len + len - 1] &&
	    (len == 1 || !s->payload[gen_len + len - 2])) {
		rc = names_add(n, s->payload + gen_len, len - 1);
		return rc ? rc : 1;
	}
	if (!len)
		return broke(s, -EPROTO);
	return names_add(n, s->payload + gen_len, len);
}

static int directory_parts(struct store *s, store_tx tx, const char *path,
			   struct names *n)
{
	int rc;

	do {
		char gen[32] = "";

		n->len = 0;
		do {
			rc = directory_part(s, tx, path, n, gen);
		} while (!rc);
	} while (rc == -EAGAIN);
	return rc < 0 ? rc : 0;
}

/* Turn names into one allocation: pointers, NULL, then the texts. */
static int names_array(const struct names *n, char ***names,
		       unsigned int *count)
{
	unsigned int entries = 0;
	char **array, *text;

	for (size_t i = 0; i < n->len; i++)
		entries += !n->text[i];
	array = malloc((entries + 1u) * sizeof(*array) + n->len + 1);
	if (!array)
		return -ENOMEM;
	text = (char *)(array + entries + 1);
	if (n->len)
		memcpy(text, n->text, n->len);
	for (unsigned int i = 0; i < entries; i++) {
		array[i] = text;
		text += strlen(text) + 1;
	}
	array[entries] = NULL;
	*names = array;
	*count = entries;
	return 0;
}

int store_directory(struct store *s, store_tx tx, const char *path,
		    char ***names, unsigned int *count)
{
	struct names n = { 0 };
	int rc = call_text(s, XS_DIRECTORY, tx, path);

	if (!rc)
		rc = names_add(&n, s->payload, s->hdr.len);
	else if (rc == -E2BIG)
		rc = directory_parts(s, tx, path, &n);
	if (!rc)
		rc = names_array(&n, names, count);
	free(n.text);
	return rc;
}

static const char perm_letters[] = "nrwb";

int store_get_perms(struct store *s, store_tx tx, const char *path,
		    struct store_perm **perms, unsigned int *count)
{
	int rc = call_text(s, XS_GET_PERMS, tx, path);
	struct store_perm *p;
	unsigned int n = 0;

	if (rc)
		return rc;
	/* An entry takes three bytes at least. */
	p = calloc(s->hdr.len / 3 + 1, sizeof(*p));
	if (!p)
		return -ENOMEM;
	for (size_t i = 0; i < s->hdr.len && n <= s->hdr.len / 3;) {
		const char *text = s->payload + i;
		const char *letter = *text ? strchr(perm_letters, *text) : NULL;

		if (!letter) {
			free(p);
			return broke(s, -EPROTO);
		}
		p[n].access = (unsigned int)(letter - perm_letters);
		p[n++].domid = (uint32_t)strtoul(text + 1, NULL, 10);
		i += strlen(text) + 1;
	}
	*perms = p;
	*count = n;
	return 0;
}

int store_set_perms(struct store *s, store_tx tx, const char *path,
		    const struct store_perm *perms, unsigned int count)
{
	char text[XENSTORE_PAYLOAD_MAX];
	struct part part[2] = { text_part(path), { text, 0 } };

	for (unsigned int i = 0; i < count; i++) {
		size_t room = sizeof(text) - part[1].len;
		int n = snprintf(text + part[1].len, room, "%c%u",
				 perm_letters[perms[i].access & 3],
				 perms[i].domid);

		if ((size_t)n >= room)
			return -E2BIG;
		part[1].len += (size_t)n + 1;
	}
	return call(s, XS_SET_PERMS, tx, part, 2);
}

/* --- watches -------------------------------------------------------------- */

int store_watch(struct store *s, const char *path, const char *token)
{
	struct part part[] = { text_part(path), text_part(token) };

	return call(s, XS_WATCH, STORE_NO_TX, part, 2);
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

static void drop_events(struct store *s, const char *path, const char *token)
{
	struct event *e, *next;

	for (e = STAILQ_FIRST(&s->events); e; e = next) {
		next = STAILQ_NEXT(e, link);
		if (!belongs(e, path, token))
			continue;
		STAILQ_REMOVE(&s->events, e, event, link);
		free(e);
	}
}

/* Let store_fd() say no more that the queue holds events. */
static void queue_settle(struct store *s)
{
	eventfd_t dummy;

	if (STAILQ_EMPTY(&s->events))
		(void)eventfd_read(s->queue_fd, &dummy);
}

int store_unwatch(struct store *s, const char *path, const char *token)
{
	struct part part[] = { text_part(path), text_part(token) };
	int rc = call(s, XS_UNWATCH, STORE_NO_TX, part, 2);

	if (rc)
		return rc;
	drop_events(s, path, token);
	queue_settle(s);
	return 0;
}

/* Read what is there, as far as it is whole, without waiting. */
static int pump(struct store *s)
{
	int rc;

	while (!s->broken && (rc = receive(s, false)) > 0) {
		if (s->hdr.type != XS_WATCH_EVENT)
			return broke(s, -EPROTO);
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

/* --- transactions --------------------------------------------------------- */

int store_transaction_start(struct store *s, store_tx *tx)
{
	int rc = call_text(s, XS_TRANSACTION_START, STORE_NO_TX, "");
	unsigned long id;

	if (rc)
		return rc;
	id = strtoul(s->payload, NULL, 10);
	if (!id || id > UINT32_MAX)
		return broke(s, -EPROTO);
	*tx = (store_tx)id;
	return 0;
}

int store_transaction_end(struct store *s, store_tx tx, bool commit)
{
	return call_text(s, XS_TRANSACTION_END, tx, commit ? "T" : "F");
}

int store_transaction(struct store *s, store_tx_body *body, void *arg)
{
	store_tx tx;
	int rc;

	do {
		rc = store_transaction_start(s, &tx);
		if (rc)
			return rc;
		rc = body(s, tx, arg);
		if (!rc)
			rc = store_transaction_end(s, tx, true);
		else
			(void)store_transaction_end(s, tx, false);
	} while (rc == -EAGAIN);
	return rc;
}

/* --- domains -------------------------------------------------------------- */

static int call_domid(struct store *s, uint32_t type, uint32_t domid)
{
	char text[16];

	snprintf(text, sizeof(text), "%u", domid);
	return call_text(s, type, STORE_NO_TX, text);
}

int store_introduce(struct store *s, uint32_t domid, uint64_t gfn,
		    uint32_t port)
{
	char text[3][24];
	struct part part[3];

	snprintf(text[0], sizeof(text[0]), "%u", domid);
	snprintf(text[1], sizeof(text[1]), "%llu", (unsigned long long)gfn);
	snprintf(text[2], sizeof(text[2]), "%u", port);
	for (unsigned int i = 0; i < 3; i++)
		part[i] = text_part(text[i]);
	return call(s, XS_INTRODUCE, STORE_NO_TX, part, 3);
}

int store_release(struct store *s, uint32_t domid)
{
	return call_domid(s, XS_RELEASE, domid);
}

int store_is_introduced(struct store *s, uint32_t domid)
{
	int rc = call_domid(s, XS_IS_DOMAIN_INTRODUCED, domid);

	return rc ? rc : s->payload[0] == 'T';
}

int store_resume(struct store *s, uint32_t domid)
{
	return call_domid(s, XS_RESUME, domid);
}

int store_set_target(struct store *s, uint32_t domid, uint32_t target)
{
	char text[2][16];
	struct part part[2];

	snprintf(text[0], sizeof(text[0]), "%u", domid);
	snprintf(text[1], sizeof(text[1]), "%u", target);
	part[0] = text_part(text[0]);
	part[1] = text_part(text[1]);
	return call(s, XS_SET_TARGET, STORE_NO_TX, part, 2);
}

int store_domain_path(struct store *s, uint32_t domid, char **path)
{
	int rc = call_domid(s, XS_GET_DOMAIN_PATH, domid);

	return rc ? rc : take_reply(s, path);
}

int store_reset_watches(struct store *s)
{
	return call_text(s, XS_RESET_WATCHES, STORE_NO_TX, "");
}

int store_control(struct store *s, const char *const *words,
		  unsigned int count, char **reply)
{
	struct part part[PARTS_MAX];
	int rc;

	if (count > PARTS_MAX)
		return -E2BIG;
	for (unsigned int i = 0; i < count; i++)
		part[i] = text_part(words[i]);
	rc = call(s, XS_CONTROL, STORE_NO_TX, part, count);
	return rc ? rc : take_reply(s, reply);
}
