/*
 * See bus.h. Everything that happens to a device happens in device_check(),
 * which compares what the store says with where we are and takes the steps
 * that are due; it may be called at any time and any number of times. Events
 * of the store only say which device to check.
 */
#include "backend-drivers/base/bus.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "backend-drivers/base/domains.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"

#define RELEASED "@releaseDomain"
#define PATH_MAX_STORE 256
#define ORPHAN_MS 1000
#define EVENTS_PER_TURN 32	/* guests can make any number of them */

static const struct bus_ops *driver;
static struct store *store;
static struct device *devices;
static char root[32];			/* "backend/KIND" */
static bool stopping;

static void look_for_orphans(struct loop_timer *t);
static struct loop_timer orphans = { .run = look_for_orphans };

static void store_ready(struct loop_fd *f, uint32_t events);
static struct loop_fd store_watcher = {
	.events = EPOLLIN, .ready = store_ready,
};

/* --- paths and keys ------------------------------------------------------ */

static int key_path(char *path, const char *dir, const char *key)
{
	int n = snprintf(path, PATH_MAX_STORE, "%s/%s", dir, key);

	return n < PATH_MAX_STORE ? 0 : -EINVAL;
}

static char *read_text(const char *dir, const char *key)
{
	char path[PATH_MAX_STORE], *value;

	if (key_path(path, dir, key) ||
	    store_read(store, STORE_NO_TX, path, &value, NULL))
		return NULL;
	return value;
}

static int read_number(const char *dir, const char *key, uint64_t *number)
{
	char path[PATH_MAX_STORE];
	int rc = key_path(path, dir, key);

	return rc ? rc : store_read_u64(store, STORE_NO_TX, path, number);
}

int device_publish(struct device *d, const char *key, const char *fmt, ...)
{
	char path[PATH_MAX_STORE], value[256];
	va_list args;

	va_start(args, fmt);
	vsnprintf(value, sizeof(value), fmt, args);
	va_end(args);
	if (key_path(path, d->path, key))
		return -EINVAL;
	return store_write_str(store, STORE_NO_TX, path, value);
}

char *device_param(struct device *d, const char *key)
{
	return read_text(d->path, key);
}

uint64_t device_param_number(struct device *d, const char *key,
			     uint64_t fallback)
{
	uint64_t number;

	return read_number(d->path, key, &number) ? fallback : number;
}

char *device_front(struct device *d, const char *key)
{
	return read_text(d->front, key);
}

int device_front_number(struct device *d, const char *key, uint64_t min,
			uint64_t max, uint64_t *number)
{
	uint64_t value;
	int rc = read_number(d->front, key, &value);

	if (rc)
		return rc == -ENOENT ? rc : -EINVAL;
	if (value < min || value > max)
		return -EINVAL;
	*number = value;
	return 0;
}

/* --- our own state ------------------------------------------------------- */

struct state_change {
	char path[PATH_MAX_STORE];
	enum xenbus_state state;
};

/* A write would make the directory anew if it has just been removed. */
static int change_if_there(struct store *s, store_tx tx, void *arg)
{
	struct state_change *c = arg;
	int rc = store_exists(s, tx, c->path);

	if (rc < 0)
		return rc;
	if (!rc)
		return -ENOENT;
	return store_writef(s, tx, c->path, "%d", c->state);
}

/* True if it had become empty, and is gone. */
static bool remove_empty(const char *path)
{
	unsigned int count;
	char **names;

	if (store_directory(store, STORE_NO_TX, path, &names, &count))
		return false;	/* somebody else was faster */
	free(names);
	return !count && !store_rm(store, STORE_NO_TX, path);
}

/* The device's directory, and those above it that have become empty. */
static void remove_nodes(struct device *d)
{
	char path[PATH_MAX_STORE];

	(void)store_rm(store, STORE_NO_TX, d->path);
	snprintf(path, sizeof(path), "%s/%u", root, d->domid);
	if (remove_empty(path) && remove_empty(root))
		(void)remove_empty("backend");
}

static void set_state(struct device *d, enum xenbus_state state)
{
	struct state_change change = { .state = state };
	int rc;

	if (d->state == state)
		return;
	d->state = state;
	if (key_path(change.path, d->path, "state"))
		return;
	rc = store_transaction(store, change_if_there, &change);
	/* Removed while keys were being published, which has made it anew. */
	if (rc == -ENOENT)
		remove_nodes(d);
	else if (rc)
		device_log(d, "cannot write state %d: error %d", state, -rc);
}

