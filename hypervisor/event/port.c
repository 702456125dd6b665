/*
 * Ports: where their records lie, and how they come and go. A domain's ports
 * are numbered from 1; the lowest free number is the next one given. Records
 * lie in pages of 128, made when first needed and kept until the domain ends,
 * so that a number that was valid stays valid.
 */
#include "frame.h"
#include "irq.h"
#include "lib.h"
#include "port.h"
#include "sched.h"

struct spinlock event_lock = SPINLOCK(RANK_EVENT);

void event_init_vcpu(struct vcpu *v)
{
	memset(&v->event, 0, sizeof(v->event));
}

static uint32_t port_limit(const struct event_state *s)
{
	uint32_t abi = s->fifo ? EVTCHN_FIFO_NR_CHANNELS :
		       EVTCHN_2L_NR_CHANNELS;

	return min(abi, s->max_ports);
}

/* A bucket of records behind the last one. */
static int add_bucket(struct event_state *s)
{
	struct port_group **g = &s->group[s->valid / PORTS_PER_GROUP];
	struct evtchn *b;
	unsigned int i;

	if (!*g) {
		*g = hv_alloc(sizeof(**g));
		if (!*g)
			return -ENOMEM;
	}
	b = hv_alloc_pages(0, FRAME_ZERO);
	if (!b)
		return -ENOMEM;
	for (i = 0; i < PORTS_PER_BUCKET; i++)
		spin_init(&b[i].lock, RANK_EVENT_PORT);
	(*g)->bucket[s->valid / PORTS_PER_BUCKET % BUCKETS_PER_GROUP] = b;
	/* pairs with the load in port_find(): record before bound */
	store_release(&s->valid, s->valid + (uint32_t)PORTS_PER_BUCKET);
	return 0;
}

static uint8_t *bucket_used(struct event_state *s, uint32_t port)
{
	return &s->group[port / PORTS_PER_GROUP]
		->used[port / PORTS_PER_BUCKET % BUCKETS_PER_GROUP];
}

int port_alloc(struct domain *d, uint32_t *port, struct evtchn **ev)
{
	struct event_state *s = d->event.state;
	uint32_t p;
	int rc;

	/* Port 0 is made while the domain, not yet complete, looks dying. */
	if (!s || (s->valid && domain_is_dying(d)))
		return -ESRCH;
	for (p = s->first_free; p < port_limit(s); p++) {
		if (p >= s->valid) {
			rc = add_bucket(s);
			if (rc)
				return rc;
		}
		if (*bucket_used(s, p) == PORTS_PER_BUCKET) {
			p |= PORTS_PER_BUCKET - 1;
			continue;
		}
		*ev = port_find(d, p);
		if ((*ev)->state == EVTCHNSTAT_closed) {
			s->first_free = p;
			*port = p;
			return 0;
		}
	}
	s->first_free = p;
	return -ENOSPC;
}

void port_open(struct domain *d, uint32_t port, struct evtchn *ev,
	       uint8_t state)
{
	struct event_state *s = d->event.state;

	ev->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	++*bucket_used(s, port);
	s->open++;
	s->first_free = port + 1;

	spin_lock(&ev->lock);
	ev->state = state;
	spin_unlock(&ev->lock);
}

#define PORTS_PREPARED 512 /* of a domain that will serve many others */

int event_init_domain(struct domain *d, unsigned int max_port)
{
	struct event_state *s = hv_alloc(sizeof(*s));
	struct evtchn *ev;
	uint32_t port;
	int rc;

	if (!s)
		return -ENOMEM;
	s->max_ports = min(max_port, EVTCHN_FIFO_NR_CHANNELS - 1u) + 1;
	d->event.state = s;

	spin_lock(&event_lock);
	rc = port_alloc(d, &port, &ev); /* port 0 */
	if (!rc) {
		port_open(d, port, ev, PORT_RESERVED);
		s->open = 0;
	}
	while (!rc && d->privileged && s->valid < PORTS_PREPARED)
		rc = add_bucket(s);
	spin_unlock(&event_lock);
	return rc;
}

