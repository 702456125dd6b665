/*
 * Inside event/: the record of a port, where ports are kept, and who may
 * touch what.
 *
 * Three locks, taken in this order:
 *
 *   event_lock   one for the machine: the life of ports (who is open, bound to
 *                what), all of struct event_state, virq_port[]. Never on the
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

#include <xen/event_channel.h>

#include "domain.h"
#include "event.h"
#include "spinlock.h"

#include <xen/event_channel.h>

struct evtchn {
	struct spinlock lock;
	uint8_t state;          /* EVTCHNSTAT_*, PORT_RESERVED */
	uint8_t priority;       /* FIFO queue; any time */
	uint16_t vcpu;          /* who is told; any time */
	/* FIFO's lock: its last queue; it was sent before it had a word. */
	uint16_t queue_vcpu;
	uint8_t queue_priority;
	bool early;
	union {
		struct {        /* interdomain: a reference on domain */
			struct domain *domain;
			uint32_t port;
		} remote;
		uint16_t allowed; /* unbound: who may bind */
		uint32_t pirq;
		uint32_t virq;
	};
};

#define PORT_RESERVED 0xff /* port 0: never anybody's */

static inline bool port_is_open(const struct evtchn *ev)
{
	return ev->state != EVTCHNSTAT_closed && ev->state != PORT_RESERVED;
}

#define PORTS_PER_BUCKET (PAGE_SIZE / sizeof(struct evtchn))
#define BUCKETS_PER_GROUP 32
#define PORTS_PER_GROUP (BUCKETS_PER_GROUP * PORTS_PER_BUCKET)
#define PORT_GROUPS (EVTCHN_FIFO_NR_CHANNELS / PORTS_PER_GROUP)

static_assert(PORTS_PER_BUCKET == 128, "ports in a page");

struct port_group {
	struct evtchn *bucket[BUCKETS_PER_GROUP];
	uint8_t used[BUCKETS_PER_GROUP]; /* open ports in it */
};

#define EVENT_PIRQS 1024

struct event_state {
	uint32_t valid;         /* ports below it have a record; only grows */
	uint32_t max_ports;
	uint32_t first_free;    /* none below it is free */
	uint32_t open;
	struct port_group *group[PORT_GROUPS];
	struct event_fifo *fifo; /* NULL: 2-level */
	uint32_t *pirq_port;    /* [EVENT_PIRQS], 0: none */
};

extern struct spinlock event_lock;

/*
 * The one definition of a valid port. The record stays where it is until the
 * domain ends; groups and buckets are published before the bound.
 */
static inline struct evtchn *port_find(const struct domain *d, uint32_t port)
{
	const struct event_state *s = d->event.state;

	if (unlikely(!s || port >= load_acquire(&s->valid)))
		return NULL;
	return &s->group[port / PORTS_PER_GROUP]
		->bucket[port / PORTS_PER_BUCKET % BUCKETS_PER_GROUP]
			[port % PORTS_PER_BUCKET];
}

/*
 * port.c; event_lock held. port_alloc(): the lowest free port, still closed:
 * the caller sets its binding and then calls port_open(). -ENOSPC, -ENOMEM,
 * -ESRCH (the domain is dying). port_close() needs an open port; domains whose
 * references end go to @drop, for port_drop() without locks.
 */
must_check int port_alloc(struct domain *d, uint32_t *port,
			  struct evtchn **ev);
void port_open(struct domain *d, uint32_t port, struct evtchn *ev,
	       uint8_t state);
void port_close(struct domain *d, uint32_t port, struct evtchn *ev,
		struct domain *drop[2]);
void port_drop(struct domain *drop[2]);
long port_reset(struct domain *d);

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
/*
 * Back to 2-level. Takes event_lock: 0, or -EAGAIN when a port is open; then
 * frees without locks.
 */
must_check int fifo_destroy(struct domain *d);

/* One for each sub-operation (bind.c, deliver.c, fifo.c); current's domain. */
long event_alloc_unbound(struct evtchn_alloc_unbound *a);
long event_bind_interdomain(struct evtchn_bind_interdomain *a);
long event_bind_virq(struct evtchn_bind_virq *a);
long event_bind_pirq(struct evtchn_bind_pirq *a);
long event_bind_ipi(struct evtchn_bind_ipi *a);
long event_close(struct evtchn_close *a);
long event_send(struct evtchn_send *a);
long event_status(struct evtchn_status *a);
long event_bind_vcpu(struct evtchn_bind_vcpu *a);
long event_unmask(struct evtchn_unmask *a);
long event_reset(struct evtchn_reset *a);
long event_init_control(struct evtchn_init_control *a);
long event_expand_array(struct evtchn_expand_array *a);
long event_set_priority(struct evtchn_set_priority *a);

/* The vCPU of that number, NULL when there is none. */
static inline struct vcpu *event_vcpu(const struct domain *d, uint32_t id)
{
	return id < d->max_vcpus ? READ_ONCE(d->vcpu[id]) : NULL;
}

#endif
