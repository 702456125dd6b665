/*
 * See console.h. The life of a console: new -> (keys complete) connected ->
 * (domain dying) dead, lingering -> gone.
 */
#include "backend-drivers/console/console.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <xen/grant_table.h>
#include <xen/io/console.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/console/pty.h"

#define BACKLOG_DEFAULT	(64u << 10)
#define BACKLOG_MAX	(1u << 20)

/* A guest that sends events faster than this waits out the window. */
#define WINDOW_MS	200
#define WINDOW_EVENTS	200

#define LINGER_MS	100
#define LINGER_STEPS	30

/* --- guest to terminal --------------------------------------------------- */

static void write_to_pty(struct console *c)
{
	const char *head;
	size_t len;

	while (head = backlog_head(&c->backlog, &len), len) {
		ssize_t n = write(c->master.fd, head, len);

		if (n <= 0)
			break;	/* full: EPOLLOUT will say when to go on */
		backlog_drop(&c->backlog, (size_t)n);
	}
}

/* Wait for what there is to do, so that nothing spins. */
static void choose_events(struct console *c)
{
	uint32_t events = 0;

	if (c->backlog.len)
		events |= EPOLLOUT;
	if (c->map.addr && stream_room(&c->in))
		events |= EPOLLIN;
	loop_fd_set(&c->master, events);
}

static void open_logs(struct console *c)
{
	int rc;

	if (c->logged)
		return;
	c->logged = true;
	rc = guestlog_open(&c->log, GUESTLOG_DIR, c->log_name);
	if (rc)
		log_line(c->name, "no log file: error %d", -rc);
	rc = history_open(&c->history, HISTORY_DIR, c->log_name, c->uuid,
			  c->domid);
	if (rc)
		log_line(c->name, "no history: error %d", -rc);
}

/*
 * Takes all output, at most one ring full. True if there was any. Killed before
 * the end, it leaves it to be taken again: better heard twice than never.
 */
static bool take_output(struct console *c)
{
	char text[sizeof(((struct xencons_interface *)0)->out)];
	size_t n = stream_look(&c->out, text, sizeof(text));

	if (!n)
		return false;
	open_logs(c);
	guestlog_add(&c->log, text, n);
	history_add(&c->history, text, n);
	backlog_add(&c->backlog, text, n);
	stream_drop(&c->out, n);
	return true;
}

static void calmed(struct loop_timer *t)
{
	struct console *c = container_of(t, struct console, calm);

	port_ready(&c->port);
}

/* Lets the guest's events in again, now or a little later. */
static void rearm(struct console *c)
{
	uint64_t now = loop_now();

	if (now - c->window_start >= WINDOW_MS) {
		c->window_start = now;
		c->events = 0;
	}
	if (++c->events <= WINDOW_EVENTS)
		port_ready(&c->port);
	else if (!c->calm.armed)
		loop_timer_set(&c->calm, WINDOW_MS);
}

static void fired(struct port *p)
{
	struct console *c = container_of(p, struct console, port);

	/* Linux waits for the event that says "there is room again". */
	if (take_output(c))
		port_notify(p);
	write_to_pty(c);
	choose_events(c);
	rearm(c);
}

/* --- terminal to guest --------------------------------------------------- */

static void take_input(struct console *c)
{
	char text[256];
	size_t room = stream_room(&c->in);
	ssize_t n;

	if (room > sizeof(text))
		room = sizeof(text);
	n = read(c->master.fd, text, room);
	if (n <= 0)
		return;
	/* Room only grows unless the guest lies, who then loses its input. */
	stream_put(&c->in, text, (size_t)n);
	port_notify(&c->port);
}

static void pty_ready(struct loop_fd *f, uint32_t events)
{
	struct console *c = container_of(f, struct console, master);

	if ((events & EPOLLIN) && c->map.addr && stream_room(&c->in))
		take_input(c);
	if (events & EPOLLOUT)
		write_to_pty(c);
	choose_events(c);
}

/* --- life ---------------------------------------------------------------- */

struct console *console_new(struct store *store, uint32_t domid)
{
	struct console *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->domid = domid;
	c->master = (struct loop_fd){
		.fd = -1, .events = EPOLLIN, .ready = pty_ready,
	};
	c->slave = -1;
	c->log.fd = c->history.fd = -1;
	c->port.fired = fired;
	c->calm.run = calmed;
	snprintf(c->name, sizeof(c->name), "console/%u", domid);
	snprintf(c->watch, sizeof(c->watch), "/local/domain/%u/console",
		 domid);
	if (store_watch(store, c->watch, c->name)) {
		free(c);
		return NULL;
	}
	return c;
}

/* --- its keys in the store ------------------------------------------------ */

enum { TYPE, PORT, LIMIT, NAME, VM, KEYS };

/* Each key's value, for free(), or NULL: in one round. */
static int read_keys(struct console *c, struct store *store, char *key[KEYS])
{
	static const char *const leaf[KEYS] = {
		[TYPE] = "console/type", [PORT] = "console/port",
		[LIMIT] = "console/limit", [NAME] = "name", [VM] = "vm",
	};
	char text[KEYS][64];
	const char *path[KEYS];

	for (int i = 0; i < KEYS; i++) {
		snprintf(text[i], sizeof(text[i]), "/local/domain/%u/%s",
			 c->domid, leaf[i]);
		path[i] = text[i];
	}
	return store_read_many(store, STORE_NO_TX, path, KEYS, key);
}

static void free_keys(char *key[KEYS])
{
	for (int i = 0; i < KEYS; i++)
		free(key[i]);
}

/* A number of digits alone, or 0. */
static uint32_t key_number(const char *key)
{
	unsigned long long n = 0;
	char *end;

	if (!key || !isdigit((unsigned char)*key))
		return 0;
	n = strtoull(key, &end, 10);
	return *end || n > UINT32_MAX ? 0 : (uint32_t)n;
}

