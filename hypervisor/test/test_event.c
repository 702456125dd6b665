/*
 * event/: ports are found, bound and closed by the rules of event_channel.h,
 * and 2-level events arrive once, at the right vCPU. FIFO, and several CPUs:
 * test_fifo.c.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "event_world.h"

/* --- ports --- */

static void lowest_port_first(void **state)
{
	uint32_t p[4];
	unsigned int i;

	for (i = 0; i < 4; i++)
		p[i] = unbound(1);
	assert_int_equal(p[0], 1);
	assert_int_equal(p[3], 4);
	assert_int_equal(close_port(3), 0);
	assert_int_equal(close_port(2), 0);
	assert_int_equal(unbound(1), 2);
	assert_int_equal(unbound(1), 3);
	assert_int_equal(unbound(1), 5);
}

static void port_limit(void **state)
{
	struct evtchn_alloc_unbound u = { DOMID_SELF, 1, 0 };
	unsigned int i;

	for (i = 1; i < EVTCHN_2L_NR_CHANNELS; i++)
		assert_int_equal(unbound(1), i);
	assert_int_equal(event_alloc_unbound(&u), -ENOSPC);
	assert_int_equal(close_port(4095), 0);
	assert_int_equal(close_port(129), 0);
	assert_int_equal(unbound(1), 129);
	assert_int_equal(unbound(1), 4095);
	assert_int_equal(event_alloc_unbound(&u), -ENOSPC);
	assert_int_equal(send_to(4096), -EINVAL);
	assert_int_equal(close_port(~0u), -EINVAL);
}

static void domain_limit(void **state)
{
	struct evtchn_alloc_unbound u = { DOMID_SELF, 1, 0 };
	struct event_domain *s = &b->event;

	s->max_ports = 3; /* ports 1 and 2 */
	world_run(b, 0);
	assert_int_equal(unbound(0), 1);
	assert_int_equal(unbound(0), 2);
	assert_int_equal(event_alloc_unbound(&u), -ENOSPC);
}

static void port_zero_is_nobodys(void **state)
{
	assert_int_equal(close_port(0), -EINVAL);
	assert_int_equal(send_to(0), -EINVAL);
	assert_int_equal(unmask(0), -EINVAL);
	assert_int_equal(bind_vcpu(0, 0), -EINVAL);
	assert_int_equal(event_pending_port(a, 0), -EINVAL);
	assert_int_equal(status(0).status, EVTCHNSTAT_closed);
}

/* --- interdomain --- */

static void bind_refusals(void **state)
{
	uint32_t local, port, at_a, at_b;

	assert_int_equal(interdomain(5, 1, &local), -ESRCH);
	assert_int_equal(interdomain(1, 0, &local), -EINVAL);
	assert_int_equal(interdomain(1, 77777, &local), -EINVAL);
	world_run(b, 0);
	port = unbound(5); /* not for a */
	world_run(a, 0);
	assert_int_equal(interdomain(1, port, &local), -EINVAL);
	pair(&at_a, &at_b);
	assert_int_equal(interdomain(1, at_b, &local), -EINVAL); /* taken */
	b->state = DOM_DYING;
	assert_int_equal(interdomain(1, port, &local), -ESRCH);
	b->state = DOM_ALIVE;
	assert_int_equal(a->refs, 3); /* its life, shared page, b's port */
}

static void privilege(void **state)
{
	struct evtchn_alloc_unbound u = { 0, 1, 0 };
	struct evtchn_status s = { 0, 1, 0, 0, { { 0 } } };
	struct evtchn_reset r = { 0 };
	struct evtchn_bind_pirq p = { 5, 0, 0 };

	world_run(b, 0);
	assert_int_equal(event_alloc_unbound(&u), -EPERM);
	assert_int_equal(event_status(&s), -EPERM);
	assert_int_equal(event_reset(&r), -EPERM);
	assert_int_equal(event_bind_pirq(&p), -EPERM);
	u.dom = 5;
	assert_int_equal(event_alloc_unbound(&u), -ESRCH);
	/* the privileged one may, for others */
	world_run(a, 0);
	u.dom = 1;
	u.remote_dom = 0;
	assert_int_equal(event_alloc_unbound(&u), 0);
	s.dom = 1;
	s.port = u.port;
	assert_int_equal(event_status(&s), 0);
	assert_int_equal(s.status, EVTCHNSTAT_unbound);
	assert_int_equal(s.u.unbound.dom, 0);
}

