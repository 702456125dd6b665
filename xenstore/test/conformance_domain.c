/*
 * Real domains for the conformance program, in a Dom0.  Their kernel does
 * nothing but ring the store's bell (guest-pv/tests/bell.c), and this program
 * has their rings' pages mapped, by the grant that is the daemon's too.
 */
#define __XEN_TOOLS__ 1		/* of the interface's headers: domctl */

#include "xenstore/test/conformance.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/grant_table.h>
#include <xen/sched.h>

#include "toolstack/sys/gntdev.h"
#include "toolstack/sys/privcmd.h"

#define DOMAINS		3	/* 1 to 3 */
#define PAUSE_US	1000
#define PATIENCE_S	20

static struct domain {
	unsigned int port;
	struct guest_ring ring;
	uint32_t seen[4];	/* the page's indices at the last wait */
	time_t since;		/* when they last moved */
} domains[DOMAINS + 1];

static const struct steps_io *sockets;
static int privcmd_fd;
static void *hypercall_page;

static void die(const char *what)
{
	printf("Bail out! %s: %s\n", what, strerror(errno));
	exit(1);
}

/* --- rings ---------------------------------------------------------------- */

static void bell_rings(void *arg)
{
	(void)arg;
}

/* Give the daemon a moment; false when nothing moves for a long time. */
static bool moment(void *arg)
{
	struct domain *d = arg;
	const struct xenstore_domain_interface *page = d->ring.page;
	uint32_t now[4] = { page->req_cons, page->req_prod, page->rsp_cons,
			    page->rsp_prod };

	if (memcmp(now, d->seen, sizeof(now)) || !d->since)
		d->since = time(NULL);
	memcpy(d->seen, now, sizeof(now));
	usleep(PAUSE_US);
	if (time(NULL) - d->since <= PATIENCE_S)
		return true;
	d->since = 0;
	return false;
}

struct guest_ring *domain_ring(unsigned int domid)
{
	return &domains[domid].ring;
}

static void ring_open(int gntdev, unsigned int domid)
{
	uint32_t ref = GNTTAB_RESERVED_XENSTORE;
	struct domain *d = &domains[domid];
	uint64_t index;

	d->ring = (struct guest_ring){
		.page = gntdev_map(gntdev, domid, &ref, 1,
				   PROT_READ | PROT_WRITE, &index),
		.arg = d, .notify = bell_rings, .wait = moment,
	};
	if (!d->ring.page)
		die("cannot map a domain's ring");
}

/* --- requests ------------------------------------------------------------- */

const char *privileged(uint32_t type, const char *request)
{
	static char data[XENSTORE_PAYLOAD_MAX + 1];
	struct xsd_sockmsg hdr = { .type = type, .req_id = 9 };
	char payload[XENSTORE_PAYLOAD_MAX];

	hdr.len = (uint32_t)strlen(request);
	for (uint32_t i = 0; i < hdr.len; i++)
		payload[i] = request[i] == '|' ? '\0' : request[i];
	sockets->message(sockets->arg, 0, &hdr, payload);
	do {
		if (!sockets->next(sockets->arg, 0, &hdr, data))
			die("the daemon does not answer");
	} while (hdr.type == XS_WATCH_EVENT);
	data[hdr.len] = '\0';
	return hdr.type == type ? data : "";
}

static void find_port(unsigned int domid)
{
	char path[64];

	snprintf(path, sizeof(path), "/local/domain/%u/store/port|", domid);
	domains[domid].port = (unsigned int)atoi(privileged(XS_READ, path));
	if (!domains[domid].port)
		die("a domain's port is not in the store");
}

unsigned int domain_port(void *arg, unsigned int domid)
{
	(void)arg;
	return domains[domid].port;
}

void domains_open(const struct steps_io *io)
{
	int gntdev = gntdev_open();

	sockets = io;
	privcmd_fd = privcmd_open();
	hypercall_page = hcbuf_alloc(4096);
	if (gntdev < 0 || privcmd_fd < 0 || !hypercall_page)
		die("no hypervisor");
	for (unsigned int i = 1; i <= DOMAINS; i++)
		find_port(i);
	for (unsigned int i = 1; i <= 2; i++)
		ring_open(gntdev, i);
}

void domains_fresh(void)
{
	char text[64];

	for (unsigned int i = 1; i <= DOMAINS; i++) {
		snprintf(text, sizeof(text), "%u|", i);
		(void)privileged(XS_RELEASE, text);
		if (i == DOMAINS)
			break;
		snprintf(text, sizeof(text), "%u|1|%u|", i, domains[i].port);
		if (strcmp(privileged(XS_INTRODUCE, text), "OK"))
			die("a domain cannot be introduced");
		domains[i].ring.piece = 0;
		domains[i].since = 0;
	}
}

/* --- ends ----------------------------------------------------------------- */

static void shut_down(unsigned int domid)
{
	struct sched_remote_shutdown *op = hypercall_page;

	op->domain_id = (domid_t)domid;
	op->reason = SHUTDOWN_poweroff;
	if (privcmd_hypercall(privcmd_fd, __HYPERVISOR_sched_op,
			      SCHEDOP_remote_shutdown, (uintptr_t)op, 0, 0, 0))
		die("a domain cannot be shut down");
}

static void destroy(unsigned int domid)
{
	struct xen_domctl *op = hypercall_page;
	long rc;

	do {
		memset(op, 0, sizeof(*op));
		op->cmd = XEN_DOMCTL_destroydomain;
		op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
		op->domain = (domid_t)domid;
		rc = privcmd_hypercall(privcmd_fd, __HYPERVISOR_domctl,
				       (uintptr_t)op, 0, 0, 0, 0);
	} while (rc == -EAGAIN || rc == -ERESTART);
	if (rc)
		die("a domain cannot be destroyed");
}

void domain_end(void *arg, unsigned int domid, bool for_good)
{
	(void)arg;
	if (for_good)
		destroy(domid);
	else
		shut_down(domid);
}
