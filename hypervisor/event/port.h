/*
 * Inside event/: the record of a port, where ports are kept, and who may
 * touch what.
 *
 * Three locks, taken in this order:
 *
 *   event_lock   one for the machine: the life of ports (who is open, bound to
 *                what), all of struct event_domain, virq_port[]. Never on the
 *                way of an event.
 *   port's lock  its state and binding, which change only with both held. A
 *                sender holds it: what it found bound stays so meanwhile, and
 *                with it the other end, its domain and its queue.
 *   FIFO's lock  one for each domain: its queues and the array of words.
 *
 * Words in a guest's memory (2-level bits, FIFO words and control blocks) are
 * touched only under the lock of an open port that leads there. So a domain
 * without open ports has nobody in its words, and reset may free them.
 */
#ifndef PV_EVENT_PORT_H
#define PV_EVENT_PORT_H

#include "domain.h"
#include "event.h"
#include "spinlock.h"

/* What a port is bound to, by its state. */
union port_end {
	struct {                /* interdomain: a reference on domain */
		struct domain *domain;
		uint32_t port;
	};
	uint16_t allowed;       /* unbound: who may bind */
	uint32_t irq;           /* virq, pirq */
};

struct evtchn {
	struct spinlock lock;
	uint8_t state;          /* EVTCHNSTAT_*, PORT_RESERVED */
	uint8_t priority;       /* FIFO queue; any time */
	uint16_t vcpu;          /* who is told; any time */
	/* FIFO's lock: its last queue; it was sent before it had a word. */
	uint16_t queue_vcpu;
	uint8_t queue_priority;
	bool early;
	uint8_t open_in_page;   /* of a page's first: open ones in it */
	union port_end end;
};

#define PORT_RESERVED 0xff /* port 0: never anybody's */

static inline bool port_is_open(const struct evtchn *ev)
{
	return ev->state != EVTCHNSTAT_closed && ev->state != PORT_RESERVED;
}

#define PORTS_PER_PAGE (PAGE_SIZE / sizeof(struct evtchn))
#define EVENT_PIRQS 1024

static_assert(PORTS_PER_PAGE == 128, "ports in a page");

extern struct spinlock event_lock;

/* The record stays where it is until the domain ends. */
static inline struct evtchn *port_of(const struct event_domain *e,
				     uint32_t port)
{
	return &e->page[port / PORTS_PER_PAGE][port % PORTS_PER_PAGE];
}

/* The one definition of a valid port: pages are published before the bound. */
static inline struct evtchn *port_find(const struct domain *d, uint32_t port)
{
	if (unlikely(port >= load_acquire(&d->event.valid)))
		return NULL;
	return port_of(&d->event, port);
}

/* The same if it is open, and with its lock, which keeps it so. */
static inline struct evtchn *port_lock(const struct domain *d, uint32_t port)
{
	struct evtchn *ev = port_find(d, port);

	if (!ev)
		return NULL;
	spin_lock(&ev->lock);
	if (port_is_open(ev))
		return ev;
	spin_unlock(&ev->lock);
	return NULL;
}

/*
 * port.c; event_lock held. port_open(): the lowest free port becomes what @as
 * says in state, vcpu and end. -ENOSPC, -ENOMEM, -ESRCH (the domain is dying).
 * port_close() needs an open port.
 */
must_check int port_open(struct domain *d, uint32_t *port,
			 const struct evtchn *as);
void port_close(struct domain *d, uint32_t port, struct evtchn *ev);

/* deliver.c: an event for port @ev of @d, which is open and kept so. */
void port_raise(struct domain *d, uint32_t port, struct evtchn *ev);
/* Marks v's upcall and brings it to look. */
void upcall_raise(struct vcpu *v);
/* Forgets that it was pending: it is being closed. Port's lock held. */
void port_forget(struct domain *d, uint32_t port, struct evtchn *ev);

/*
 * fifo.c. Raise and unmask: true when the port's vCPU needs an upcall. Caller
 * keeps an open port that leads here.
 */
bool fifo_raise(struct domain *d, uint32_t port, struct evtchn *ev);
bool fifo_unmask(struct domain *d, uint32_t port, struct evtchn *ev);
void fifo_forget(struct domain *d, uint32_t port, struct evtchn *ev);
bool fifo_is_pending(struct domain *d, uint32_t port);
/* Back to 2-level; event_lock held, no port open. */
void fifo_destroy(struct domain *d);

/*
 * The sub-operations: event_NAME(struct evtchn_NAME *), for current's domain
 * (bind.c, port.c, deliver.c, fifo.c). BACK: the argument goes back to the
 * caller. LOCKED: called with event_lock held.
 */
enum { BACK = 1, LOCKED = 2 };

#define EVENT_OPS(OP) \
	OP(bind_interdomain, BACK | LOCKED) \
	OP(bind_virq, BACK | LOCKED) \
	OP(bind_pirq, BACK | LOCKED) \
	OP(close, LOCKED) \
	OP(send, 0) \
	OP(status, BACK | LOCKED) \
	OP(alloc_unbound, BACK | LOCKED) \
	OP(bind_ipi, BACK | LOCKED) \
	OP(bind_vcpu, LOCKED) \
	OP(unmask, 0) \
	OP(reset, 0) \
	OP(init_control, BACK) \
	OP(expand_array, 0) \
	OP(set_priority, LOCKED)

#define PROTOTYPE(op, flags) long event_##op(struct evtchn_##op *a);
EVENT_OPS(PROTOTYPE)
#undef PROTOTYPE

#endif
