/*
 * Binding ports: to another domain's port, a virtual or a physical interrupt,
 * or to a vCPU of one's own. Every function here is one sub-operation of
 * event_channel_op, with event_lock held: it checks, then acts, and leaves
 * nothing behind when it fails. Meanings: event_channel.h of the ABI.
 */
#include "cpu.h"
#include "frame.h"
#include "irq.h"
#include "port.h"

long event_alloc_unbound(struct evtchn_alloc_unbound *a)
{
	struct evtchn as = { .state = EVTCHNSTAT_unbound };
	struct domain *d;
	int rc;

	rc = domain_get_target(a->dom, &d);
	if (rc)
		return rc;
	as.end.allowed = a->remote_dom == DOMID_SELF ? current->domain->id :
			 a->remote_dom;
	rc = port_open(d, &a->port, &as);
	domain_put(d);
	return rc;
}

long event_bind_interdomain(struct evtchn_bind_interdomain *a)
{
	struct domain *d = current->domain, *far = domain_get(a->remote_dom);
	struct evtchn *ev, *far_ev, as = {
		.state = EVTCHNSTAT_interdomain,
		.end = { .domain = far, .port = a->remote_port },
	};
	int rc;

	if (!far)
		return -ESRCH;
	far_ev = port_find(far, a->remote_port);
	if (domain_is_dying(far))
		rc = -ESRCH;
	else if (!far_ev || far_ev->state != EVTCHNSTAT_unbound ||
		 far_ev->end.allowed != d->id)
		rc = -EINVAL;
	else
		rc = port_open(d, &a->local_port, &as);
	if (rc) {
		domain_put(far);
		return rc;
	}

	(void)atomic_add(&d->refs, 1); /* the far end's */
	spin_lock(&far_ev->lock);
	far_ev->end.domain = d;
	far_ev->end.port = a->local_port;
	far_ev->state = EVTCHNSTAT_interdomain;
	spin_unlock(&far_ev->lock);

	/* what the far end sent before it was bound was dropped */
	ev = port_lock(d, a->local_port);
	port_raise(d, a->local_port, ev);
	spin_unlock(&ev->lock);
	return 0;
}

static bool virq_is_per_vcpu(uint32_t virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG ||
	       virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

long event_bind_virq(struct evtchn_bind_virq *a)
{
	const struct evtchn as = {
		.state = EVTCHNSTAT_virq, .vcpu = a->vcpu, .end.irq = a->virq,
	};
	struct domain *d = current->domain;
	struct vcpu *v = domain_vcpu(d, a->vcpu);
	int rc;

	if (a->virq >= EVTCHN_VIRQS ||
	    (a->vcpu != 0 && !virq_is_per_vcpu(a->virq)))
		return -EINVAL;
	if (!v)
		return -ENOENT;
	if (v->event.virq_port[a->virq])
		return -EEXIST;
	rc = port_open(d, &a->port, &as);
	if (!rc)
		WRITE_ONCE(v->event.virq_port[a->virq], a->port);
	return rc;
}

/* The port is open before the line is, which may fire. */
long event_bind_pirq(struct evtchn_bind_pirq *a)
{
	const struct evtchn as = {
		.state = EVTCHNSTAT_pirq, .end.irq = a->pirq,
	};
	struct domain *d = current->domain;
	struct event_domain *e = &d->event;
	struct evtchn *ev;
	int rc;

	if (!d->privileged)
		return -EPERM;
	if (a->pirq >= EVENT_PIRQS)
		return -EINVAL;
	if (!e->pirq_port)
		e->pirq_port = hv_alloc(EVENT_PIRQS * sizeof(*e->pirq_port));
	if (!e->pirq_port)
		return -ENOMEM;
	if (e->pirq_port[a->pirq])
		return -EEXIST;
	rc = port_open(d, &a->port, &as);
	if (rc)
		return rc;
	WRITE_ONCE(e->pirq_port[a->pirq], a->port);
	rc = pirq_bind(d, a->pirq, 0);
	if (rc) {
		e->pirq_port[a->pirq] = 0;
		ev = port_find(d, a->port);
		ev->state = EVTCHNSTAT_unbound; /* no line to give back */
		port_close(d, a->port, ev);
	}
	return rc;
}

long event_bind_ipi(struct evtchn_bind_ipi *a)
{
	const struct evtchn as = {
		.state = EVTCHNSTAT_ipi, .vcpu = a->vcpu,
	};

	if (!domain_vcpu(current->domain, a->vcpu))
		return -ENOENT;
	return port_open(current->domain, &a->port, &as);
}

long event_close(struct evtchn_close *a)
{
	struct evtchn *ev = port_find(current->domain, a->port);

	if (!ev || !port_is_open(ev))
		return -EINVAL;
	port_close(current->domain, a->port, ev);
	return 0;
}

long event_bind_vcpu(struct evtchn_bind_vcpu *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev = port_find(d, a->port);

	if (!domain_vcpu(d, a->vcpu))
		return -ENOENT;
	if (!ev || !port_is_open(ev) || ev->state == EVTCHNSTAT_ipi ||
	    (ev->state == EVTCHNSTAT_virq && virq_is_per_vcpu(ev->end.irq)))
		return -EINVAL;
	WRITE_ONCE(ev->vcpu, (uint16_t)a->vcpu);
	if (ev->state == EVTCHNSTAT_pirq)
		pirq_follow(d, ev->end.irq, a->vcpu);
	return 0;
}

static int describe(const struct evtchn *ev, struct evtchn_status *a)
{
	if (!ev)
		return -EINVAL;
	a->status = ev->state;
	a->vcpu = ev->vcpu;
	switch (ev->state) {
	case PORT_RESERVED:
		a->status = EVTCHNSTAT_closed;
		break;
	case EVTCHNSTAT_unbound:
		a->u.unbound.dom = ev->end.allowed;
		break;
	case EVTCHNSTAT_interdomain:
		a->u.interdomain.dom = ev->end.domain->id;
		a->u.interdomain.port = ev->end.port;
		break;
	case EVTCHNSTAT_pirq:
		a->u.pirq = ev->end.irq;
		break;
	case EVTCHNSTAT_virq:
		a->u.virq = ev->end.irq;
		break;
	}
	return 0;
}

long event_status(struct evtchn_status *a)
{
	struct domain *d;
	int rc;

	if (likely(a->dom == DOMID_SELF))
		return describe(port_find(current->domain, a->port), a);
	rc = domain_get_target(a->dom, &d);
	if (rc)
		return rc;
	rc = describe(port_find(d, a->port), a);
	domain_put(d);
	return rc;
}
