/*
 * What the tests of event channels share: two domains on host/world.c, and the
 * calls in short forms, as the running vCPU makes them. Those that return no
 * status expect 0 of it.
 */
#ifndef PV_TEST_EVENT_WORLD_H
#define PV_TEST_EVENT_WORLD_H

#include "world.h"
#include "irq.h"
#include "../event/port.h"

extern struct domain *a, *b; /* a is privileged, with four vCPUs; b has two */
extern unsigned int bound_pirq, unbound_pirq; /* the last of each */
extern struct vcpu *woken; /* the last */

int event_setup(void **state);
int event_teardown(void **state);

#define TEST(f) cmocka_unit_test_setup_teardown(f, event_setup, event_teardown)

/* These want event_lock held (EVENT_OPS). */
#define WITH_LOCK(call) ({ \
	long rc_; \
	spin_lock(&event_lock); \
	rc_ = call; \
	spin_unlock(&event_lock); \
	rc_; })
#define event_alloc_unbound(...) WITH_LOCK(event_alloc_unbound(__VA_ARGS__))
#define event_bind_interdomain(...) WITH_LOCK(event_bind_interdomain(__VA_ARGS__))
#define event_bind_virq(...) WITH_LOCK(event_bind_virq(__VA_ARGS__))
#define event_bind_pirq(...) WITH_LOCK(event_bind_pirq(__VA_ARGS__))
#define event_bind_ipi(...) WITH_LOCK(event_bind_ipi(__VA_ARGS__))
#define event_close(...) WITH_LOCK(event_close(__VA_ARGS__))
#define event_status(...) WITH_LOCK(event_status(__VA_ARGS__))
#define event_bind_vcpu(...) WITH_LOCK(event_bind_vcpu(__VA_ARGS__))
#define event_set_priority(...) WITH_LOCK(event_set_priority(__VA_ARGS__))

uint32_t unbound(uint16_t remote);
long interdomain(uint16_t dom, uint32_t port, uint32_t *local);
uint32_t ipi(uint32_t vcpu);
long virq(uint32_t nr, uint32_t vcpu, uint32_t *port);
long send_to(uint32_t port);
long close_port(uint32_t port);
long unmask(uint32_t port);
long bind_vcpu(uint32_t port, uint32_t vcpu);
struct evtchn_status status(uint32_t port);
bool pending2(struct domain *d, uint32_t port); /* 2-level */
/* b waits on a port, a has bound it: the two ends. */
void pair(uint32_t *at_a, uint32_t *at_b);

#endif
