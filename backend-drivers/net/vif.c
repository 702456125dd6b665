/*
 * See vif.h. Every event, of either port or of the tap, comes down to the
 * same piece of work: move what can be moved in both directions.
 */
#include "backend-drivers/net/vif.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/base/log.h"
#include "backend-drivers/net/tap.h"

static void run(struct loop_work *w)
{
	struct vif *v = container_of(w, struct vif, work);
	const char *why;
	int tx, rx = 0;

	tx = vif_transmit(v, &why);
	if (tx >= 0)
		rx = vif_receive(v, &why);
	if (tx < 0 || rx < 0) {
		device_stop(&v->dev, "%s", why);
		return;
	}
	if (tx || rx) {
		loop_work_add(w);
		return;
	}
	port_ready(&v->tx_port);
	port_ready(&v->rx_port);
}

static void tx_fired(struct port *p)
{
	loop_work_add(&container_of(p, struct vif, tx_port)->work);
}

static void rx_fired(struct port *p)
{
	loop_work_add(&container_of(p, struct vif, rx_port)->work);
}

static void tap_ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	loop_work_add(&container_of(f, struct vif, tap)->work);
}

static void may_send_again(struct loop_timer *t)
{
	loop_work_add(&container_of(t, struct vif, pause)->work);
}

static void poll_again(struct loop_timer *t)
{
	loop_work_add(&container_of(t, struct vif, poll)->work);
}

static int map_rings(struct vif *v, const struct vif_setup *s)
{
	int rc;

	rc = grant_map(&v->tx_map, v->dev.domid, &s->tx_ref, 1);
	if (!rc)
		rc = grant_map(&v->rx_map, v->dev.domid, &s->rx_ref, 1);
	if (!rc)
		rc = ring_attach(&v->tx, v->tx_map.addr, 1,
				 sizeof(struct netif_tx_request));
	if (!rc)
		rc = ring_attach(&v->rx, v->rx_map.addr, 1,
				 sizeof(struct netif_rx_request));
	return rc;
}

static int bind_ports(struct vif *v, const struct vif_setup *s)
{
	int rc;

	v->tx_port.fired = tx_fired;
	v->rx_port.fired = rx_fired;
	rc = port_bind(&v->tx_port, v->dev.domid, s->tx_port);
	if (!rc && s->rx_port)
		rc = port_bind(&v->rx_port, v->dev.domid, s->rx_port);
	return rc;
}

int vif_open(struct vif *v, const struct vif_setup *setup)
{
	const char *what = "map the rings";
	int rc;

	v->work.run = run;
	v->poll.run = poll_again;
	v->pause.run = may_send_again;
	v->features = setup->features;
	v->rx_notify = setup->rx_notify;
	rc = map_rings(v, setup);
	if (rc)
		goto out;
	what = "set the tap's features";
	rc = tap_set_features(v->tap.fd, &v->features);
	if (rc)
		goto out;
	what = "bind the event channels";
	rc = bind_ports(v, setup);
	if (rc)
		goto out;
	what = "watch the tap";
	v->tap.ready = tap_ready;
	v->tap.events = EPOLLIN;
	rc = loop_fd_add(&v->tap);
	if (rc)
		goto out;
	(void)tap_set_carrier(v->tap.fd, true); /* worst: it looks down */
	return 0;
out:
	device_log(&v->dev, "cannot %s: %s", what, strerror(-rc));
	vif_close(v);
	return rc;
}

void vif_close(struct vif *v)
{
	loop_work_remove(&v->work);
	loop_timer_remove(&v->poll);
	loop_timer_remove(&v->pause);
	loop_fd_remove(&v->tap);
	port_unbind(&v->tx_port);
	port_unbind(&v->rx_port);
	grant_unmap(&v->tx_map);
	grant_unmap(&v->rx_map);
	free(v->held);
	v->held = NULL;
	(void)tap_set_carrier(v->tap.fd, false); /* worst: it looks up */
}
