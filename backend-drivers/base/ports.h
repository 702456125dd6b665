/*
 * Event channels in the event loop: one descriptor of /dev/xen/evtchn, and a
 * callback per port.
 *
 * A port that fired stays masked until its owner calls port_ready(): a guest
 * that sends events without end costs us one callback per piece of work that
 * we chose to do.
 */
#ifndef BACKEND_BASE_PORTS_H
#define BACKEND_BASE_PORTS_H

#include <stdbool.h>
#include <stdint.h>

struct port {
	uint32_t local;			/* our port number; 0: not bound */
	bool masked;			/* fired, and not ready again */
	void (*fired)(struct port *);
	struct port *next;		/* in its hash bucket */
};

/** Opens the node and joins the loop. Returns 0 or -errno. */
int ports_init(void);

/** From here on only ports of @domid can be bound. Returns 0 or -errno. */
int ports_restrict(uint32_t domid);

/**
 * Connects @p, whose callback is set, to port @remote of @domid. The port
 * fires once at once. Returns 0 or -errno.
 */
int port_bind(struct port *p, uint32_t domid, uint32_t remote);

/** Lets go; nothing happens if @p is not bound. */
void port_unbind(struct port *p);

/** Lets the port fire again, if it has fired. */
void port_ready(struct port *p);

/** Sends an event to the other side. */
void port_notify(struct port *p);

#endif
