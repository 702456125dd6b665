/* See event_world.h. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "event_world.h"

struct domain *a, *b;
unsigned int bound_pirq, unbound_pirq;
struct vcpu *woken;

void vcpu_wake(struct vcpu *v)
{
	woken = v;
	(void)atomic_add(&world_wakes, 1);
}

int pirq_bind(struct domain *d, unsigned int pirq, unsigned int vcpu)
{
	if (pirq == 13)
		return -EBUSY;
	bound_pirq = pirq;
	return 0;
}

void pirq_unbind(struct domain *d, unsigned int pirq)
{
	unbound_pirq = pirq;
}

int event_setup(void **state)
{
	bound_pirq = unbound_pirq = 0;
	woken = NULL;
	a = world_domain(0, 4, true);
	b = world_domain(1, 2, false);
	world_run(a, 0);
	return 0;
}

int event_teardown(void **state)
{
	world_end();
	return 0;
}

uint32_t unbound(uint16_t remote)
{
	struct evtchn_alloc_unbound u = { DOMID_SELF, remote, 0 };

	assert_int_equal(event_alloc_unbound(&u), 0);
	return u.port;
}

long interdomain(uint16_t dom, uint32_t port, uint32_t *local)
{
	struct evtchn_bind_interdomain i = { dom, port, 0 };
	long rc = event_bind_interdomain(&i);

	*local = i.local_port;
	return rc;
}

uint32_t ipi(uint32_t vcpu)
{
	struct evtchn_bind_ipi i = { vcpu, 0 };

	assert_int_equal(event_bind_ipi(&i), 0);
	return i.port;
}

long virq(uint32_t nr, uint32_t vcpu, uint32_t *port)
{
	struct evtchn_bind_virq v = { nr, vcpu, 0 };
	long rc = event_bind_virq(&v);

	*port = v.port;
	return rc;
}

long send_to(uint32_t port)
{
	return event_send(&(struct evtchn_send){ port });
}

long close_port(uint32_t port)
{
	return event_close(&(struct evtchn_close){ port });
}

long unmask(uint32_t port)
{
	return event_unmask(&(struct evtchn_unmask){ port });
}

long bind_vcpu(uint32_t port, uint32_t vcpu)
{
	return event_bind_vcpu(&(struct evtchn_bind_vcpu){ port, vcpu });
}

struct evtchn_status status(uint32_t port)
{
	struct evtchn_status s = { DOMID_SELF, port, 0, 0, { { 0 } } };

	assert_int_equal(event_status(&s), 0);
	return s;
}

bool pending2(struct domain *d, uint32_t port)
{
	return d->shared->evtchn_pending[port / 64] >> port % 64 & 1;
}

/* b waits on a port, a has bound it: the two ends. */
void pair(uint32_t *at_a, uint32_t *at_b)
{
	world_run(b, 0);
	*at_b = unbound(0);
	world_run(a, 0);
	assert_int_equal(interdomain(1, *at_b, at_a), 0);
}