struct again {
	struct device *d;
	const char *key, *value, *done;
};

static int write_again(struct store *s, store_tx tx, void *arg)
{
	struct again *a = arg;
	char path[PATH_MAX_STORE];
	int rc = key_path(path, a->d->path, a->done);

	if (!rc)
		rc = store_rm(s, tx, path);
	if (!rc)
		rc = key_path(path, a->d->path, a->key);
	if (!rc)
		rc = store_write_str(s, tx, path, a->value);
	if (!rc)
		rc = key_path(path, a->d->path, "state");
	return rc ? rc : store_writef(s, tx, path, "%d", a->d->state);
}

int device_publish_again(struct device *d, const char *key, const char *value,
			 const char *done)
{
	struct again a = { d, key, value, done };

	return store_transaction(store, write_again, &a);
}

/* --- steps --------------------------------------------------------------- */

static void probe_ended(struct device *d, int rc)
{
	d->entering = rc == BUS_LATER;
	if (d->entering)
		return;
	if (rc) {
		d->failed = true;
		(void)device_publish(d, "hotplug-status", "error");
		set_state(d, XenbusStateClosed);
		return;
	}
	d->probed = true;
	(void)device_publish(d, "hotplug-status", "connected");
	/* Found connected: whoever served it before has died; carry on. */
	if (d->state != XenbusStateConnected)
		set_state(d, XenbusStateInitWait);
}

static void connect_ended(struct device *d, int rc)
{
	d->entering = rc == BUS_LATER;
	if (d->entering)
		return;
	if (rc) {
		set_state(d, XenbusStateClosing);
		return;
	}
	d->connected = true;
	device_log(d, "connected");
	set_state(d, XenbusStateConnected);
}

static void disconnect_ended(struct device *d)
{
	d->leaving = d->connected = false;
	device_log(d, "disconnected");
}

/* True when nothing of the front end's is held any more. */
static bool try_disconnect(struct device *d)
{
	if (d->leaving)
		return false;
	if (!d->connected)
		return true;
	d->leaving = true;
	if (!driver->disconnect(d))
		return false;
	disconnect_ended(d);
	return true;
}

/* True when nothing of Dom0's is held any more. */
static bool try_release(struct device *d)
{
	if (d->leaving)
		return false;
	if (!d->probed)
		return true;
	d->leaving = true;
	if (!driver->release(d))
		return false;
	d->leaving = d->probed = false;
	return true;
}

static void device_free(struct device *d)
{
	struct device **at = &devices;
	char path[PATH_MAX_STORE], token[32];

	while (*at != d)
		at = &(*at)->next;
	*at = d->next;
	snprintf(token, sizeof(token), "%u/%u", d->domid, d->devid);
	if (!key_path(path, d->front, "state"))
		(void)store_unwatch(store, path, token); /* may be gone */
	device_log(d, "removed");
	free(d->front);
	free(d);
}

/* --- what is due --------------------------------------------------------- */

/* The front end's state; Closed if it is gone, Unknown if it is nonsense. */
static enum xenbus_state front_state(struct device *d)
{
	uint64_t state;
	int rc = read_number(d->front, "state", &state);

	if (rc == -ENOENT || !domain_lives(d->domid))
		return XenbusStateClosed;
	if (rc || state > XenbusStateReconfigured)
		return XenbusStateUnknown;
	return (enum xenbus_state)state;
}

static bool online(struct device *d)
{
	return device_param_number(d, "online", 1) != 0;
}

/*
 * A domain's nodes are the toolstack's to remove. If it died, or never
 * watched, they go once their domain is gone for good. No event tells of
 * that, since others may hold the last pages of a dying domain.
 */
static void remove_orphan(struct device *d)
{
	if (domain_exists(d->domid)) {
		if (!domain_lives(d->domid) && !orphans.armed)
			loop_timer_set(&orphans, ORPHAN_MS);
		return;
	}
	device_log(d, "domain is gone: removing the device's nodes");
	remove_nodes(d);
}

/* The front end closed, or is gone. */
static void check_closed(struct device *d)
{
	if (!try_disconnect(d) || !try_release(d))
		return;
	set_state(d, XenbusStateClosed);
	remove_orphan(d);
}