static void both_ways(void **state)
{
	uint32_t at_a, at_b;

	pair(&at_a, &at_b);
	/* what was sent too early is made good */
	assert_true(pending2(a, at_a));
	assert_false(pending2(b, at_b));
	assert_int_equal(send_to(at_a), 0);
	assert_true(pending2(b, at_b));
	assert_int_equal(b->shared->vcpu_info[0].evtchn_pending_sel, 1);
	assert_int_equal(b->shared->vcpu_info[0].evtchn_upcall_pending, 1);
	assert_ptr_equal(woken, b->vcpu[0]);
	assert_int_equal(status(at_a).u.interdomain.dom, 1);
	assert_int_equal(status(at_a).u.interdomain.port, at_b);
}

/* What is pending already wakes nobody again; nor does what is masked. */
static void quiet_sends(void **state)
{
	uint32_t at_a, at_b;
	unsigned int wakes;

	pair(&at_a, &at_b);
	assert_int_equal(send_to(at_a), 0);
	wakes = world_wakes;
	assert_int_equal(send_to(at_a), 0);
	assert_int_equal(world_wakes, wakes);

	b->shared->evtchn_pending[0] = 0;
	b->shared->evtchn_mask[0] = ~0UL;
	b->vcpu[0]->info->evtchn_pending_sel = 0;
	b->vcpu[0]->info->evtchn_upcall_pending = 0;
	assert_int_equal(send_to(at_a), 0);
	assert_int_equal(b->vcpu[0]->info->evtchn_pending_sel, 0);
	assert_int_equal(b->vcpu[0]->info->evtchn_upcall_pending, 0);
	assert_int_equal(world_wakes, wakes);
	/* unmasking brings it; one who knows already is not woken again */
	world_run(b, 1);
	assert_int_equal(unmask(at_b), 0);
	assert_int_equal(b->vcpu[0]->info->evtchn_upcall_pending, 1);
	assert_int_equal(world_wakes, wakes + 1);
	b->shared->evtchn_mask[0] = 0;
	b->shared->evtchn_pending[0] = 0;
	b->vcpu[0]->info->evtchn_pending_sel = 0;
	world_run(a, 0);
	assert_int_equal(send_to(at_a), 0);
	assert_int_equal(b->vcpu[0]->info->evtchn_pending_sel, 1);
	assert_int_equal(world_wakes, wakes + 1);
}

/* A vCPU that masks upcalls looks for itself when it unmasks them. */
static void masked_upcall(void **state)
{
	uint32_t at_a, at_b;

	pair(&at_a, &at_b);
	world_wakes = world_kicks = 0;
	b->vcpu[0]->info->evtchn_upcall_mask = 1;
	assert_int_equal(send_to(at_a), 0);
	assert_int_equal(b->vcpu[0]->info->evtchn_upcall_pending, 1);
	assert_int_equal(world_wakes + world_kicks, 0);
}

static void close_leaves_unbound(void **state)
{
	uint32_t at_a, at_b, again;

	pair(&at_a, &at_b);
	assert_int_equal(close_port(at_a), 0);
	assert_int_equal(close_port(at_a), -EINVAL);
	assert_false(pending2(a, at_a)); /* forgotten with the port */
	world_run(b, 0);
	assert_int_equal(status(at_b).status, EVTCHNSTAT_unbound);
	assert_int_equal(status(at_b).u.unbound.dom, 0);
	assert_int_equal(send_to(at_b), 0); /* dropped */
	world_run(a, 0);
	assert_int_equal(interdomain(1, at_b, &again), 0);
	assert_int_equal(again, at_a);
}

static void loopback(void **state)
{
	uint32_t near, far;

	near = unbound(DOMID_SELF);
	assert_int_equal(interdomain(DOMID_SELF, near, &far), 0);
	assert_int_equal(send_to(near), 0);
	assert_true(pending2(a, far));
	assert_int_equal(close_port(near), 0);
	assert_int_equal(status(far).status, EVTCHNSTAT_unbound);
	assert_int_equal(a->refs, 2);
}

static void partner_dies(void **state)
{
	uint32_t at_a, at_b;

	pair(&at_a, &at_b);
	world_kill(b);
	assert_int_equal(b->refs, 0);
	assert_int_equal(status(at_a).status, EVTCHNSTAT_unbound);
	assert_int_equal(send_to(at_a), 0);
}

/* A builder binds and sends before the domain has a vCPU. */
static void no_vcpu_yet(void **state)
{
	struct domain *c = world_domain(2, 1, false);
	struct evtchn_alloc_unbound u = { 2, 0, 0 };
	struct vcpu *v = c->vcpu[0];
	uint32_t local;

	c->vcpu[0] = NULL;
	assert_int_equal(event_alloc_unbound(&u), 0);
	assert_int_equal(interdomain(2, u.port, &local), 0);
	assert_int_equal(send_to(local), 0);
	assert_true(pending2(c, u.port));
	c->vcpu[0] = v;
}

