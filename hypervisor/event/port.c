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

#define PORTS_PREPARED 512 /* of a domain that will serve many others */

struct spinlock event_lock = SPINLOCK(RANK_EVENT);

static uint32_t port_limit(const struct event_domain *e)
{
	uint32_t abi = e->fifo ? EVTCHN_FIFO_NR_CHANNELS :
		       EVTCHN_2L_NR_CHANNELS;

	return min(abi, e->max_ports);
}

/* Another page of records; event_lock held. */
static int add_page(struct event_domain *e)
{
	struct evtchn *p = hv_alloc_pages(0, FRAME_ZERO);
	unsigned int i;

	if (!p)
		return -ENOMEM;
	for (i = 0; i < PORTS_PER_PAGE; i++)
		spin_init(&p[i].lock, RANK_EVENT_PORT);
	e->page[e->valid / PORTS_PER_PAGE] = p;
	/* pairs with the load in port_find(): record before bound */
	store_release(&e->valid, e->valid + (uint32_t)PORTS_PER_PAGE);
	return 0;
}

static uint8_t *open_in_page(struct event_domain *e, uint32_t port)
{
	return &e->page[port / PORTS_PER_PAGE]->open_in_page;
}

/* The lowest one that is closed; event_lock held. */
static int find_free(struct event_domain *e, uint32_t *port)
{
	uint32_t p;
	int rc;

	for (p = e->first_free; p < port_limit(e); p++) {
		if (p >= e->valid) {
			rc = add_page(e);
			if (rc)
				return rc;
		}
		if (*open_in_page(e, p) == PORTS_PER_PAGE) {
			p |= PORTS_PER_PAGE - 1;
		} else if (port_of(e, p)->state == EVTCHNSTAT_closed) {
			*port = p;
			return 0;
		}
	}
	e->first_free = p;
	return -ENOSPC;
}

int port_open(struct domain *d, uint32_t *port, const struct evtchn *as)
{
	struct event_domain *e = &d->event;
	struct evtchn *ev;
	int rc;

	if (domain_is_dying(d))
		return -ESRCH;
	rc = find_free(e, port);
	if (rc)
		return rc;
	e->first_free = *port + 1;
	e->open++;
	++*open_in_page(e, *port);
	ev = port_of(e, *port);
	spin_lock(&ev->lock);
	ev->priority = EVTCHN_FIFO_PRIORITY_DEFAULT;
	ev->vcpu = as->vcpu;
	ev->end = as->end;
	ev->state = as->state;
	spin_unlock(&ev->lock);
	return 0;
}

int event_init_domain(struct domain *d, unsigned int max_port)
{
	struct event_domain *e = &d->event;
	int rc;

	e->max_ports = min(max_port, EVTCHN_FIFO_NR_CHANNELS - 1u) + 1;
	e->page = hv_alloc(DIV_ROUND_UP(e->max_ports, PORTS_PER_PAGE) *
			   sizeof(*e->page));
	if (!e->page)
		return -ENOMEM;
	do {
		rc = add_page(e);
	} while (!rc && d->privileged && e->valid < PORTS_PREPARED);
	if (!rc) {
		port_of(e, 0)->state = PORT_RESERVED;
		++*open_in_page(e, 0);
	}
	return rc;
}

/* The far end waits for a new partner: the domain that left. */
static void leave_partner(struct domain *d, struct evtchn *ev)
{
	struct domain *far = ev->end.domain;
	struct evtchn *far_ev = port_find(far, ev->end.port);

	spin_lock(&far_ev->lock);
	far_ev->state = EVTCHNSTAT_unbound;
	far_ev->end.allowed = d->id;
	spin_unlock(&far_ev->lock);
	domain_put(d); /* the far end's */
	domain_put(far);
}

void port_close(struct domain *d, uint32_t port, struct evtchn *ev)
{
	struct event_domain *e = &d->event;
	struct vcpu *v;

	switch (ev->state) {
	case EVTCHNSTAT_interdomain:
		leave_partner(d, ev);
		break;
	case EVTCHNSTAT_virq:
		v = domain_vcpu(d, ev->vcpu);
		if (v->event.virq_port[ev->end.irq] != port)
			v = domain_vcpu(d, 0); /* a global one that moved */
		WRITE_ONCE(v->event.virq_port[ev->end.irq], 0);
		break;
	case EVTCHNSTAT_pirq:
		pirq_unbind(d, ev->end.irq);
		WRITE_ONCE(e->pirq_port[ev->end.irq], 0);
		break;
	}

	spin_lock(&ev->lock);
	port_forget(d, port, ev);
	ev->state = EVTCHNSTAT_closed;
	ev->vcpu = 0;
	spin_unlock(&ev->lock);

	--*open_in_page(e, port);
	e->open--;
	e->first_free = min(e->first_free, port);
}

/*
 * Closes all that are open, until there is no higher number: it was the last,
 * or the reaper has just taken them all. -EINTR as from preempt_point().
 */
static int close_all(struct domain *d)
{
	struct evtchn *ev;
	uint32_t port = 0;
	int rc = 0;

	do {
		spin_lock(&event_lock);
		ev = port_find(d, ++port);
		if (ev && port_is_open(ev))
			port_close(d, port, ev);
		spin_unlock(&event_lock);
		if (port % 64 == 0)
			rc = preempt_point();
	} while (ev && !rc);
	return rc;
}

long event_reset(struct evtchn_reset *a)
{
	struct domain *d;
	long rc;

	rc = domain_get_target(a->dom, &d);
	if (rc)
		return rc;
	rc = close_all(d);
	if (!rc && d == current->domain) {
		spin_guard(&event_lock);
		if (d->event.open)
			rc = -EAGAIN;
		else
			fifo_destroy(d);
	}
	domain_put(d);
	return rc;
}

/*
 * The domain is dying: nothing opens any more (port_open() refuses), its vCPUs
 * and timers have stopped. The bound falls under the lock: whoever looks at
 * another domain's ports holds it.
 */
void event_destroy_domain(struct domain *d)
{
	struct event_domain *e = &d->event;
	uint32_t pages = e->valid / PORTS_PER_PAGE;

	(void)close_all(d); /* the reaper's own domain never dies */
	spin_lock(&event_lock);
	assert(e->open == 0);
	fifo_destroy(d);
	e->valid = 0;
	spin_unlock(&event_lock);
	while (pages > 0)
		hv_free_pages(e->page[--pages], 0);
	hv_free(e->page);
	hv_free(e->pirq_port);
}
