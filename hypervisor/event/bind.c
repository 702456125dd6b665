/*
 * Binding ports: to another domain's port, a virtual or a physical interrupt,
 * or to a vCPU of one's own. Every function here is one sub-operation of
 * event_channel_op: it checks, then acts under event_lock, and leaves nothing
 * behind when it fails. Meanings: event_channel.h of the ABI.
 */
#include "cpu.h"
#include "frame.h"
#include "irq.h"
#include "port.h"

/*
 * The domain that an operation names: the caller's own, or any for a
 * privileged caller. 0, -EPERM, -ESRCH. Then target_put().
 */
static int target_get(uint16_t id, struct domain **d)
{
	struct domain *self = current->domain;

	*d = self;
	if (id == DOMID_SELF || id == self->id)
		return 0; /* it runs: no reference needed */
	*d = domain_get(id);
	if (!*d)
		return -ESRCH;
	if (self->privileged)
		return 0;
	domain_put(*d);
	return -EPERM;
}

static void target_put(struct domain *d)
{
	if (d != current->domain)
		domain_put(d);
}

long event_alloc_unbound(struct evtchn_alloc_unbound *a)
{
	struct domain *d;
	struct evtchn *ev;
	int rc;

	rc = target_get(a->dom, &d);
	if (rc)
		return rc;

	spin_lock(&event_lock);
	rc = port_alloc(d, &a->port, &ev);
	if (!rc) {
		ev->allowed = a->remote_dom == DOMID_SELF ?
			      current->domain->id : a->remote_dom;
		port_open(d, a->port, ev, EVTCHNSTAT_unbound);
	}
	spin_unlock(&event_lock);
	target_put(d);
	return rc;
}

/* Both ends and the local port; event_lock held. @far stays referenced. */
static int connect(struct domain *d, struct domain *far, uint32_t far_port,
		   uint32_t *local)
{
	struct evtchn *ev, *far_ev;
	int rc;

	if (domain_is_dying(far))
		return -ESRCH;
	far_ev = port_find(far, far_port);
	if (!far_ev || far_ev->state != EVTCHNSTAT_unbound ||
	    far_ev->allowed != d->id)
		return -EINVAL;
	rc = port_alloc(d, local, &ev);
	if (rc)
		return rc;

	ev->remote.domain = far;
	ev->remote.port = far_port;
	port_open(d, *local, ev, EVTCHNSTAT_interdomain);

	spin_lock(&far_ev->lock);
	(void)atomic_add(&d->refs, 1); /* the far end's */
	far_ev->remote.domain = d;
	far_ev->remote.port = *local;
	far_ev->state = EVTCHNSTAT_interdomain;
	spin_unlock(&far_ev->lock);

	/* what the far end sent before it was bound was dropped */
	spin_lock(&ev->lock);
	port_raise(d, *local, ev);
	spin_unlock(&ev->lock);
	return 0;
}

long event_bind_interdomain(struct evtchn_bind_interdomain *a)
{
	struct domain *far = domain_get(a->remote_dom);
	int rc;

	if (!far)
		return -ESRCH;
	spin_lock(&event_lock);
	rc = connect(current->domain, far, a->remote_port, &a->local_port);
	spin_unlock(&event_lock);
	if (rc)
		domain_put(far);
	return rc;
}