static void check_open(struct device *d, enum xenbus_state front)
{
	if (d->failed)
		return;
	if (d->state == XenbusStateClosed &&
	    (front != XenbusStateInitialising || !online(d)))
		return;
	if (d->state == XenbusStateClosing) {
		/* Asked to end before the front end ever came: it is done. */
		if (!d->connected && !online(d))
			check_closed(d);
		return;
	}
	if (!d->probed)
		probe_ended(d, driver->probe(d));
	if (!d->probed || d->connected)
		return;
	if (front == XenbusStateInitialised || front == XenbusStateConnected)
		connect_ended(d, driver->connect(d));
}

/* The toolstack asks for the end by writing 5 over our state. */
static void note_toolstack(struct device *d)
{
	uint64_t state;

	if (!read_number(d->path, "state", &state) &&
	    state == XenbusStateClosing && d->state != XenbusStateClosed)
		d->state = XenbusStateClosing;
}

static void device_check(struct device *d)
{
	char path[PATH_MAX_STORE];
	enum xenbus_state front;

	/* Looked at again when the step that takes time has been taken. */
	if (d->entering || d->leaving)
		return;
	if (key_path(path, d->path, "state") ||
	    store_exists(store, STORE_NO_TX, path) == 0) {
		if (try_disconnect(d) && try_release(d))
			device_free(d);
		return;
	}
	note_toolstack(d);
	if (driver->changed && d->connected &&
	    d->state == XenbusStateConnected)
		driver->changed(d);
	front = front_state(d);
	switch (front) {
	case XenbusStateClosed:
		check_closed(d);
		break;
	case XenbusStateClosing:
		if (d->state != XenbusStateClosed)
			set_state(d, XenbusStateClosing);
		break;
	case XenbusStateInitialising:
	case XenbusStateInitialised:
	case XenbusStateConnected:
		check_open(d, front);
		break;
	default:
		break;
	}
}

static bool any_leaving(void)
{
	struct device *d = devices;

	while (d && !d->leaving)
		d = d->next;
	return d;
}

void device_probed(struct device *d, int rc)
{
	probe_ended(d, rc);
	if (!stopping)
		device_check(d);
}

void device_connected(struct device *d, int rc)
{
	connect_ended(d, rc);
	if (!stopping)
		device_check(d);
}

void device_idle(struct device *d)
{
	if (d->connected)
		disconnect_ended(d);
	else
		d->leaving = d->probed = false;
	if (!stopping)
		device_check(d);
	else if (!any_leaving())
		loop_stop();
}

void device_stop(struct device *d, const char *fmt, ...)
{
	char why[200];
	va_list args;

	if (d->leaving || !d->connected)
		return;
	va_start(args, fmt);
	vsnprintf(why, sizeof(why), fmt, args);
	va_end(args);
	device_log(d, "stopped: %s", why);
	set_state(d, XenbusStateClosing);
	(void)try_disconnect(d); /* if it takes time, device_idle() follows */
}

/* --- finding devices ----------------------------------------------------- */

static struct device *device_find(uint32_t domid, uint32_t devid)
{
	struct device *d = devices;

	while (d && (d->domid != domid || d->devid != devid))
		d = d->next;
	return d;
}

static int device_set_up(struct device *d)
{
	char path[PATH_MAX_STORE], token[32];
	uint64_t state, domid;

	d->front = read_text(d->path, "frontend");
	if (!d->front || read_number(d->path, "frontend-id", &domid) ||
	    read_number(d->path, "state", &state))
		return -ENOENT;	/* not written yet: another event will come */
	if (domid != d->domid || state > XenbusStateReconfigured) {
		device_log(d, "frontend-id or state makes no sense: ignored");
		return -EINVAL;
	}
	d->state = (enum xenbus_state)state;
	snprintf(token, sizeof(token), "%u/%u", d->domid, d->devid);
	if (key_path(path, d->front, "state"))
		return -EINVAL;
	return store_watch(store, path, token);
}

