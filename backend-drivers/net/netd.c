/*
 * vane-netd: network interfaces of kind vane-vif. This file is the
 * negotiation: the tap and its bridge, what we offer, what the front end's
 * keys must look like. vif.c, transmit.c and receive.c move the frames.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "backend-drivers/base/bus.h"
#include "backend-drivers/base/log.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/serve.h"
#include "backend-drivers/net/tap.h"
#include "backend-drivers/net/vif.h"

#define MTU_DEFAULT 1500u
#define MTU_MIN 68u
#define MTU_MAX 65521u			/* 65535 less an Ethernet header */

static struct vif *vif_of(struct device *d)
{
	return container_of(d, struct vif, dev);
}

/* --- probe: the tap ------------------------------------------------------ */

static int name_tap(struct vif *v)
{
	char *name = device_param(&v->dev, "vifname");
	int n;

	if (name && *name)
		n = snprintf(v->tap_name, sizeof(v->tap_name), "%s", name);
	else
		n = snprintf(v->tap_name, sizeof(v->tap_name), "vif%u.%u",
			     v->dev.domid, v->dev.devid);
	free(name);
	return n < (int)sizeof(v->tap_name) ? 0 : -ENAMETOOLONG;
}

static void publish(struct device *d)
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
	};

	for (size_t i = 0; i < sizeof(feature) / sizeof(feature[0]); i++)
		(void)device_publish(d, feature[i].key, "%d", feature[i].on);
}

/* A limit that nobody understands is no reason to have no network: told. */
static void read_rate(struct vif *v)
{
	char *text = device_param(&v->dev, "rate");

	if (rate_parse(&v->rate, text)) {
		device_log(&v->dev, "rate \"%s\": BYTES,MICROSECONDS is "
			   "expected; there is no limit", text);
	} else if (v->rate.bytes) {
		device_log(&v->dev, "may send %llu bytes in %llu us",
			   (unsigned long long)v->rate.bytes,
			   (unsigned long long)v->rate.usec);
	}
	free(text);
}

static int vif_probe(struct device *d)
{
	struct vif *v = vif_of(d);
	char *bridge = device_param(d, "bridge");
	const char *what = "name the tap";
	uint64_t mtu = device_param_number(d, "mtu", MTU_DEFAULT);
	int rc = name_tap(v);

	if (mtu < MTU_MIN || mtu > MTU_MAX)
		mtu = MTU_DEFAULT;
	if (!rc)
		rc = tap_open(v->tap_name, bridge && *bridge ? bridge : NULL,
			      (unsigned int)mtu, &what);
	if (rc < 0) {
		device_log(d, "cannot %s: %s, bridge %s: %s", what,
			   v->tap_name, bridge ? bridge : "none",
			   strerror(-rc));
		(void)device_publish(d, "hotplug-error", "cannot %s: %s", what,
				     strerror(-rc));
	} else {
		v->tap = (struct loop_fd){ .fd = rc };
		device_log(d, "tap %s, bridge %s, MTU %u", v->tap_name,
			   bridge ? bridge : "none", (unsigned int)mtu);
		read_rate(v);
		publish(d);
		rc = 0;
	}
	free(bridge);
	return rc;
}

static bool vif_release(struct device *d)
{
	struct vif *v = vif_of(d);

	close(v->tap.fd);
	device_log(d, "tap %s is gone; sent %llu (%llu dropped), received "
		   "%llu (%llu dropped)", v->tap_name,
		   (unsigned long long)v->tx_frames,
		   (unsigned long long)v->tx_dropped,
		   (unsigned long long)v->rx_frames,
		   (unsigned long long)v->rx_dropped);
	return true;
}

/* --- connect: the front end's keys --------------------------------------- */

static int must_have(struct device *d, const char *key, uint64_t min,
		     uint64_t max, uint32_t *number)
{
	uint64_t value;
	int rc = device_front_number(d, key, min, max, &value);

	if (rc) {
		device_log(d, "%s is missing or out of range", key);
		return rc;
	}
	*number = (uint32_t)value;
	return 0;
}

/* A feature that the front end may leave out. */
static bool has(struct device *d, const char *key)
{
	uint64_t value;

	return !device_front_number(d, key, 0, UINT32_MAX, &value) && value;
}

static int read_ports(struct device *d, struct vif_setup *s)
{
	uint64_t any;

	if (device_front_number(d, "event-channel-tx", 1, UINT32_MAX, &any))
		return must_have(d, "event-channel", 1, UINT32_MAX,
				 &s->tx_port);
	s->tx_port = (uint32_t)any;
	return must_have(d, "event-channel-rx", 1, UINT32_MAX, &s->rx_port);
}

static int read_front(struct device *d, struct vif_setup *s)
{
	struct offload_features *f = &s->features;
	uint64_t queues;
	uint32_t one;
	int rc;

	rc = device_front_number(d, "multi-queue-num-queues", 1, 1, &queues);
	if (rc && rc != -ENOENT) {
		device_log(d, "more than one queue was not offered");
		return rc;
	}
	if ((rc = must_have(d, "request-rx-copy", 1, 1, &one)) ||
	    (rc = must_have(d, "tx-ring-ref", 0, UINT32_MAX, &s->tx_ref)) ||
	    (rc = must_have(d, "rx-ring-ref", 0, UINT32_MAX, &s->rx_ref)) ||
	    (rc = read_ports(d, s)))
		return rc;
	s->rx_notify = has(d, "feature-rx-notify");
	f->sg = has(d, "feature-sg");
	f->csum4 = !has(d, "feature-no-csum-offload");
	f->csum6 = has(d, "feature-ipv6-csum-offload");
	/* Segments are cut behind checksums, and do not fit one page. */
	f->gso4 = has(d, "feature-gso-tcpv4") && f->sg && f->csum4;
	f->gso6 = has(d, "feature-gso-tcpv6") && f->sg && f->csum6;
	return 0;
}

static int vif_connect(struct device *d)
{
	struct vif_setup s = { 0 };
	int rc = read_front(d, &s);

	return rc ? rc : vif_open(vif_of(d), &s);
}

static bool vif_disconnect(struct device *d)
{
	vif_close(vif_of(d));
	return true;
}

static const struct bus_ops vifs = {
	.kind = "vane-vif",
	.size = sizeof(struct vif),
	.probe = vif_probe,
	.connect = vif_connect,
	.disconnect = vif_disconnect,
	.release = vif_release,
};

int main(int argc, char **argv)
{
	return serve("vane-netd", "netd", &vifs, argc, argv);
}
