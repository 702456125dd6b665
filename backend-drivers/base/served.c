/*
 * See served.h. What arrives from a worker is checked like anything that a
 * guest writes: its length and its kind; a message that makes no sense in the
 * phase where the device is changes nothing.
 */
#include "backend-drivers/base/served.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"

#define LOCK_DIR "/run/vane/workers"

enum {
	/* To the worker. */
	CONNECT, DISCONNECT, ORDER,
	/* From the worker. */
	OPENED, CONNECTED, STOPPED, IDLE, NEWS,
};

struct message {
	uint32_t what;
	int32_t rc;
	_Alignas(8) uint8_t body[SERVED_BODY];
};

_Static_assert(sizeof(struct message) == WORKER_MESSAGE, "message");

static const struct served_ops *driver;
static struct served *self;	/* in a worker: whom it serves */
static bool connected;		/* in a worker */
static bool orphaned;		/* in a worker: the supervisor is gone */

static struct served *served_of(struct device *d)
{
	return container_of(d, struct served, dev);
}

static void lock_path(char *path, size_t size, const struct device *d)
{
	snprintf(path, size, LOCK_DIR "/%s.%u.%u", driver->kind, d->domid,
		 d->devid);
}

/* --- the worker ----------------------------------------------------------- */

static void say(uint32_t what, int rc, const void *body, size_t len)
{
	struct message m = { .what = what, .rc = rc };

	if (len)
		memcpy(m.body, body, len);
	/* It waits while the supervisor is slow, and fails when it is gone. */
	(void)send(WORKER_CONTROL, &m, offsetof(struct message, body) + len,
		   MSG_NOSIGNAL);
}

void served_news(const void *news, size_t len)
{
	say(NEWS, 0, news, len);
}

void served_stop(const char *fmt, ...)
{
	char why[200];
	va_list args;

	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	say(STOPPED, 0, why, strlen(why) + 1);
}

void served_idle(void)
{
	connected = false;
	say(IDLE, 0, NULL, 0);
	if (orphaned)
		_exit(0);
}

static void disconnect(void)
{
	if (!connected || driver->disconnect(self))
		served_idle();
}

static void told(const struct message *m)
{
	int rc;

	switch (m->what) {
	case CONNECT:
		rc = driver->connect(self, m->body);
		connected = !rc;
		say(CONNECTED, rc, NULL, 0);
		break;
	case DISCONNECT:
		disconnect();
		break;
	case ORDER:
		if (connected && driver->order)
			driver->order(self, m->body);
		break;
	}
}

static void control_ready(struct loop_fd *f, uint32_t events)
{
	struct message m;
	ssize_t n = recv(f->fd, &m, sizeof(m), MSG_DONTWAIT);

	(void)events;
	if (n > 0) {
		told(&m);
	} else if (n == 0) {
		loop_fd_remove(f);
		orphaned = true;
		disconnect();
	}
}

/* Waits until no predecessor is left, and says who serves the device now. */
static int take_over(struct served *s)
{
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	char path[96], text[16];
	int fd, len;

	(void)mkdir("/run/vane", 0755);		/* they may exist; else it */
	(void)mkdir(LOCK_DIR, 0755);		/* shows at once */
	lock_path(path, sizeof(path), &s->dev);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	if (fd < 0)
		return -errno;
	len = snprintf(text, sizeof(text), "%d\n", (int)getpid());
	if (fcntl(fd, F_OFD_SETLKW, &whole) || ftruncate(fd, 0) ||
	    write(fd, text, (size_t)len) != len)
		return -errno;
	return 0;		/* it stays open, and locked, until our end */
}

static void name_process(const struct device *d)
{
	char name[16];

	snprintf(name, sizeof(name), "%.4s %u.%u",
		 strchr(driver->kind, '-') + 1, d->domid, d->devid);
	(void)prctl(PR_SET_NAME, name);	/* for whoever looks at processes */
}

static int set_up(struct served *s, void *facts)
{
	static struct loop_fd control = {
		.fd = WORKER_CONTROL, .events = EPOLLIN,
		.ready = control_ready,
	};
	const struct device *d = &s->dev;
	int rc;

	name_process(d);
	if ((rc = loop_init()) || (rc = grants_init()) ||
	    (rc = ports_init()) || (rc = ports_restrict(d->domid)) ||
	    (rc = take_over(s))) {
		device_log(d, "cannot set the worker up: %s", strerror(-rc));
		return rc;
	}
	rc = driver->open(s, facts);
	if (rc)
		return rc;
	rc = loop_fd_add(&control);
	if (!rc)
		rc = confine(CONFINE_USERS + d->domid +
			     CONFINE_USERS_PER_KIND * driver->number);
	if (rc)
		device_log(d, "cannot confine the worker: %s", strerror(-rc));
	return rc;
}

static void work(struct worker *w)
{
	_Alignas(8) uint8_t facts[SERVED_BODY] = { 0 };
	int rc;

	self = container_of(w, struct served, worker);
	rc = set_up(self, facts);
	say(OPENED, rc, facts, sizeof(facts));
	if (!rc)
		(void)loop_run();
}

/* --- the supervisor ------------------------------------------------------- */

static void tell(struct served *s, uint32_t what, const void *body, size_t len)
{
	struct message m = { .what = what };

	if (len)
		memcpy(m.body, body, len);
	worker_tell(&s->worker, &m, sizeof(m));
}

