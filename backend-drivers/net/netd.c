/*
 * vane-netd: network interfaces of kind vane-vif. This file is what an
 * interface needs in Dom0: its tap and bridge, what the toolstack's keys
 * say, what we offer; and which part of it is done by the interface's worker
 * (served.h). front.c reads the front end's keys; vif.c, transmit.c and
 * receive.c move the frames.
 *
 * The tap stays where it is when the worker dies, and when the daemon does,
 * with its place in the bridge and all that others have set it to: it goes
 * with its device, or when the daemon next looks and its domain is gone.
 */
#include <errno.h>
#include <linux/if_tun.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "backend-drivers/base/domains.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/serve.h"
#include "backend-drivers/net/front.h"
#include "backend-drivers/net/tap.h"
#include "backend-drivers/net/vif.h"

#define MTU_DEFAULT 1500u
#define MTU_MIN 68u
#define MTU_MAX 65521u			/* 65535 less an Ethernet header */

static struct vif *vif_of(struct served *s)
{
	return container_of(s, struct vif, served);
}

/* --- the supervisor: our directory ------------------------------------------- */

static int name_tap(struct vif *v)
{
	struct device *d = &v->served.dev;
	char *name = device_param(d, "vifname");
	int n;

	if (name && *name)
		n = snprintf(v->tap_name, sizeof(v->tap_name), "%s", name);
	else
		n = snprintf(v->tap_name, sizeof(v->tap_name), "vif%u.%u",
			     d->domid, d->devid);
	free(name);
	return n < (int)sizeof(v->tap_name) ? 0 : -ENAMETOOLONG;
}

/* A limit that nobody understands is no reason to have no network: told. */
static void read_rate(struct vif *v)
{
	struct device *d = &v->served.dev;
	char *text = device_param(d, "rate");

	if (rate_parse(&v->rate, text)) {
		device_log(d, "rate \"%s\": BYTES,MICROSECONDS is expected; "
			   "there is no limit", text);
	} else if (v->rate.bytes) {
		device_log(d, "may send %llu bytes in %llu us",
			   (unsigned long long)v->rate.bytes,
			   (unsigned long long)v->rate.usec);
	}
	free(text);
}

/* The guest's own address: what is made known, and what it may send from. */
static int read_mac(struct vif *v)
{
	char *text = device_param(&v->served.dev, "mac");
	uint8_t *m = v->mac;
	int end = 0;

	v->has_mac = text && sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:"
				    "%2hhx%n", &m[0], &m[1], &m[2], &m[3],
				    &m[4], &m[5], &end) == 6 && !text[end];
	free(text);
	v->spoof_check = device_param_number(&v->served.dev, "antispoof", 0);
	/* Asked for, and not to be had: no network rather than an open one. */
	return v->spoof_check && !v->has_mac ? -EINVAL : 0;
}

static void forget(uint32_t domid, uint32_t devid, const char *tap)
{
	if (!domain_exists(domid) && !tap_remove(tap))
		memory_remove(domid, devid);
}

/* Takes what the interface needs. Returns 0, or -errno with *@what. */
static int take(struct vif *v, const char *bridge, const char **what)
{
	struct device *d = &v->served.dev;
	uint64_t mtu = device_param_number(d, "mtu", MTU_DEFAULT);
	int rc;

	v->mtu = mtu < MTU_MIN || mtu > MTU_MAX ? MTU_DEFAULT :
		 (unsigned int)mtu;
	*what = "check senders without mac";
	rc = read_mac(v);
	if (rc)
		return rc;
	*what = "name the tap";
	rc = name_tap(v);
	if (rc)
		return rc;
	*what = "make a file in " MEMORY_DIR;
	v->memory = memory_open(d->domid, d->devid, v->tap_name,
				d->state == XenbusStateConnected);
	if (!v->memory)
		return -errno;
	rc = tap_open(v->tap_name, bridge, v->mtu, what);
	if (rc < 0) {
		memory_close(v->memory);
		memory_remove(d->domid, d->devid);
		return rc;
	}
	v->tap.fd = rc;
	return 0;
}

static int vif_prepare(struct served *s)
{
	static bool looked;
	struct vif *v = vif_of(s);
	struct device *d = &s->dev;
	char *text = device_param(d, "bridge");
	const char *bridge = text && *text ? text : NULL, *what;
	int rc;

	if (!looked)		/* what a predecessor has left */
		memory_each(forget);
	looked = true;
	rc = take(v, bridge, &what);
	if (rc) {
		device_log(d, "cannot %s: %s, bridge %s: %s", what,
			   v->tap_name, bridge ? bridge : "none",
			   strerror(-rc));
		(void)device_publish(d, "hotplug-error", "cannot %s: %s", what,
				     strerror(-rc));
	} else {
		device_log(d, "tap %s, bridge %s, MTU %u%s", v->tap_name,
			   bridge ? bridge : "none", v->mtu,
			   v->spoof_check ? ", senders are checked" : "");
		read_rate(v);
		s->worker.keep[0] = v->tap.fd;
		s->worker.kept = 1;
	}
	free(text);
	return rc;
}