/* The port, if the keys say that this console is ours; or 0. */
static uint32_t our_port(char *key[KEYS])
{
	const char *type = key[TYPE];

	return !type || !*type || !strcmp(type, "xenconsoled") ?
		key_number(key[PORT]) : 0;
}

/* What a write has made anew of a domain that had been destroyed meanwhile. */
static void remove_remains(struct console *c, struct store *store)
{
	char home[32], **names;
	unsigned int count;

	(void)store_rm(store, STORE_NO_TX, c->watch);
	snprintf(home, sizeof(home), "/local/domain/%u", c->domid);
	if (store_directory(store, STORE_NO_TX, home, &names, &count))
		return;
	free(names);
	if (!count)
		(void)store_rm(store, STORE_NO_TX, home);
}

static int write_tty(struct console *c, struct store *store, const char *path)
{
	char key[64];
	int there, rc;

	snprintf(key, sizeof(key), "%s/tty", c->watch);
	rc = store_write_str(store, STORE_NO_TX, key, path);
	if (rc)
		return rc;
	snprintf(key, sizeof(key), "%s/port", c->watch);
	there = store_exists(store, STORE_NO_TX, key);
	if (there)
		return there < 0 ? there : 0;
	remove_remains(c, store);
	return -ENOENT;
}

static int open_pty(struct console *c, struct store *store, char *key[KEYS])
{
	size_t limit = key_number(key[LIMIT]);
	char path[64];
	int rc;

	rc = pty_open(&c->master.fd, &c->slave, path, sizeof(path));
	if (rc)
		return rc;
	if (!limit)
		limit = BACKLOG_DEFAULT;
	backlog_init(&c->backlog, limit < BACKLOG_MAX ? limit : BACKLOG_MAX);
	rc = loop_fd_add(&c->master);
	return rc ? rc : write_tty(c, store, path);
}

/* Under which name there will be a log file and a history. */
static void note_name(struct console *c, char *key[KEYS])
{
	const char *name = key[NAME], *vm = key[VM];

	if (name && *name)
		snprintf(c->log_name, sizeof(c->log_name), "%s", name);
	else
		snprintf(c->log_name, sizeof(c->log_name), "%u", c->domid);
	if (vm && !strncmp(vm, "/vm/", 4))
		snprintf(c->uuid, sizeof(c->uuid), "%s", vm + 4);
	history_forget(HISTORY_DIR, c->log_name, c->domid);
}

/* --- connecting ------------------------------------------------------------ */

static int map_ring(struct console *c)
{
	const uint32_t ref = GNTTAB_RESERVED_CONSOLE;
	struct xencons_interface *ring;
	int rc = grant_map(&c->map, c->domid, &ref, 1);

	if (rc)
		return rc;
	ring = c->map.addr;
	stream_attach(&c->out, ring->out, sizeof(ring->out),
		      &ring->out_cons, &ring->out_prod);
	stream_attach(&c->in, ring->in, sizeof(ring->in), &ring->in_prod,
		      &ring->in_cons);
	return 0;
}

static int connect_port(struct console *c, struct store *store,
			char *key[KEYS], uint32_t remote)
{
	int rc = 0;

	port_unbind(&c->port);
	if (!c->map.addr)
		rc = map_ring(c);
	if (!rc)
		rc = port_bind(&c->port, c->domid, remote);
	c->remote = remote;
	if (!rc && c->slave < 0) {
		note_name(c, key);
		rc = open_pty(c, store, key);
	}
	return rc;
}

void console_check(struct console *c, struct store *store)
{
	char *key[KEYS];
	uint32_t remote;
	int rc;

	if (c->dead || read_keys(c, store, key))
		return;
	remote = our_port(key);
	if (remote && !(c->port.local && remote == c->remote)) {
		rc = connect_port(c, store, key, remote);
		if (rc)
			log_line(c->name, "cannot connect: error %d", -rc);
		else
			log_line(c->name, "connected: %s", c->log_name);
	}
	free_keys(key);
}

/* Everything of the domain's: its page must not keep it from going. */
static void let_go(struct console *c)
{
	loop_timer_remove(&c->calm);
	port_unbind(&c->port);
	grant_unmap(&c->map);
}

static void lingers(struct loop_timer *t)
{
	struct console *c = container_of(t, struct console, linger);
	size_t left;

	write_to_pty(c);
	left = c->backlog.len + pty_unread(c->slave);
	if (left < c->left)
		c->lingered = 0;	/* somebody reads */
	c->left = left;
	if (left && ++c->lingered < LINGER_STEPS) {
		loop_timer_set(t, LINGER_MS);
		return;
	}
	console_gone(c);
}

void console_die(struct console *c, struct store *store)
{
	if (c->dead)
		return;
	c->dead = true;
	(void)store_unwatch(store, c->watch, c->name); /* may be gone */
	if (c->map.addr)
		(void)take_output(c);	/* nobody is there to be told */
	let_go(c);
	if (c->log_name[0])
		open_logs(c);
	guestlog_close(&c->log);
	history_close(&c->history, true);
	loop_fd_remove(&c->master);
	log_line(c->name, "domain is gone");
	c->linger.run = lingers;
	loop_timer_set(&c->linger, 0);
}

void console_free(struct console *c)
{
	let_go(c);
	loop_timer_remove(&c->linger);
	loop_fd_remove(&c->master);
	guestlog_close(&c->log);
	history_close(&c->history, false);
	if (c->slave >= 0)
		close(c->slave);
	if (c->master.fd >= 0)
		close(c->master.fd);
	backlog_free(&c->backlog);
	free(c);
}
