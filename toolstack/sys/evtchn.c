/*
 * /dev/xen/evtchn: see evtchn.h for the contract. Reading the node yields the
 * numbers of ports that fired, writing a number unmasks that port.
 */
#include "toolstack/sys/evtchn.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/sys/evtchn.h>

static int evtchn_ioctl(int fd, unsigned long request, void *arg)
{
	int rc = ioctl(fd, request, arg);

	return rc < 0 ? -errno : rc;
}

int evtchn_open(void)
{
	int fd = open("/dev/xen/evtchn", O_RDWR | O_CLOEXEC | O_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

int evtchn_bind_virq(int fd, uint32_t virq)
{
	struct ioctl_evtchn_bind_virq bind = { .virq = virq };

	return evtchn_ioctl(fd, IOCTL_EVTCHN_BIND_VIRQ, &bind);
}

int evtchn_bind_interdomain(int fd, uint32_t domid, uint32_t remote_port)
{
	struct ioctl_evtchn_bind_interdomain bind = {
		.remote_domain = domid, .remote_port = remote_port,
	};

	return evtchn_ioctl(fd, IOCTL_EVTCHN_BIND_INTERDOMAIN, &bind);
}

int evtchn_bind_unbound(int fd, uint32_t domid)
{
	struct ioctl_evtchn_bind_unbound_port bind = { .remote_domain = domid };

	return evtchn_ioctl(fd, IOCTL_EVTCHN_BIND_UNBOUND_PORT, &bind);
}

int evtchn_unbind(int fd, uint32_t port)
{
	struct ioctl_evtchn_unbind unbind = { .port = port };

	return evtchn_ioctl(fd, IOCTL_EVTCHN_UNBIND, &unbind);
}

int evtchn_notify(int fd, uint32_t port)
{
	struct ioctl_evtchn_notify notify = { .port = port };

	return evtchn_ioctl(fd, IOCTL_EVTCHN_NOTIFY, &notify);
}

int evtchn_next(int fd, uint32_t *ports, unsigned int max)
{
	ssize_t n;

	do {
		n = read(fd, ports, max * sizeof(*ports));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return errno == EAGAIN ? 0 : -errno;
	return n % (ssize_t)sizeof(*ports) ? -EIO :
					     (int)(n / (ssize_t)sizeof(*ports));
}

int evtchn_unmask(int fd, uint32_t port)
{
	ssize_t n;

	do {
		n = write(fd, &port, sizeof(port));
	} while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == sizeof(port) ? 0 : -EIO;
}

int evtchn_restrict(int fd, uint32_t domid)
{
	struct ioctl_evtchn_restrict_domid restrict_to = {
		.domid = (domid_t)domid,
	};

	return evtchn_ioctl(fd, IOCTL_EVTCHN_RESTRICT_DOMID, &restrict_to);
}
