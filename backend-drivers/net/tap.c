/*
 * See tap.h.
 */
#include "backend-drivers/net/tap.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if_arp.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <linux/sockios.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* How often, and after what pause, a tap is asked for that is in use. */
#define TRIES 500
#define TRY_US 10000

/*
 * A bridge takes the lowest address of its members for its own, so ours is
 * the highest one there is; the guest's own address is another one.
 */
static const unsigned char tap_address[] = {
	0xfe, 0xff, 0xff, 0xff, 0xff, 0xff
};

static int make(const char *name)
{
	struct ifreq ifr = { .ifr_flags = IFF_TAP | IFF_NO_PI | IFF_VNET_HDR };
	int header = sizeof(struct virtio_net_hdr);
	int fd, rc;

	fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (ioctl(fd, TUNSETIFF, &ifr) ||
	    ioctl(fd, TUNSETPERSIST, 1) ||
	    ioctl(fd, TUNSETVNETHDRSZ, &header) ||
	    ioctl(fd, TUNSETOFFLOAD, 0)) {
		rc = -errno;
		close(fd);
		return rc;
	}
	return fd;
}

/* The bridge is to talk through it, Dom0 itself is not. */
static void disable_ipv6(const char *name)
{
	char path[80];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/disable_ipv6",
		 name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return;		/* a kernel without IPv6 */
	if (write(fd, "1", 1) < 0)
		(void)0;	/* costs a few needless packets */
	close(fd);
}

static int join_bridge(int sock, const char *name, const char *bridge)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	if (ioctl(sock, SIOCGIFINDEX, &ifr))
		return -errno;
	memset(ifr.ifr_name, 0, sizeof(ifr.ifr_name));
	strncpy(ifr.ifr_name, bridge, sizeof(ifr.ifr_name) - 1);
	/* A tap that was there may be in it already. */
	return ioctl(sock, SIOCBRADDIF, &ifr) && errno != EBUSY ? -errno : 0;
}

static int set_up(int sock, const char *name, unsigned int mtu,
		  const char **what)
{
	struct ifreq ifr = { 0 };

	strncpy(ifr.ifr_name, name, sizeof(ifr.ifr_name) - 1);
	ifr.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(ifr.ifr_hwaddr.sa_data, tap_address, sizeof(tap_address));
	*what = "set the tap's address";
	if (ioctl(sock, SIOCSIFHWADDR, &ifr))
		return -errno;
	ifr.ifr_mtu = (int)mtu;
	*what = "set the tap's MTU";
	if (ioctl(sock, SIOCSIFMTU, &ifr))
		return -errno;
	*what = "bring the tap up";
	if (ioctl(sock, SIOCGIFFLAGS, &ifr))
		return -errno;
	ifr.ifr_flags |= IFF_UP;
	return ioctl(sock, SIOCSIFFLAGS, &ifr) ? -errno : 0;
}

/*
 * A process that was killed may hold the tap for some time after its end: its
 * io_uring is taken apart by the kernel, at leisure.
 */
static int make_patiently(const char *name)
{
	unsigned int left = TRIES;
	int fd;

	while ((fd = make(name)) == -EBUSY && --left)
		usleep(TRY_US);
	return fd;
}

int tap_open(const char *name, const char *bridge, unsigned int mtu,
	     const char **what)
{
	int fd, sock, rc;

	*what = "make the tap";
	fd = make_patiently(name);
	if (fd < 0)
		return fd;
	disable_ipv6(name);
	sock = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = sock < 0 ? -errno : tap_set_carrier(fd, false);
	if (!rc)
		rc = set_up(sock, name, mtu, what);
	if (!rc && bridge) {
		*what = "join the bridge";
		rc = join_bridge(sock, name, bridge);
	}
	if (sock >= 0)
		close(sock);
	if (rc) {
		(void)tap_forget(fd);
		close(fd);
		return rc;
	}
	return fd;
}

int tap_forget(int fd)
{
	return ioctl(fd, TUNSETPERSIST, 0) ? -errno : 0;
}

int tap_remove(const char *name)
{
	int fd = make(name), rc;	/* made, if there was none */

	if (fd < 0)
		return fd;
	rc = tap_forget(fd);
	close(fd);
	return rc;
}

int tap_set_features(int fd, const struct offload_features *f)
{
	unsigned long flags = 0;

	if (f->csum4 || f->csum6)
		flags |= TUN_F_CSUM;
	if (f->gso4)
		flags |= TUN_F_TSO4;
	if (f->gso6)
		flags |= TUN_F_TSO6;
	return ioctl(fd, TUNSETOFFLOAD, flags) ? -errno : 0;
}

int tap_set_carrier(int fd, bool on)
{
	int carrier = on;

	return ioctl(fd, TUNSETCARRIER, &carrier) ? -errno : 0;
}
