/*
 * See ports.h. The kernel hands out port numbers; a hash of them finds the
 * owner. A number that nobody owns belongs to a port just unbound: ignored.
 */
#include "backend-drivers/base/ports.h"

#include <errno.h>
#include <stddef.h>
#include <sys/epoll.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "toolstack/sys/evtchn.h"
#include "toolstack/sys/evtchn_late.h"

#define BUCKETS 256
#define BATCH 32	/* more of them keep the descriptor ready */

static struct port *bucket[BUCKETS];
static void ports_ready(struct loop_fd *f, uint32_t events);
static struct loop_fd evtchn = {
	.fd = -1, .events = EPOLLIN, .ready = ports_ready,
};

static void late_ready(struct loop_fd *f, uint32_t events);
static struct loop_fd late_timer = {
	.fd = -1, .events = EPOLLIN, .ready = late_ready,
};
static struct evtchn_late late;

static struct port **find(uint32_t local)
{
	struct port **at = &bucket[local % BUCKETS];

	while (*at && (*at)->local != local)
		at = &(*at)->next;
	return at;
}

static void ports_ready(struct loop_fd *f, uint32_t events)
{
	uint32_t local[BATCH];
	int n = evtchn_next(f->fd, local, BATCH);

	(void)events;
	if (n > 0)
		evtchn_late_heard(&late);
	for (int i = 0; i < n; i++) {
		struct port *p = *find(local[i]);

		if (p) {
			p->masked = true;
			p->fired(p);
		}
	}
	if (n < 0) {
		/* The buffer has room for each port: this cannot be cured. */
		log_line("evtchn", "events lost: error %d", -n);
		loop_stop();
	}
}

static void late_ready(struct loop_fd *f, uint32_t events)
{
	(void)f;
	(void)events;
	evtchn_late_look(&late);
	ports_ready(&evtchn, 0);
}

int ports_init(void)
{
	int rc = evtchn_late_open(&late);

	if (rc)
		return rc;
	late_timer.fd = late.fd;
	rc = loop_fd_add(&late_timer);
	if (rc)
		return rc;
	evtchn.fd = evtchn_open();
	return evtchn.fd < 0 ? evtchn.fd : loop_fd_add(&evtchn);
}

int ports_restrict(uint32_t domid)
{
	return evtchn_restrict(evtchn.fd, domid);
}

int port_bind(struct port *p, uint32_t domid, uint32_t remote)
{
	int rc = evtchn_bind_interdomain(evtchn.fd, domid, remote);

	if (rc < 0)
		return rc;
	p->local = (uint32_t)rc;
	p->masked = false;
	p->next = bucket[p->local % BUCKETS];
	bucket[p->local % BUCKETS] = p;
	return 0;
}

void port_unbind(struct port *p)
{
	if (!p->local)
		return;
	*find(p->local) = p->next;
	(void)evtchn_unbind(evtchn.fd, p->local); /* fails only if unbound */
	p->local = 0;
}

void port_ready(struct port *p)
{
	if (!p->local || !p->masked)
		return;
	p->masked = false;
	(void)evtchn_unmask(evtchn.fd, p->local); /* likewise */
}

void port_notify(struct port *p)
{
	/* A peer that is gone needs no event. */
	if (p->local)
		(void)evtchn_notify(evtchn.fd, p->local);
}
