/*
 * A real hypervisor: see hv_xen.h.  Rings are mapped through the grant that
 * the toolstack reserves for the store in each domain; the kernel's own ring
 * through /dev/xen/xenbus_backend or, where that is missing, xenfs.
 */
#define __XEN_TOOLS__ 1		/* of the interface's headers: domctl */

#include "xenstore/daemon/hv_xen.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/grant_table.h>
#include <xen/sys/xenbus_dev.h>

#include "toolstack/sys/evtchn.h"
#include "toolstack/sys/evtchn_late.h"
#include "toolstack/sys/gntdev.h"
#include "toolstack/sys/privcmd.h"
#include "xenstore/daemon/domain.h"
#include "xenstore/daemon/log.h"
#include "xenstore/daemon/loop.h"
#include "xenstore/daemon/ring.h"

#define PAGE_BYTES 4096

static int evtchn_fd = -1, gntdev_fd = -1, privcmd_fd = -1;
static struct xen_domctl *domctl;	/* hypercall memory */
static struct loop_source evtchn_source, late_source;
static struct evtchn_late late;
static struct server *evtchn_server;
static int death_port;			/* VIRQ_DOM_EXC */

/* The answer names the first domain from `domid` on: look who it is. */
static int xen_domain_state(void *arg, uint32_t domid, struct hv_domain *out)
{
	const struct xen_domctl_getdomaininfo *info = &domctl->u.getdomaininfo;
	long rc;

	(void)arg;
	memset(domctl, 0, sizeof(*domctl));
	domctl->cmd = XEN_DOMCTL_getdomaininfo;
	domctl->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	domctl->domain = (domid_t)domid;
	rc = privcmd_hypercall(privcmd_fd, __HYPERVISOR_domctl,
			       (uintptr_t)domctl, 0, 0, 0, 0);
	if (rc == -ESRCH || (!rc && info->domain != domid))
		return -ENOENT;
	if (rc)
		return (int)rc;
	out->dying = info->flags & XEN_DOMINF_dying;
	out->shutdown = info->flags & XEN_DOMINF_shutdown;
	return 0;
}

/* The kernel's ring: both nodes map it at offset 0. */
static void *map_own_ring(void)
{
	static const char *const nodes[] = {
		"/dev/xen/xenbus_backend", "/proc/xen/xsd_kva",
	};
	void *page = MAP_FAILED;

	for (size_t i = 0; i < 2 && page == MAP_FAILED; i++) {
		int fd = open(nodes[i], O_RDWR | O_CLOEXEC);

		if (fd < 0)
			continue;
		page = mmap(NULL, PAGE_BYTES, PROT_READ | PROT_WRITE,
			    MAP_SHARED, fd, 0);
		close(fd);
	}
	return page == MAP_FAILED ? NULL : page;
}

static struct xenstore_domain_interface *xen_ring_map(void *arg,
					uint32_t domid, uint64_t *index)
{
	uint32_t ref = GNTTAB_RESERVED_XENSTORE;

	(void)arg;
	if (!domid)
		return map_own_ring();
	return gntdev_map(gntdev_fd, domid, &ref, 1, PROT_READ | PROT_WRITE,
			  index);
}

static void xen_ring_unmap(void *arg, struct xenstore_domain_interface *ring,
			   uint64_t index)
{
	(void)arg;
	if (index)
		(void)gntdev_unmap(gntdev_fd, ring, 1, index);
	else
		munmap(ring, PAGE_BYTES);
}

static int xen_port_bind(void *arg, uint32_t domid, uint32_t remote_port)
{
	(void)arg;
	return evtchn_bind_interdomain(evtchn_fd, domid, remote_port);
}

static void xen_port_unbind(void *arg, uint32_t port)
{
	(void)arg;
	(void)evtchn_unbind(evtchn_fd, port);
}

/* A peer that is gone cannot be told; its end comes by VIRQ_DOM_EXC. */
static void xen_port_notify(void *arg, uint32_t port)
{
	(void)arg;
	(void)evtchn_notify(evtchn_fd, port);
}

