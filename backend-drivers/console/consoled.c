/*
 * vane-consoled: the consoles of all domains but our own. The store tells
 * when domains come and go; the hypervisor is then asked which there are.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>

#include "backend-drivers/base/daemon.h"
#include "backend-drivers/base/domains.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/console/console.h"

#define INTRODUCED "@introduceDomain"
#define RELEASED "@releaseDomain"

static struct store *store;
static struct console *consoles;

static struct console *find(uint32_t domid)
{
	struct console *c = consoles;

	while (c && (c->domid != domid || c->dead))
		c = c->next;
	return c;
}

void console_gone(struct console *c)
{
	struct console **at = &consoles;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	console_free(c);
}

static void domain_found(uint32_t domid)
{
	struct console *c = find(domid);

	if (!c) {
		c = console_new(store, domid);
		if (!c) {
			log_line("consoles", "cannot follow domain %u", domid);
			return;
		}
		c->next = consoles;
		consoles = c;
	}
	c->seen = true;
}

static void list_domains(void)
{
	uint32_t domid = 0;
	bool dying = false;
	int rc;

	for (struct console *c = consoles; c; c = c->next)
		c->seen = false;
	/* Domain 0's console is the hypervisor's business, not ours. */
	for (uint32_t from = 1; (rc = domain_next(from, &domid, &dying)) == 1;
	     from = domid + 1)
		if (!dying)
			domain_found(domid);
	if (rc < 0) {
		log_line("consoles", "cannot list domains: error %d", -rc);
		return;
	}
	for (struct console *c = consoles; c; c = c->next)
		if (!c->seen)
			console_die(c, store);
}

static void store_ready(struct loop_fd *f, uint32_t events)
{
	struct store_event ev;
	struct console *c;
	uint32_t domid;
	int rc;

	(void)f;
	(void)events;
	while ((rc = store_next_event(store, 0, &ev)) == 1) {
		if (ev.path[0] == '@')
			list_domains();
		else if (sscanf(ev.token, "console/%u", &domid) == 1 &&
			 (c = find(domid)))
			console_check(c, store);
	}
	if (rc < 0) {
		log_line("store", "connection lost: error %d", -rc);
		loop_stop();
	}
}

static int start(void)
{
	static struct loop_fd watcher = {
		.events = EPOLLIN, .ready = store_ready,
	};
	int rc;

	(void)mkdir(GUESTLOG_DIR, 0750); /* if it fails, logs say so */
	if ((rc = loop_init()) || (rc = daemon_signals()) ||
	    (rc = domains_init()) || (rc = grants_init()) ||
	    (rc = ports_init()))
		return rc;
	store = store_open();
	if (!store)
		return -errno;
	watcher.fd = store_fd(store);
	if ((rc = loop_fd_add(&watcher)) ||
	    (rc = store_watch(store, INTRODUCED, "domains")))
		return rc;
	return store_watch(store, RELEASED, "domains");
}

int main(int argc, char **argv)
{
	struct daemon d;
	int rc;

	daemon_start(&d, "vane-consoled", "consoled", argc, argv);
	rc = start();
	if (!rc)
		rc = daemon_ready(&d);
	if (!rc)
		rc = loop_run();
	if (rc)
		log_line(d.name, "ends: error %d (%s)", -rc, strerror(-rc));
	while (consoles)
		console_gone(consoles);
	daemon_end(&d);
	return rc ? 1 : 0;
}