static void device_new(uint32_t domid, uint32_t devid)
{
	struct device *d = calloc(1, driver->size);

	if (!d)
		return;
	d->domid = domid;
	d->devid = devid;
	snprintf(d->name, sizeof(d->name), "%s/%u/%u", driver->kind, domid,
		 devid);
	snprintf(d->path, sizeof(d->path), "backend/%s", d->name);
	if (device_set_up(d)) {
		free(d->front);
		free(d);
		return;
	}
	d->next = devices;
	devices = d;
	device_log(d, "found in state %d", d->state);
	device_check(d);
}

static int parse_number(const char *text, uint32_t *number)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > UINT32_MAX)
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

static void look_at(const char *domid_text, const char *devid_text)
{
	uint32_t domid, devid;
	struct device *d;

	if (parse_number(domid_text, &domid) ||
	    parse_number(devid_text, &devid))
		return;
	d = device_find(domid, devid);
	if (d)
		device_check(d);
	else
		device_new(domid, devid);
}

/* Lists the devices of one domain, of which some may be new to us. */
static void scan_domain(const char *domid)
{
	char path[PATH_MAX_STORE], **names;
	unsigned int count;

	if (key_path(path, root, domid) ||
	    store_directory(store, STORE_NO_TX, path, &names, &count))
		return;
	for (unsigned int i = 0; i < count; i++)
		look_at(domid, names[i]);
	free(names);
}

/* Checks those we know, whose directories may be gone, and finds others. */
static void scan_all(void)
{
	struct device *d, *next;
	unsigned int count;
	char **names;

	for (d = devices; d; d = next) {
		next = d->next;
		device_check(d);
	}
	if (store_directory(store, STORE_NO_TX, root, &names, &count))
		return;
	for (unsigned int i = 0; i < count; i++)
		scan_domain(names[i]);
	free(names);
}

static void look_for_orphans(struct loop_timer *t)
{
	(void)t;
	scan_all();
}

/* --- events -------------------------------------------------------------- */

/* Something below backend/KIND changed: DOMID/DEVID/KEY, or less of it. */
static void backend_changed(const char *path)
{
	char copy[PATH_MAX_STORE], *part[3] = { NULL, NULL, NULL }, *save;

	if (strlen(path) >= sizeof(copy) || strlen(path) <= strlen(root)) {
		scan_all();
		return;
	}
	strcpy(copy, path + strlen(root) + 1);
	part[0] = strtok_r(copy, "/", &save);
	for (int i = 1; i < 3 && part[i - 1]; i++)
		part[i] = strtok_r(NULL, "/", &save);
	if (part[1])
		look_at(part[0], part[1]);
	else
		scan_all();
}

static void front_changed(const char *token)
{
	uint32_t domid, devid;
	struct device *d;

	if (sscanf(token, "%u/%u", &domid, &devid) != 2)
		return;
	d = device_find(domid, devid);
	if (d)
		device_check(d);
}

static void store_ready(struct loop_fd *f, uint32_t events)
{
	struct store_event ev;
	int rc = 1;

	(void)f;
	(void)events;
	for (int n = 0; n < EVENTS_PER_TURN && rc == 1; n++) {
		rc = store_next_event(store, 0, &ev);
		if (rc != 1)
			break;
		if (!strcmp(ev.token, "backend"))
			backend_changed(ev.path);
		else if (!strcmp(ev.token, "release"))
			scan_all();
		else
			front_changed(ev.token);
	}
	if (rc < 0) {
		log_line("store", "connection lost: error %d", -rc);
		loop_stop();
	}
}

int bus_start(const struct bus_ops *ops)
{
	int rc;

	driver = ops;
	snprintf(root, sizeof(root), "backend/%s", ops->kind);
	store = store_open();
	if (!store)
		return -errno;
	store_watcher.fd = store_fd(store);
	rc = loop_fd_add(&store_watcher);
	if (!rc)
		rc = store_watch(store, root, "backend");
	if (!rc)
		rc = store_watch(store, RELEASED, "release");
	return rc;
}

bool bus_stopping(void)
{
	return stopping;
}

void bus_stop(void)
{
	stopping = true;
	loop_fd_remove(&store_watcher);
	loop_timer_remove(&orphans);
	for (struct device *d = devices; d; d = d->next)
		(void)try_disconnect(d);	/* may take its time */
	if (any_leaving())
		(void)loop_run();		/* until the last is idle */
	for (struct device *d = devices; d; d = d->next)
		if (!d->connected)
			(void)try_release(d);
	if (any_leaving())
		(void)loop_run();
	store_close(store);
}