/* --- interrupts --- */

static void virq_rules(void **state)
{
	uint32_t p, q;

	assert_int_equal(virq(24, 0, &p), -EINVAL);
	assert_int_equal(virq(VIRQ_CONSOLE, 1, &p), -EINVAL);
	assert_int_equal(virq(VIRQ_TIMER, 4, &p), -ENOENT);
	assert_int_equal(virq(VIRQ_TIMER, 1, &p), 0);
	assert_int_equal(virq(VIRQ_TIMER, 1, &q), -EEXIST);
	assert_int_equal(virq(VIRQ_TIMER, 2, &q), 0);
	assert_int_equal(send_to(p), -EINVAL);
	assert_int_equal(bind_vcpu(p, 0), -EINVAL); /* of its vCPU */
	virq_raise_vcpu(a->vcpu[1], VIRQ_TIMER);
	assert_true(pending2(a, p));
	assert_false(pending2(a, q));
	assert_int_equal(a->vcpu[1]->info->evtchn_upcall_pending, 1);
	assert_int_equal(a->vcpu[2]->info->evtchn_upcall_pending, 0);
	assert_int_equal(close_port(p), 0);
	virq_raise_vcpu(a->vcpu[1], VIRQ_TIMER);
	assert_false(pending2(a, p));
}

static void global_virq_moves(void **state)
{
	uint32_t p;

	assert_int_equal(virq(VIRQ_DOM_EXC, 0, &p), 0);
	assert_int_equal(bind_vcpu(p, 3), 0);
	virq_raise_global(VIRQ_DOM_EXC);
	assert_int_equal(a->vcpu[3]->info->evtchn_upcall_pending, 1);
	assert_int_equal(a->vcpu[0]->info->evtchn_upcall_pending, 0);
	assert_int_equal(close_port(p), 0);
	assert_int_equal(virq(VIRQ_DOM_EXC, 0, &p), 0);
}

static void ipi_rules(void **state)
{
	struct evtchn_bind_ipi i = { 4, 0 };
	uint32_t p = ipi(2);

	assert_int_equal(event_bind_ipi(&i), -ENOENT);
	assert_int_equal(bind_vcpu(p, 1), -EINVAL);
	assert_int_equal(send_to(p), 0);
	assert_int_equal(a->vcpu[2]->info->evtchn_upcall_pending, 1);
	assert_ptr_equal(woken, a->vcpu[2]);
}

static void pirq_rules(void **state)
{
	struct evtchn_bind_pirq p = { 9, 0, 0 };
	uint32_t open = a->event.open;

	assert_int_equal(event_bind_pirq(&p), 0);
	assert_int_equal(bound_pirq, 9);
	assert_int_equal(event_bind_pirq(&p), -EEXIST);
	pirq_raise(a, 9);
	assert_true(pending2(a, p.port));
	pirq_raise(a, 10);
	pirq_raise(a, 100000);
	pirq_raise(b, 9);
	assert_int_equal(close_port(p.port), 0);
	assert_int_equal(unbound_pirq, 9);
	p.pirq = 13; /* the line refuses: no port stays */
	assert_int_equal(event_bind_pirq(&p), -EBUSY);
	p.pirq = EVENT_PIRQS;
	assert_int_equal(event_bind_pirq(&p), -EINVAL);
	assert_int_equal(a->event.open, open);
}

static void poll_looks_behind_masks(void **state)
{
	uint32_t p = ipi(0);

	a->shared->evtchn_mask[0] = ~0UL;
	assert_int_equal(event_pending_port(a, p), 0);
	assert_int_equal(send_to(p), 0);
	assert_int_equal(event_pending_port(a, p), 1);
	assert_int_equal(event_pending_port(a, p + 1), -EINVAL);
}

static void rescan_selects_all(void **state)
{
	world_run(b, 0);
	event_rescan_vcpu(a->vcpu[1]);
	assert_int_equal(a->vcpu[1]->info->evtchn_pending_sel, ~0UL);
	assert_int_equal(a->vcpu[1]->info->evtchn_upcall_pending, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lowest_port_first), TEST(port_limit),
		TEST(domain_limit), TEST(port_zero_is_nobodys),
		TEST(bind_refusals), TEST(privilege), TEST(both_ways),
		TEST(quiet_sends), TEST(masked_upcall),
		TEST(close_leaves_unbound), TEST(loopback),
		TEST(partner_dies), TEST(no_vcpu_yet), TEST(virq_rules),
		TEST(global_virq_moves), TEST(ipi_rules), TEST(pirq_rules),
		TEST(poll_looks_behind_masks), TEST(rescan_selects_all),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("event", tests, NULL, NULL);
}
