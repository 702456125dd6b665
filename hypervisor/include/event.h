/* Event channels: ports, 2-level and FIFO delivery, VIRQs (event/). */
#ifndef PV_EVENT_H
#define PV_EVENT_H

#include <xen/event_channel.h>

#include "types.h"

struct domain;
struct vcpu;

#define EVTCHN_VIRQS 24

struct event_vcpu {
	uint32_t virq_port[EVTCHN_VIRQS]; /* 0: none; event_lock */
	/* event/fifo.c: its queues. NULL: none; typed writable */
	struct evtchn_fifo_control_block *block;
	uint32_t tail[EVTCHN_FIFO_MAX_QUEUES]; /* 0: none */
};

/* event_lock (event/port.c). */
struct event_domain {
	uint32_t valid;         /* ports below it have a record; only grows */
	uint32_t max_ports;
	uint32_t first_free;    /* none below it is free */
	uint32_t open;
	struct evtchn **page;   /* records: [valid / PORTS_PER_PAGE] */
	struct event_fifo *fifo; /* NULL: 2-level */
	uint32_t *pirq_port;    /* [EVENT_PIRQS], 0: none */
};

must_check int event_init_domain(struct domain *d, unsigned int max_port);
/* Closes every port; passes preemption points; frees at the end. */
void event_destroy_domain(struct domain *d);

/* Raise: any context with interrupts off; nothing when not bound. */
void virq_raise_vcpu(struct vcpu *v, unsigned int virq);
void virq_raise_domain(struct domain *d, unsigned int virq);
void virq_raise_global(unsigned int virq); /* whoever bound it */

/*
 * For SCHEDOP_poll, the domain's own vCPUs: 1 when the port is pending, masked
 * or not, else 0; -EINVAL: no such port is open.
 */
int event_pending_port(struct domain *d, uint32_t port);

/* Physical interrupts (event/pirq.c <-> cpu/irq.c). */
void pirq_raise(struct domain *d, unsigned int pirq);

/* All upcall state of v after it registered a vcpu_info of its own. */
void event_rescan_vcpu(struct vcpu *v);

#endif