static bool virq_is_per_vcpu(uint32_t virq)
{
	return virq == VIRQ_TIMER || virq == VIRQ_DEBUG ||
	       virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

long event_bind_virq(struct evtchn_bind_virq *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev;
	struct vcpu *v;
	int rc;

	if (a->virq >= EVTCHN_VIRQS ||
	    (a->vcpu != 0 && !virq_is_per_vcpu(a->virq)))
		return -EINVAL;
	v = event_vcpu(d, a->vcpu);
	if (!v)
		return -ENOENT;

	spin_lock(&event_lock);
	rc = v->event.virq_port[a->virq] ? -EEXIST :
	     port_alloc(d, &a->port, &ev);
	if (!rc) {
		ev->virq = a->virq;
		ev->vcpu = a->vcpu;
		port_open(d, a->port, ev, EVTCHNSTAT_virq);
		WRITE_ONCE(v->event.virq_port[a->virq], a->port);
	}
	spin_unlock(&event_lock);
	return rc;
}

/* event_lock held: the port is open before the line is, which may fire. */
static int bind_pirq_locked(struct domain *d, struct evtchn_bind_pirq *a)
{
	struct event_state *s = d->event.state;
	struct domain *drop[2];
	struct evtchn *ev;
	int rc;

	if (!s->pirq_port) {
		s->pirq_port = hv_alloc(EVENT_PIRQS * sizeof(*s->pirq_port));
		if (!s->pirq_port)
			return -ENOMEM;
	}
	if (s->pirq_port[a->pirq])
		return -EEXIST;
	rc = port_alloc(d, &a->port, &ev);
	if (rc)
		return rc;

	ev->pirq = a->pirq;
	port_open(d, a->port, ev, EVTCHNSTAT_pirq);
	WRITE_ONCE(s->pirq_port[a->pirq], a->port);
	rc = pirq_bind(d, a->pirq, a->flags & BIND_PIRQ__WILL_SHARE, 0);
	if (rc) {
		s->pirq_port[a->pirq] = 0;
		ev->state = EVTCHNSTAT_unbound; /* no line to give back */
		port_close(d, a->port, ev, drop);
	}
	return rc;
}

long event_bind_pirq(struct evtchn_bind_pirq *a)
{
	struct domain *d = current->domain;
	int rc;

	if (!d->privileged)
		return -EPERM;
	if (a->pirq >= EVENT_PIRQS)
		return -EINVAL;
	spin_lock(&event_lock);
	rc = bind_pirq_locked(d, a);
	spin_unlock(&event_lock);
	return rc;
}

long event_bind_ipi(struct evtchn_bind_ipi *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev;
	int rc;

	if (!event_vcpu(d, a->vcpu))
		return -ENOENT;
	spin_lock(&event_lock);
	rc = port_alloc(d, &a->port, &ev);
	if (!rc) {
		ev->vcpu = a->vcpu;
		port_open(d, a->port, ev, EVTCHNSTAT_ipi);
	}
	spin_unlock(&event_lock);
	return rc;
}

long event_close(struct evtchn_close *a)
{
	struct domain *d = current->domain;
	struct domain *drop[2] = { NULL, NULL };
	struct evtchn *ev = port_find(d, a->port);
	int rc = -EINVAL;

	spin_lock(&event_lock);
	if (ev && port_is_open(ev)) {
		port_close(d, a->port, ev, drop);
		rc = 0;
	}
	spin_unlock(&event_lock);
	port_drop(drop);
	return rc;
}

long event_bind_vcpu(struct evtchn_bind_vcpu *a)
{
	struct domain *d = current->domain;
	struct evtchn *ev = port_find(d, a->port);
	int rc = 0;

	if (!event_vcpu(d, a->vcpu))
		return -ENOENT;
	if (!ev)
		return -EINVAL;

	spin_lock(&event_lock);
	switch (ev->state) {
	case EVTCHNSTAT_virq:
		if (virq_is_per_vcpu(ev->virq)) {
			rc = -EINVAL;
			break;
		}
		__attribute__((fallthrough));
	case EVTCHNSTAT_unbound:
	case EVTCHNSTAT_interdomain:
		WRITE_ONCE(ev->vcpu, (uint16_t)a->vcpu);
		break;
	case EVTCHNSTAT_pirq:
		WRITE_ONCE(ev->vcpu, (uint16_t)a->vcpu);
		pirq_follow(d, ev->pirq, a->vcpu);
		break;
	default:
		rc = -EINVAL;
	}
	spin_unlock(&event_lock);
	return rc;
}

/* event_lock held. */
static int describe(const struct domain *d, struct evtchn_status *a)
{
	const struct evtchn *ev = port_find(d, a->port);

	if (!ev)
		return -EINVAL;
	a->status = ev->state;
	a->vcpu = ev->vcpu;
	switch (ev->state) {
	case PORT_RESERVED:
		a->status = EVTCHNSTAT_closed;
		break;
	case EVTCHNSTAT_unbound:
		a->u.unbound.dom = ev->allowed;
		break;
	case EVTCHNSTAT_interdomain:
		a->u.interdomain.dom = ev->remote.domain->id;
		a->u.interdomain.port = ev->remote.port;
		break;
	case EVTCHNSTAT_pirq:
		a->u.pirq = ev->pirq;
		break;
	case EVTCHNSTAT_virq:
		a->u.virq = ev->virq;
		break;
	}
	return 0;
}

long event_status(struct evtchn_status *a)
{
	struct domain *d;
	int rc;

	rc = target_get(a->dom, &d);
	if (rc)
		return rc;
	spin_lock(&event_lock);
	rc = describe(d, a);
	spin_unlock(&event_lock);
	target_put(d);
	return rc;
}

long event_reset(struct evtchn_reset *a)
{
	struct domain *d;
	long rc;

	rc = target_get(a->dom, &d);
	if (rc)
		return rc;
	rc = port_reset(d);
	target_put(d);
	return rc;
}
