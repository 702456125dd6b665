/*
 * The way of an event: from a sender to the bits in the receiver's memory, and
 * to the vCPU that must look at them. No lock of a whole domain lies on it,
 * only that of the sender's own port (port.h), so senders meet only where the
 * ABI makes them: in the words that they set.
 *
 * 2-level: a port's bit in shared_info, then its word's bit in the vCPU's
 * selector, then the vCPU's upcall byte. Each step is taken only when the one
 * before changed something; a guest undoes them in the other order, and clears
 * before it looks. FIFO: fifo.c, and the upcall byte again.
 */
#include "cpu.h"
#include "lib.h"
#include "port.h"
#include "sched.h"

/*
 * The exchange orders the byte before the look at the mask. Pairs with
 * SCHEDOP_block, which clears the mask before it looks at the byte: one of the
 * two sees the other, and nobody sleeps on an event.
 */
void upcall_raise(struct vcpu *v)
{
	struct vcpu_info *info = v->info;

	if (atomic_xchg(&info->evtchn_upcall_pending, 1))
		return; /* whoever set it brought the vCPU here, too */
	if (v == current || READ_ONCE(info->evtchn_upcall_mask))
		return; /* it looks by itself: leaving, or unmasking */
	vcpu_wake(v);
	vcpu_kick(v);
}

static bool select_word(struct vcpu *v, uint32_t port)
{
	return !bit_test_and_set(&v->info->evtchn_pending_sel, port / 64);
}

void port_raise(struct domain *d, uint32_t port, struct evtchn *ev)
{
	struct shared_info *s = d->shared;
	struct vcpu *v;
	bool up;

	if (d->event.fifo) {
		up = fifo_raise(d, port, ev);
		v = d->vcpu[READ_ONCE(ev->vcpu)];
	} else {
		if (bit_test_and_set(s->evtchn_pending, port))
			return; /* known, and who polls for it was woken */
		v = d->vcpu[READ_ONCE(ev->vcpu)];
		/* A builder may send to a domain that has no vCPU yet. */
		up = v && !bit_test(s->evtchn_mask, port) &&
		     select_word(v, port);
	}
	if (up)
		upcall_raise(v);
	sched_poll_wake(d, port);
}

void port_forget(struct domain *d, uint32_t port, struct evtchn *ev)
{
	if (d->event.fifo)
		fifo_forget(d, port, ev);
	else if (d->shared)
		(void)bit_test_and_clear(d->shared->evtchn_pending, port);
}

long event_send(struct evtchn_send *a)
{
	struct domain *d = current->domain, *far;
	struct evtchn *ev = port_find(d, a->port);
	uint32_t port;
	long rc = 0;

	if (!ev)
		return -EINVAL;

	spin_lock(&ev->lock);
	switch (ev->state) {
	case EVTCHNSTAT_interdomain:
		far = ev->end.domain;
		port = ev->end.port;
		port_raise(far, port, port_of(&far->event, port));
		break;
	case EVTCHNSTAT_ipi:
		port_raise(d, a->port, ev);
		break;
	case EVTCHNSTAT_unbound: /* nobody there yet */
		break;
	default:
		rc = -EINVAL;
	}
	spin_unlock(&ev->lock);
	return rc;
}

long event_unmask(struct evtchn_unmask *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev = port_lock(d, a->port);
	struct vcpu *v;
	bool up;

	if (!ev)
		return -EINVAL;
	v = d->vcpu[ev->vcpu];
	if (d->event.fifo)
		up = fifo_unmask(d, a->port, ev);
	else
		up = bit_test_and_clear(d->shared->evtchn_mask, a->port) &&
		     bit_test(d->shared->evtchn_pending, a->port) &&
		     select_word(v, a->port);
	if (up)
		upcall_raise(v);
	spin_unlock(&ev->lock);
	return 0;
}

int event_pending_port(struct domain *d, uint32_t port)
{
	struct evtchn *ev = port_lock(d, port);
	int rc;

	if (!ev)
		return -EINVAL;
	rc = d->event.fifo ? fifo_is_pending(d, port) :
	     bit_test(d->shared->evtchn_pending, port);
	spin_unlock(&ev->lock);
	return rc;
}

/* @port was read without a lock: it counts only if it is still bound so. */
static void raise_bound(struct domain *d, uint32_t port, uint8_t state,
			uint32_t irq)
{
	struct evtchn *ev = port_lock(d, port); /* 0 never is open */

	if (!ev)
		return;
	if (ev->state == state && ev->end.irq == irq)
		port_raise(d, port, ev);
	spin_unlock(&ev->lock);
}

void virq_raise_vcpu(struct vcpu *v, unsigned int virq)
{
	raise_bound(v->domain, READ_ONCE(v->event.virq_port[virq]),
		    EVTCHNSTAT_virq, virq);
}

/* A global one is bound on vCPU 0, whoever it tells. */
void virq_raise_domain(struct domain *d, unsigned int virq)
{
	struct vcpu *v = domain_vcpu(d, 0);

	if (v)
		virq_raise_vcpu(v, virq);
}

void virq_raise_global(unsigned int virq)
{
	if (dom0)
		virq_raise_domain(dom0, virq);
}

void pirq_raise(struct domain *d, unsigned int pirq)
{
	const uint32_t *ports = READ_ONCE(d->event.pirq_port);

	if (ports && pirq < EVENT_PIRQS)
		raise_bound(d, READ_ONCE(ports[pirq]), EVTCHNSTAT_pirq, pirq);
}

/*
 * Whatever was pending in the place where v's information was before: select
 * every word, and have the vCPU look.
 */
void event_rescan_vcpu(struct vcpu *v)
{
	store_release(&v->info->evtchn_pending_sel, ~0UL);
	upcall_raise(v);
}
