/*
 * A hypervisor of files, for tests that kill the daemon: it takes the place of
 * daemon/hv_xen.c in a daemon of its own.  In the folder that
 * STORE_TEST_RINGS names, ring.N is domain N's page, the FIFO in.0 carries a
 * byte N for each event of domain N, and a byte goes to the FIFO out.N for
 * each event to it.  What lies in in.0 when a daemon starts is lost, as events
 * are that come while nobody has the port.
 */
#include "xenstore/daemon/hv_xen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/ring.h"

#define PAGE_BYTES	4096
#define PORT_BASE	100

static struct loop_source events;
static struct server *events_server;

static int open_in(const char *name, uint32_t domid, int flags)
{
	char path[256];

	snprintf(path, sizeof(path), "%s/%s%u", getenv("STORE_TEST_RINGS"),
		 name, domid);
	return open(path, flags | O_CLOEXEC | O_NONBLOCK);
}

static int file_state(void *arg, uint32_t domid, struct hv_domain *out)
{
	int fd = open_in("ring.", domid, O_RDWR);

	(void)arg;
	if (fd < 0)
		return -ENOENT;
	close(fd);
	*out = (struct hv_domain){ .dying = false };
	return 0;
}

static struct xenstore_domain_interface *file_map(void *arg, uint32_t domid,
						  uint64_t *index)
{
	int fd = open_in("ring.", domid, O_RDWR);
	void *page;

	(void)arg;
	*index = 0;
	if (fd < 0)
		return NULL;
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	close(fd);
	return page == MAP_FAILED ? NULL : page;
}

static void file_unmap(void *arg, struct xenstore_domain_interface *ring,
		       uint64_t index)
{
	(void)arg;
	(void)index;
	munmap(ring, PAGE_BYTES);
}

static int file_bind(void *arg, uint32_t domid, uint32_t remote_port)
{
	(void)arg;
	(void)remote_port;
	return (int)(domid + PORT_BASE);
}

static void file_unbind(void *arg, uint32_t port)
{
	(void)arg;
	(void)port;
}

static void file_notify(void *arg, uint32_t port)
{
	int fd = open_in("out.", port - PORT_BASE, O_RDWR);

	(void)arg;
	if (fd < 0)
		return;
	(void)!write(fd, "", 1);
	close(fd);
}

const struct hv_ops hv_xen = {
	.domain_state = file_state, .ring_map = file_map,
	.ring_unmap = file_unmap, .port_bind = file_bind,
	.port_unbind = file_unbind, .port_notify = file_notify,
};

static void events_ready(struct loop_source *src, uint32_t bits)
{
	unsigned char domid;

	(void)bits;
	while (read(src->fd, &domid, 1) == 1)
		ring_event(events_server, domid + PORT_BASE);
}

int hv_xen_open(void)
{
	char lost[256];

	events.fd = open_in("in.", 0, O_RDWR);
	if (events.fd < 0)
		return -errno;
	while (read(events.fd, lost, sizeof(lost)) > 0)
		;
	return 0;
}

int hv_xen_start(struct server *srv)
{
	int rc;

	events_server = srv;
	events.ready = events_ready;
	rc = loop_add(&events, EPOLLIN);
	ring_restore_all(srv);
	domain_news(srv);
	return rc;
}