/* The far end waits for a new partner: the domain that left. */
static void leave_partner(struct domain *d, struct evtchn *ev,
			  struct domain *drop[2])
{
	struct domain *far = ev->remote.domain;
	struct evtchn *far_ev = port_find(far, ev->remote.port);

	spin_lock(&far_ev->lock);
	drop[0] = far_ev->remote.domain;
	far_ev->state = EVTCHNSTAT_unbound;
	far_ev->allowed = d->id;
	spin_unlock(&far_ev->lock);
	drop[1] = far;
}

void port_close(struct domain *d, uint32_t port, struct evtchn *ev,
		struct domain *drop[2])
{
	struct event_state *s = d->event.state;
	struct vcpu *v;

	drop[0] = drop[1] = NULL;
	switch (ev->state) {
	case EVTCHNSTAT_interdomain:
		leave_partner(d, ev, drop);
		break;
	case EVTCHNSTAT_virq:
		v = event_vcpu(d, ev->vcpu);
		if (v->event.virq_port[ev->virq] != port)
			v = event_vcpu(d, 0); /* a global one that moved */
		WRITE_ONCE(v->event.virq_port[ev->virq], 0);
		break;
	case EVTCHNSTAT_pirq:
		pirq_unbind(d, ev->pirq);
		WRITE_ONCE(s->pirq_port[ev->pirq], 0);
		break;
	}

	spin_lock(&ev->lock);
	port_forget(d, port, ev);
	ev->state = EVTCHNSTAT_closed;
	ev->vcpu = 0;
	spin_unlock(&ev->lock);

	--*bucket_used(s, port);
	s->open--;
	s->first_free = min(s->first_free, port);
}

void port_drop(struct domain *drop[2])
{
	if (drop[0])
		domain_put(drop[0]);
	if (drop[1])
		domain_put(drop[1]);
}

/*
 * Closes @port if it is open; a step of the loops below. False: no such port,
 * for the domain has no higher one, or has just lost them all to the reaper.
 */
static bool close_one(struct domain *d, uint32_t port)
{
	struct domain *drop[2] = { NULL, NULL };
	struct evtchn *ev;

	spin_lock(&event_lock);
	ev = port_find(d, port);
	if (ev && port_is_open(ev))
		port_close(d, port, ev, drop);
	spin_unlock(&event_lock);
	port_drop(drop);
	return ev != NULL;
}

long port_reset(struct domain *d)
{
	uint32_t port;
	int rc;

	for (port = 1; close_one(d, port); port++) {
		if (port % 64 == 0) {
			rc = preempt_point();
			if (rc)
				return rc;
		}
	}
	return d == current->domain ? fifo_destroy(d) : 0;
}

static void free_state(struct event_state *s)
{
	unsigned int g, b;

	for (g = 0; g < PORT_GROUPS && s->group[g]; g++) {
		for (b = 0; b < BUCKETS_PER_GROUP; b++)
			if (s->group[g]->bucket[b])
				hv_free_pages(s->group[g]->bucket[b], 0);
		hv_free(s->group[g]);
	}
	hv_free(s->pirq_port);
	hv_free(s);
}

/*
 * The domain is dying: nothing opens any more (port_alloc() refuses), its
 * vCPUs and timers have stopped. The state goes under the lock: whoever looks
 * at another domain's ports holds it.
 */
void event_destroy_domain(struct domain *d)
{
	struct event_state *s = d->event.state;
	uint32_t port;

	if (!s)
		return;
	for (port = 1; close_one(d, port); port++)
		if (port % 64 == 0)
			preempt_yield();
	if (fifo_destroy(d))
		panic("d%u: a port opened while it was being torn down", d->id);
	spin_lock(&event_lock);
	d->event.state = NULL;
	spin_unlock(&event_lock);
	free_state(s);
}