const struct hv_ops hv_xen = {
	.domain_state = xen_domain_state,
	.ring_map = xen_ring_map,
	.ring_unmap = xen_ring_unmap,
	.port_bind = xen_port_bind,
	.port_unbind = xen_port_unbind,
	.port_notify = xen_port_notify,
};

/* Unmask before looking: what comes after the look fires again. */
static void evtchn_ready(struct loop_source *src, uint32_t events)
{
	uint32_t port;
	int rc;

	(void)events;
	while ((rc = evtchn_next(src->fd, &port, 1)) > 0) {
		evtchn_late_heard(&late);
		(void)evtchn_unmask(src->fd, port);
		if ((int)port == death_port)
			domain_news(evtchn_server);
		else
			ring_event(evtchn_server, port);
	}
	if (rc < 0)
		log_line("evtchn", "error=\"%s\"", strerror(-rc));
}

static void late_ready(struct loop_source *src, uint32_t events)
{
	(void)src;
	evtchn_late_look(&late);
	evtchn_ready(&evtchn_source, events);
}

static int opened(const char *node, int fd)
{
	if (fd < 0)
		log_line("start", "file=%s error=\"%s\"", node,
			 strerror(-fd));
	return fd;
}

int hv_xen_open(void)
{
	evtchn_fd = opened("/dev/xen/evtchn", evtchn_open());
	if (evtchn_fd < 0)
		return evtchn_fd;
	gntdev_fd = opened("/dev/xen/gntdev", gntdev_open());
	if (gntdev_fd < 0)
		return gntdev_fd;
	privcmd_fd = opened("/dev/xen/privcmd", privcmd_open());
	if (privcmd_fd < 0)
		return privcmd_fd;
	domctl = hcbuf_alloc(sizeof(*domctl));
	return domctl ? 0 : -errno;
}

/* The kernel's own store port, or -errno. */
static int own_port(void)
{
	int fd = open("/dev/xen/xenbus_backend", O_RDWR | O_CLOEXEC);
	unsigned int port;
	int rc = -1;
	FILE *f;

	if (fd >= 0) {
		rc = ioctl(fd, IOCTL_XENBUS_BACKEND_EVTCHN);
		close(fd);
	}
	if (rc > 0)
		return rc;
	f = fopen("/proc/xen/xsd_port", "re");
	if (!f)
		return -errno;
	rc = fscanf(f, "%u", &port) == 1 ? (int)port : -EINVAL;
	fclose(f);
	return rc;
}

int hv_xen_start(struct server *srv)
{
	int port, rc;

	death_port = evtchn_bind_virq(evtchn_fd, VIRQ_DOM_EXC);
	if (death_port < 0) {
		log_line("start", "virq=DOM_EXC error=\"%s\" (is another "
			 "store daemon running?)", strerror(-death_port));
		return death_port;
	}
	evtchn_server = srv;
	evtchn_source.fd = evtchn_fd;
	evtchn_source.ready = evtchn_ready;
	rc = loop_add(&evtchn_source, EPOLLIN);
	if (!rc)
		rc = evtchn_late_open(&late);
	if (rc)
		return rc;
	late_source.fd = late.fd;
	late_source.ready = late_ready;
	rc = loop_add(&late_source, EPOLLIN);
	if (rc)
		return rc;
	/* The kernel's ring outlives a daemon: the first of all attaches it. */
	if (!domain_find(srv, 0)->ring) {
		port = own_port();
		rc = port < 0 ? port :
				domain_introduce(srv, 0, (uint32_t)port);
		/* No event in the journal made it. */
		if (!rc)
			rc = server_save(srv);
		if (rc)
			log_line("no-ring", "domain=0 error=\"%s\"",
				 strerror(-rc));
	}
	ring_restore_all(srv);
	/* Nobody told us of who died meanwhile. */
	domain_news(srv);
	return rc;
}
