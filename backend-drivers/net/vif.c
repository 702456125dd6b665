/*
 * See vif.h. Events come down to pieces of work: send what a transmit ring
 * holds, receive what the tap holds, answer the control ring.
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

/* --- work ------------------------------------------------------------------ */

static void run_transmit(struct loop_work *w)
{
	struct vif_queue *q = container_of(w, struct vif_queue, transmit);
	const char *why;
	int rc = vif_transmit(q, &why);

	if (rc < 0)
		served_stop("queue %u, transmit: %s",
			    (unsigned int)(q - q->vif->queue), why);
	else if (rc)
		loop_work_add(w);
	else if (!q->again.armed)
		port_ready(&q->tx_port);
}

static void look_again(struct loop_timer *t)
{
	loop_work_add(&container_of(t, struct vif_queue, again)->transmit);
}

static void run_receive(struct loop_work *w)
{
	struct vif *v = container_of(w, struct vif, receive);
	const char *why;
	int rc = vif_receive(v, &why);

	if (rc < 0) {
		served_stop("%s", why);
		return;
	}
	if (rc) {
		loop_work_add(w);
		return;
	}
	for (unsigned int i = 0; i < v->queues; i++)
		port_ready(&v->queue[i].rx_port);
}

static void run_control(struct loop_work *w)
{
	struct vif *v = container_of(w, struct vif, control.work);
	const char *why;
	int rc = control_serve(v, &why);

	if (rc < 0)
		served_stop("%s", why);
	else if (rc)
		loop_work_add(w);
	else
		port_ready(&v->control.port);
}

/* --- events ---------------------------------------------------------------- */

static void tx_fired(struct port *p)
{
	struct vif_queue *q = container_of(p, struct vif_queue, tx_port);

	loop_work_add(&q->transmit);
	if (!q->rx_port.local)		/* one port for both */
		loop_work_add(&q->vif->receive);
}

static void rx_fired(struct port *p)
{
	struct vif_queue *q = container_of(p, struct vif_queue, rx_port);

	loop_work_add(&q->vif->receive);
}

static void control_fired(struct port *p)
{
	loop_work_add(&container_of(p, struct vif, control.port)->control.work);
}

static void tap_ready(struct loop_fd *f, uint32_t events)
{
	(void)events;
	loop_work_add(&container_of(f, struct vif, tap)->receive);
}

static void may_send_again(struct loop_timer *t)
{
	struct vif *v = container_of(t, struct vif, pause);

	for (unsigned int i = 0; i < v->queues; i++)
		loop_work_add(&v->queue[i].transmit);
}

static void poll_again(struct loop_timer *t)
{
	loop_work_add(&container_of(t, struct vif, poll)->receive);
}

/* --- opening and closing ----------------------------------------------------- */

static int open_ring(struct vif *v, uint32_t ref, struct grant_map *map,
		     struct ring *ring, uint32_t stride,
		     struct ring_journal *journal)
{
	int rc = grant_map(map, v->served.dev.domid, &ref, 1);

	if (!rc)
		rc = ring_attach(ring, map->addr, 1, stride);
	return rc ? rc : ring_keep(ring, journal);
}

static int open_rings(struct vif *v, const struct vif_setup *s)
{
	struct memory *m = v->memory;
	int rc = 0;

	for (unsigned int i = 0; !rc && i < v->queues; i++) {
		const struct queue_setup *qs = &s->queue[i];
		struct vif_queue *q = &v->queue[i];

		rc = open_ring(v, qs->tx_ref, &q->tx_map, &q->tx,
			       sizeof(struct netif_tx_request), &m->tx[i]);
		if (!rc)
			rc = open_ring(v, qs->rx_ref, &q->rx_map, &q->rx,
				       sizeof(struct netif_rx_request),
				       &m->rx[i]);
	}
	if (!rc && s->control_port)
		rc = open_ring(v, s->control_ref, &v->control.map,
			       &v->control.ring,
			       sizeof(struct xen_netif_ctrl_request),
			       &m->control);
	return rc;
}

static int bind_ports(struct vif *v, const struct vif_setup *s)
{
	int rc = 0;

	for (unsigned int i = 0; !rc && i < v->queues; i++) {
		const struct queue_setup *qs = &s->queue[i];
		struct vif_queue *q = &v->queue[i];

		rc = port_bind(&q->tx_port, v->served.dev.domid, qs->tx_port);
		if (!rc && qs->rx_port)
			rc = port_bind(&q->rx_port, v->served.dev.domid,
				       qs->rx_port);
	}
	if (!rc && s->control_port)
		rc = port_bind(&v->control.port, v->served.dev.domid,
			       s->control_port);
	return rc;
}

static void set_callbacks(struct vif *v)
{
	v->receive.run = run_receive;
	v->control.work.run = run_control;
	v->control.port.fired = control_fired;
	v->poll.run = poll_again;
	v->pause.run = may_send_again;
	v->tap.ready = tap_ready;
	v->tap.events = EPOLLIN;
	for (unsigned int i = 0; i < v->queues; i++) {
		struct vif_queue *q = &v->queue[i];

		q->vif = v;
		q->transmit.run = run_transmit;
		q->again.run = look_again;
		q->tx_port.fired = tx_fired;
		q->rx_port.fired = rx_fired;
	}
}

/* Our predecessor may have died between its last answers and their event. */
static void tell_of_answers(struct vif *v)
{
	for (unsigned int i = 0; i < v->queues; i++) {
		port_notify(&v->queue[i].tx_port);
		port_notify(&v->queue[i].rx_port);
	}
	port_notify(&v->control.port);
}

int vif_open(struct vif *v, const struct vif_setup *setup)
{
	const char *what = "map the rings";
	int rc;

	v->features = setup->features;
	v->rx_notify = setup->rx_notify;
	v->groups = setup->groups;
	v->queues = setup->queues;
	set_callbacks(v);
	rc = open_rings(v, setup);
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
	rc = loop_fd_add(&v->tap);
	if (rc)
		goto out;
	tell_of_answers(v);
	(void)tap_set_carrier(v->tap.fd, true); /* worst: it looks down */
	if (v->has_mac)
		announce_begin(&v->announce, v->tap.fd, v->mac);
	return 0;
out:
	device_log(&v->served.dev, "cannot %s: %s", what, strerror(-rc));
	vif_close(v);
	return rc;
}

static void queue_close(struct vif_queue *q)
{
	loop_work_remove(&q->transmit);
	loop_timer_remove(&q->again);
	port_unbind(&q->tx_port);
	port_unbind(&q->rx_port);
	grant_unmap(&q->tx_map);
	grant_unmap(&q->rx_map);
}

void vif_close(struct vif *v)
{
	announce_end(&v->announce);
	loop_work_remove(&v->receive);
	loop_timer_remove(&v->poll);
	loop_timer_remove(&v->pause);
	loop_fd_remove(&v->tap);
	for (unsigned int i = 0; i < v->queues; i++)
		queue_close(&v->queue[i]);
	loop_work_remove(&v->control.work);
	port_unbind(&v->control.port);
	grant_unmap(&v->control.map);
	free(v->held);
	v->held = NULL;
	(void)tap_set_carrier(v->tap.fd, false); /* worst: it looks up */
}