void served_order(struct served *s, const void *order, size_t len)
{
	if (s->open)
		tell(s, ORDER, order, len);
}

static void start(struct served *s)
{
	s->open = false;
	worker_start(&s->worker);
}

/* A device that somebody waits for opens, or cannot be had. */
static void first_opened(struct served *s, const struct message *m)
{
	int rc = driver->opened(s, m->rc, m->body);

	s->refused = m->rc ? m->rc : rc;
	if (!s->refused) {
		s->phase = SERVED_READY;
		device_probed(&s->dev, 0);
		return;
	}
	s->phase = SERVED_REFUSED;
	(void)worker_kill(&s->worker);	/* it runs: it has just spoken */
}

static void opened(struct served *s, const struct message *m)
{
	s->open = !m->rc;
	if (s->phase == SERVED_OPENING)
		first_opened(s, m);
	else if (s->open && (s->phase == SERVED_CONNECTING ||
			     s->phase == SERVED_SERVING))
		tell(s, CONNECT, s->setup, sizeof(s->setup));
	/* One that cannot open it ends, and the next tries. */
}

static void rings_connected(struct served *s, int rc)
{
	if (s->phase == SERVED_CONNECTING) {
		s->phase = rc ? SERVED_READY : SERVED_SERVING;
		device_connected(&s->dev, rc);
	} else if (rc && s->phase == SERVED_SERVING) {
		device_stop(&s->dev, "its rings cannot be taken up again");
	}
}

static void said(struct worker *w, const void *message, size_t len)
{
	struct served *s = container_of(w, struct served, worker);
	struct message m = { 0 };

	if (len < offsetof(struct message, body))
		return;
	memcpy(&m, message, len);
	m.body[SERVED_BODY - 1] = '\0';
	if (m.rc > 0)
		m.rc = -EPROTO;
	if (m.what == OPENED && !s->open) {
		opened(s, &m);
	} else if (m.what == CONNECTED) {
		rings_connected(s, m.rc);
	} else if (m.what == STOPPED && s->phase == SERVED_SERVING) {
		device_stop(&s->dev, "%s", (const char *)m.body);
	} else if (m.what == IDLE && s->phase == SERVED_DISCONNECTING) {
		s->phase = SERVED_READY;
		device_idle(&s->dev);
	} else if (m.what == NEWS && driver->news) {
		driver->news(s, m.body, len - offsetof(struct message, body));
	}
}

static void give_back(struct served *s)
{
	char path[96];

	lock_path(path, sizeof(path), &s->dev);
	(void)unlink(path);
	if (driver->release)
		driver->release(s);
	s->phase = SERVED_NOT;
}

static void ended(struct worker *w)
{
	struct served *s = container_of(w, struct served, worker);

	s->open = false;
	switch (s->phase) {
	case SERVED_REFUSED:
		give_back(s);
		device_probed(&s->dev, s->refused);
		break;
	case SERVED_DISCONNECTING:
		s->phase = SERVED_READY;	/* release() comes next */
		device_idle(&s->dev);
		break;
	case SERVED_ENDING:
		give_back(s);
		device_idle(&s->dev);
		break;
	default:
		device_log(&s->dev, "the worker has died (signal %d): the "
			   "next one", w->signal);
		s->successor = true;
		start(s);
	}
}

static int probe(struct device *d)
{
	struct served *s = served_of(d);
	int rc = driver->prepare(s);

	if (rc)
		return rc;
	s->worker.name = d->name;
	s->worker.run = work;
	s->worker.said = said;
	s->worker.ended = ended;
	s->worker.again.young = 0;
	s->successor = d->state == XenbusStateConnected;
	s->phase = SERVED_OPENING;
	start(s);
	return BUS_LATER;
}

static int connect_front(struct device *d)
{
	struct served *s = served_of(d);
	int rc;

	memset(s->setup, 0, sizeof(s->setup));
	rc = driver->read_front(s, s->setup);
	if (rc)
		return rc;
	s->phase = SERVED_CONNECTING;
	if (s->open)
		tell(s, CONNECT, s->setup, sizeof(s->setup));
	return BUS_LATER;
}

static bool disconnect_front(struct device *d)
{
	struct served *s = served_of(d);

	s->phase = SERVED_DISCONNECTING;
	if (s->open) {
		tell(s, DISCONNECT, NULL, 0);
		return false;
	}
	/* Between two workers nobody holds anything of the guest's. */
	return !worker_kill(&s->worker);
}

static bool release(struct device *d)
{
	struct served *s = served_of(d);

	s->phase = SERVED_ENDING;
	if (worker_kill(&s->worker))
		return false;
	give_back(s);
	return true;
}

static void changed(struct device *d)
{
	driver->changed(served_of(d));
}

int served_start(const struct served_ops *ops)
{
	static struct bus_ops bus = {
		.probe = probe,
		.connect = connect_front,
		.disconnect = disconnect_front,
		.release = release,
	};
	int rc;

	driver = ops;
	bus.kind = ops->kind;
	bus.size = ops->size;
	bus.changed = ops->changed ? changed : NULL;
	rc = confine_prepare(ops->calls);
	return rc ? rc : bus_start(&bus);
}