static int vif_opened(struct served *s, int rc, const void *facts)
{
	static const struct {
		const char *key;
		bool on;
	} feature[] = {
		{ "feature-sg", true },
		{ "feature-gso-tcpv4", true },
		{ "feature-gso-tcpv6", true },
		{ "feature-ipv6-csum-offload", true },
		{ "feature-rx-copy", true },
		{ "feature-rx-flip", false },
		{ "feature-split-event-channels", true },
		{ "feature-multicast-control", true },
		{ "feature-ctrl-ring", true },
	};

	(void)facts;
	for (size_t i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		(void)device_publish(&s->dev, feature[i].key, "%d",
				     feature[i].on);
	/* If this one is there, so are the others: one store, one fate. */
	return rc ? rc : device_publish(&s->dev, "multi-queue-max-queues",
					"%u", VIF_QUEUES);
}

static int vif_read_front(struct served *s, void *setup)
{
	const struct vif_setup *f = setup;
	int rc = front_read(&s->dev, setup);

	if (!rc)
		device_log(&s->dev, "%u queues%s%s", f->queues,
			   f->control_port ? ", a control ring" : "",
			   f->groups ? ", multicast frames on request" : "");
	/* Connected already: what our predecessor was told holds. */
	if (!rc && s->dev.state != XenbusStateConnected)
		memory_forget(vif_of(s)->memory);
	return rc;
}

static void vif_give_back(struct served *s)
{
	struct vif *v = vif_of(s);
	const struct counts *c = &v->memory->counts;

	device_log(&s->dev, "tap %s is let go; sent %llu (%llu not passed "
		   "on), received %llu (%llu not)", v->tap_name,
		   (unsigned long long)c->sent,
		   (unsigned long long)(c->sent_refused + c->sent_filtered +
					c->sent_dropped),
		   (unsigned long long)c->received,
		   (unsigned long long)(c->received_refused +
					c->received_filtered +
					c->received_dropped));
	memory_close(v->memory);
	if (!bus_stopping()) {
		(void)tap_forget(v->tap.fd);	/* worst: it stays */
		memory_remove(s->dev.domid, s->dev.devid);
	}
	close(v->tap.fd);
}

/* --- the worker --------------------------------------------------------------- */

static int vif_take_up(struct served *s, void *facts)
{
	struct vif *v = vif_of(s);
	int rc = wire_open(&v->wire, WORKER_KEPT);

	(void)facts;
	if (rc)
		device_log(&s->dev, "cannot set up io_uring: %s",
			   strerror(-rc));
	v->tap = (struct loop_fd){ .fd = WORKER_KEPT };
	/* Looks at rings are due in microseconds: see pace.h. */
	(void)prctl(PR_SET_TIMERSLACK, 1000ul);	/* worst: they are late */
	return rc;
}

static int vif_connect(struct served *s, const void *setup)
{
	return vif_open(vif_of(s), setup);
}

static bool vif_disconnect(struct served *s)
{
	vif_close(vif_of(s));
	return true;
}

static const struct confine_call calls[] = {
	{ SCMP_SYS(writev), 0 }, { SCMP_SYS(io_uring_enter), 0 },
	{ SCMP_SYS(ioctl), TUNSETOFFLOAD },
	{ SCMP_SYS(ioctl), TUNSETCARRIER },
	{ -1, 0 },
};

static const struct served_ops vifs = {
	.kind = "vane-vif",
	.size = sizeof(struct vif),
	.number = 1,
	.calls = calls,
	.prepare = vif_prepare,
	.opened = vif_opened,
	.read_front = vif_read_front,
	.release = vif_give_back,
	.open = vif_take_up,
	.connect = vif_connect,
	.disconnect = vif_disconnect,
};

int main(int argc, char **argv)
{
	if (argc == 2 && !strcmp(argv[1], "-s"))
		return memory_print() ? 1 : 0;
	if (argc == 2 && !strcmp(argv[1], "-h"))
		puts("usage: vane-netd -s\n"
		     "  -s  print what all interfaces have counted, and end");
	return serve_by_workers("vane-netd", "netd", &vifs, argc, argv);
}
