/* A guest's side of a ring: see guest.h. */
#include "xenstore/test/guest.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define PATIENCE_MS	60000
#define PAGE_BYTES	4096

static void name_of(char *path, size_t size, const char *folder,
		    const char *kind, uint32_t domid)
{
	snprintf(path, size, "%s/%s%u", folder, kind, domid);
}

bool guest_make(const char *folder, uint32_t domid)
{
	char path[256];
	int fd;

	name_of(path, sizeof(path), folder, "out.", domid);
	if (mkfifo(path, 0600))
		return false;
	name_of(path, sizeof(path), folder, "ring.", domid);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, PAGE_BYTES))
		return false;
	close(fd);
	return true;
}

static void notify(void *arg)
{
	struct guest *g = arg;
	unsigned char domid = (unsigned char)g->domid;

	(void)!write(g->in, &domid, 1);
}

static bool wait_event(void *arg)
{
	struct guest *g = arg;
	struct pollfd p = { .fd = g->out, .events = POLLIN };
	char drop[64];
	int rc;

	do {
		rc = poll(&p, 1, PATIENCE_MS);
	} while (rc < 0 && errno == EINTR);
	if (rc != 1)
		return false;
	(void)!read(g->out, drop, sizeof(drop));
	return true;
}

bool guest_open(struct guest *g, const char *folder, uint32_t domid)
{
	char path[256];
	void *page;
	int fd;

	memset(g, 0, sizeof(*g));
	g->domid = domid;
	name_of(path, sizeof(path), folder, "in.", 0);
	g->in = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	name_of(path, sizeof(path), folder, "out.", domid);
	g->out = open(path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	name_of(path, sizeof(path), folder, "ring.", domid);
	fd = open(path, O_RDWR | O_CLOEXEC);
	if (g->in < 0 || g->out < 0 || fd < 0)
		return false;
	page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		    0);
	close(fd);
	g->ring = (struct guest_ring){
		.page = page, .arg = g, .notify = notify, .wait = wait_event,
	};
	return page != MAP_FAILED;
}

/* The next message; an event is kept.  Its type, or 0. */
static uint32_t receive(struct guest *g, struct xsd_sockmsg *hdr, char *data)
{
	if (!guest_ring_receive(&g->ring, hdr, data))
		return 0;
	if (hdr->type == XS_WATCH_EVENT && g->event_count < 64)
		snprintf(g->events[g->event_count++], 128, "%s", data);
	return hdr->type;
}

uint32_t guest_ask(struct guest *g, uint32_t type, uint32_t tx,
		   const void *data, size_t len,
		   char answer[XENSTORE_PAYLOAD_MAX + 1])
{
	struct xsd_sockmsg hdr = {
		.type = type, .req_id = ++g->last_request, .tx_id = tx,
		.len = (uint32_t)len,
	};
	uint32_t got;

	if (!guest_ring_send(&g->ring, &hdr, data))
		return 0;
	do {
		got = receive(g, &hdr, answer);
	} while (got == XS_WATCH_EVENT);
	return hdr.req_id == g->last_request ? got : 0;
}

const char *guest_event(struct guest *g)
{
	static char path[128], data[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg hdr;

	while (!g->event_count) {
		if (receive(g, &hdr, data) != XS_WATCH_EVENT)
			return NULL;
	}
	memcpy(path, g->events[0], sizeof(path));
	memmove(g->events[0], g->events[1], --g->event_count * 128);
	return path;
}
