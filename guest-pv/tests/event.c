/*
 * event_channel_op under the two-level ABI: each sub-operation with its
 * refusals, and delivery. Rules: <xen/event_channel.h>; map, 4.2: the lowest
 * free port is given, from 1; a send to an unbound port is dropped; VIRQs and
 * PIRQs are not sent to; binding two ends makes the new one pending. "Valid
 * port" means the same on every path (security lessons 55-59).
 */
#include "tap.h"

#define evtchn(op, arg) hcall_event_channel_op(op, arg)

static const unsigned int bad_ports[] = {
	0, 4095, 4096, 131071, 131072, 0x7fffffff, 0x80000000, 0xffffffff,
};

static long close_port(unsigned int port)
{
	struct evtchn_close c = { port };

	return evtchn(EVTCHNOP_close, &c);
}

static long send_port(unsigned int port)
{
	struct evtchn_send s = { port };

	return evtchn(EVTCHNOP_send, &s);
}

static unsigned int new_ipi(unsigned int vcpu)
{
	struct evtchn_bind_ipi ipi = { .vcpu = vcpu };

	PREPARE(evtchn(EVTCHNOP_bind_ipi, &ipi));
	return ipi.port;
}

static unsigned int new_unbound(domid_t remote)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = remote,
	};

	PREPARE(evtchn(EVTCHNOP_alloc_unbound, &a));
	return a.port;
}

static volatile unsigned int got, got_port;

static void count(unsigned int port)
{
	got++;
	got_port = port;
}

static unsigned int status_of(unsigned int port)
{
	struct evtchn_status s = { .dom = DOMID_SELF, .port = port };

	CHECK_EQ(evtchn(EVTCHNOP_status, &s), 0);
	return s.status;
}

static void alloc_unbound(void)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	unsigned int first;

	CHECK_EQ(evtchn(EVTCHNOP_alloc_unbound, &a), 0);
	CHECK(a.port > 0);
	first = a.port;
	CHECK_EQ(status_of(first), EVTCHNSTAT_unbound);
	CHECK_EQ(evtchn(EVTCHNOP_alloc_unbound, &a), 0);
	CHECK(a.port > first);
	CHECK_EQ(close_port(first), 0);
	CHECK_EQ(status_of(first), EVTCHNSTAT_closed);
	/* The lowest free one again. */
	CHECK_EQ(new_unbound(DOMID_SELF), first);
	CHECK_EQ(close_port(first), 0);
	CHECK_EQ(close_port(a.port), 0);
	a.dom = 1234;
	CHECK_NO_DOMAIN(evtchn(EVTCHNOP_alloc_unbound, &a));
}

static void bind_interdomain(void)
{
	unsigned int a = new_unbound(DOMID_SELF);
	struct evtchn_bind_interdomain b = {
		.remote_dom = DOMID_SELF, .remote_port = a,
	};

	event_set_handler(a, count);
	CHECK_EQ(evtchn(EVTCHNOP_bind_interdomain, &b), 0);
	CHECK_EQ(status_of(a), EVTCHNSTAT_interdomain);
	CHECK_EQ(status_of(b.local_port), EVTCHNSTAT_interdomain);
	got = 0;
	CHECK_EQ(send_port(b.local_port), 0);
	CHECK_EQ(got, 1);
	CHECK_EQ(got_port, a);
	event_set_handler(b.local_port, count);
	CHECK_EQ(send_port(a), 0);
	CHECK_EQ(got_port, b.local_port);
	/* One end closed: the other is unbound, and sends into nothing. */
	CHECK_EQ(close_port(a), 0);
	CHECK_EQ(status_of(b.local_port), EVTCHNSTAT_unbound);
	got = 0;
	CHECK_EQ(send_port(b.local_port), 0);
	CHECK_EQ(got, 0);
	CHECK_EQ(close_port(b.local_port), 0);
	event_set_handler(a, NULL);
	event_set_handler(b.local_port, NULL);
}

/* The new end is pending at once: there may have been a send before. */
static void bound_is_pending(void)
{
	unsigned int a = new_unbound(DOMID_SELF);
	struct evtchn_bind_interdomain b = {
		.remote_dom = DOMID_SELF, .remote_port = a,
	};

	events_disable();
	CHECK_EQ(evtchn(EVTCHNOP_bind_interdomain, &b), 0);
	CHECK(event_pending(b.local_port));
	events_enable();
	close_port(a);
	close_port(b.local_port);
}

static void bind_interdomain_refused(void)
{
	unsigned int a = new_unbound(1234), ipi = new_ipi(0);
	struct evtchn_bind_interdomain b = {
		.remote_dom = DOMID_SELF, .remote_port = a,
	};

	/* Kept for another domain. */
	CHECK_EQ(evtchn(EVTCHNOP_bind_interdomain, &b), -EINVAL);
	b.remote_port = ipi;
	CHECK_EQ(evtchn(EVTCHNOP_bind_interdomain, &b), -EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ports); i++) {
		b.remote_port = bad_ports[i];
		CHECK_EQ(evtchn(EVTCHNOP_bind_interdomain, &b), -EINVAL);
	}
	b.remote_port = a;
	b.remote_dom = 1234;
	CHECK_NO_DOMAIN(evtchn(EVTCHNOP_bind_interdomain, &b));
	CHECK_EQ(status_of(a), EVTCHNSTAT_unbound);
	close_port(a);
	close_port(ipi);
}

static void bind_virq(void)
{
	struct evtchn_bind_virq b = { .virq = VIRQ_DEBUG, .vcpu = 0 };
	unsigned int port;

	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), 0);
	port = b.port;
	CHECK_EQ(status_of(port), EVTCHNSTAT_virq);
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -EEXIST);
	CHECK_EQ(send_port(port), -EINVAL);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), 0);
	CHECK_EQ(close_port(b.port), 0);
	b.vcpu = 77;
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -ENOENT);
	b.vcpu = 0xffffffff;
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -ENOENT);
	b.vcpu = 0;
	b.virq = NR_VIRQS;
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -EINVAL);
	b.virq = 0xffffffff;
	CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -EINVAL);
	/* A global one belongs to vCPU 0. */
	if (cpus_possible() > 1) {
		b.virq = VIRQ_PCPU_STATE;
		b.vcpu = 1;
		CHECK_EQ(evtchn(EVTCHNOP_bind_virq, &b), -EINVAL);
	}
}

static void bind_ipi(void)
{
	struct evtchn_bind_ipi b = { .vcpu = 0 };

	CHECK_EQ(evtchn(EVTCHNOP_bind_ipi, &b), 0);
	CHECK_EQ(status_of(b.port), EVTCHNSTAT_ipi);
	event_set_handler(b.port, count);
	got = 0;
	CHECK_EQ(send_port(b.port), 0);
	CHECK_EQ(got, 1);
	event_set_handler(b.port, NULL);
	CHECK_EQ(close_port(b.port), 0);
	b.vcpu = 77;
	CHECK_EQ(evtchn(EVTCHNOP_bind_ipi, &b), -ENOENT);
	b.vcpu = 0xffffffff;
	CHECK_EQ(evtchn(EVTCHNOP_bind_ipi, &b), -ENOENT);
}

static void bind_pirq_refused(void)
{
	static const unsigned int bad[] = { 100000, 0x7fffffff, 0xffffffff };
	struct evtchn_bind_pirq b = { 0 };

	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		b.pirq = bad[i];
		CHECK(evtchn(EVTCHNOP_bind_pirq, &b) < 0);
	}
	/* In range, but nothing is mapped there. */
	b.pirq = 200;
	CHECK(evtchn(EVTCHNOP_bind_pirq, &b) < 0);
}

static void close_refused(void)
{
	unsigned int port = new_ipi(0);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ports); i++)
		CHECK_EQ(close_port(bad_ports[i]), -EINVAL);
	CHECK_EQ(close_port(port), 0);
	CHECK_EQ(close_port(port), -EINVAL);
}

static void send_refused(void)
{
	unsigned int unbound = new_unbound(DOMID_SELF);

	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ports); i++)
		CHECK_EQ(send_port(bad_ports[i]), -EINVAL);
	CHECK_EQ(send_port(unbound), 0);
	CHECK(!event_pending(unbound));
	CHECK_EQ(close_port(unbound), 0);
}

static void status(void)
{
	unsigned int port = new_ipi(0);
	struct evtchn_status s = { .dom = DOMID_SELF, .port = port };

	CHECK_EQ(evtchn(EVTCHNOP_status, &s), 0);
	CHECK_EQ(s.status, EVTCHNSTAT_ipi);
	CHECK_EQ(s.vcpu, 0);
	s.dom = 1234;
	CHECK_NO_DOMAIN(evtchn(EVTCHNOP_status, &s));
	for (unsigned int i = 1; i < ARRAY_SIZE(bad_ports); i++) {
		long rc;

		/* Beyond the allocated ones: closed, or no port at all. */
		s = (struct evtchn_status){ .dom = DOMID_SELF,
					    .port = bad_ports[i] };
		rc = evtchn(EVTCHNOP_status, &s);
		CHECK(rc == -EINVAL ||
		      (rc == 0 && s.status == EVTCHNSTAT_closed));
	}
	close_port(port);
}

static volatile unsigned int other_got;

static void other_count(unsigned int port)
{
	(void)port;
	other_got = this_cpu()->id + 1;
}

static volatile unsigned int other_stop;

static void other_waits(void *arg)
{
	(void)arg;
	events_enable();
	while (!other_stop)
		hcall_sched_op(SCHEDOP_yield, NULL);
	other_stop = 2;
}

static void wait_for(volatile unsigned int *word, unsigned int value)
{
	uint64_t end = time_ns() + 20000000000;

	while (*word != value && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	CHECK_EQ(*word, value);
}

/*
 * A vCPU that looks at a word of ports takes them all. So a port bound to one
 * vCPU may be taken by another that just looks because of another event (the
 * console's): asked again, the right one gets it.
 */
static void send_until_got_by(unsigned int port, unsigned int vcpu)
{
	for (int i = 0; i < 20; i++) {
		other_got = 0;
		CHECK_EQ(send_port(port), 0);
		delay_ns(5000000);
		if (other_got == vcpu + 1)
			return;
	}
	CHECK_EQ(other_got, vcpu + 1);
}

static void other_vcpu(void)
{
	struct evtchn_bind_vcpu bind;
	unsigned int ipi, a;
	struct evtchn_bind_interdomain b;

	if (cpus_possible() < 2)
		tap_skip("one vCPU");
	other_stop = 0;
	ipi = new_ipi(1);
	event_set_handler(ipi, other_count);
	REQUIRE_EQ(cpu_start(1, other_waits, NULL), 0);
	send_until_got_by(ipi, 1);
	/* An interdomain channel follows bind_vcpu. */
	a = new_unbound(DOMID_SELF);
	b = (struct evtchn_bind_interdomain){ DOMID_SELF, a, 0 };
	PREPARE(evtchn(EVTCHNOP_bind_interdomain, &b));
	event_set_handler(a, other_count);
	bind = (struct evtchn_bind_vcpu){ .port = a, .vcpu = 1 };
	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &bind), 0);
	send_until_got_by(b.local_port, 1);
	bind.vcpu = 0;
	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &bind), 0);
	send_until_got_by(b.local_port, 0);
	other_stop = 1;
	wait_for(&other_stop, 2);
	close_port(a);
	close_port(b.local_port);
	close_port(ipi);
	event_set_handler(a, NULL);
	event_set_handler(ipi, NULL);
}

static void bind_vcpu_refused(void)
{
	unsigned int a = new_unbound(DOMID_SELF), ipi = new_ipi(0);
	struct evtchn_bind_vcpu b = { .port = a, .vcpu = 77 };

	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &b), -ENOENT);
	b.vcpu = 0xffffffff;
	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &b), -ENOENT);
	b.vcpu = 0;
	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &b), 0);
	b.port = ipi;
	CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &b), -EINVAL);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ports); i++) {
		b.port = bad_ports[i];
		CHECK_EQ(evtchn(EVTCHNOP_bind_vcpu, &b), -EINVAL);
	}
	close_port(a);
	close_port(ipi);
}

static void masked_and_unmasked(void)
{
	unsigned int port = new_ipi(0);
	struct evtchn_unmask u = { port };

	event_set_handler(port, count);
	got = 0;
	event_mask_port(port);
	CHECK_EQ(send_port(port), 0);
	CHECK_EQ(got, 0);
	CHECK(event_pending(port));
	CHECK_EQ(evtchn(EVTCHNOP_unmask, &u), 0);
	CHECK_EQ(got, 1);
	/* Unmasking what is not pending delivers nothing. */
	event_mask_port(port);
	CHECK_EQ(evtchn(EVTCHNOP_unmask, &u), 0);
	CHECK_EQ(got, 1);
	for (unsigned int i = 0; i < ARRAY_SIZE(bad_ports); i++) {
		/* A closed port has a mask bit all the same. */
		u.port = bad_ports[i];
		CHECK_EITHER(evtchn(EVTCHNOP_unmask, &u), -EINVAL,
			     bad_ports[i] < 4096 ? 0 : -EINVAL);
	}
	event_unmask_port(port);
	event_set_handler(port, NULL);
	close_port(port);
}

static void upcalls_masked(void)
{
	unsigned int port = new_ipi(0);

	event_set_handler(port, count);
	got = 0;
	events_disable();
	CHECK_EQ(send_port(port), 0);
	CHECK_EQ(send_port(port), 0);
	CHECK_EQ(got, 0);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_pending), 1);
	events_enable();
	CHECK_EQ(got, 1);
	event_set_handler(port, NULL);
	close_port(port);
}

/* A new owner of a port does not find the old one's event. */
static void close_clears_pending(void)
{
	unsigned int port = new_ipi(0), again;

	event_mask_port(port);
	CHECK_EQ(send_port(port), 0);
	CHECK(event_pending(port));
	CHECK_EQ(close_port(port), 0);
	again = new_ipi(0);
	CHECK_EQ(again, port);
	CHECK(!event_pending(again));
	event_unmask_port(again);
	close_port(again);
}

static void exhaustion(void)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = DOMID_SELF,
	};
	unsigned int n = 0, low = 0, high = 0;
	long rc;

	while ((rc = evtchn(EVTCHNOP_alloc_unbound, &a)) == 0 && n < 5000) {
		low = low ? low : a.port;
		high = a.port;
		n++;
	}
	CHECK_EQ(rc, -ENOSPC);
	CHECK(n > 100);
	CHECK(high < 4096);
	for (unsigned int port = low; port <= high; port++) {
		struct evtchn_status s = { .dom = DOMID_SELF, .port = port };

		if (!evtchn(EVTCHNOP_status, &s) &&
		    s.status == EVTCHNSTAT_unbound)
			close_port(port);
	}
	CHECK_EQ(evtchn(EVTCHNOP_alloc_unbound, &a), 0);
	close_port(a.port);
}

static void fifo_calls_before_fifo(void)
{
	struct evtchn_expand_array e = {
		.array_gfn = virt_to_mfn(page_alloc()),
	};
	unsigned int port = new_ipi(0);
	struct evtchn_set_priority p = { .port = port, .priority = 0 };

	CHECK(evtchn(EVTCHNOP_expand_array, &e) < 0);
	CHECK(evtchn(EVTCHNOP_set_priority, &p) < 0);
	close_port(port);
	page_free(mfn_to_virt(e.array_gfn));
}

static void init_control_refused(void)
{
	void *page = page_alloc();
	struct evtchn_init_control c = {
		.control_gfn = virt_to_mfn(page), .offset = 4, .vcpu = 0,
	};

	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);	/* not aligned */
	c.offset = 4096;
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	c.offset = 4088;				/* crosses the end */
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	c.offset = 0xfffffff8;
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	c.offset = 0;
	c.vcpu = 77;
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	c.vcpu = 0;
	c.control_gfn = 1ul << 33;
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	c.control_gfn = virt_to_mfn(kernel_l4());
	CHECK(evtchn(EVTCHNOP_init_control, &c) < 0);
	page_free(page);
}

static void reset_refused(void)
{
	struct evtchn_reset r = { .dom = 1234 };

	CHECK_NO_DOMAIN(evtchn(EVTCHNOP_reset, &r));
}

static void bad_calls(void)
{
	static const unsigned long bad[] = {
		UNMAPPED_VA, XEN_VA, NONCANONICAL, 0,
	};

	for (int op = EVTCHNOP_bind_interdomain; op <= EVTCHNOP_set_priority;
	     op++)
		for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++)
			CHECK_EQ(evtchn(op, bad[i]), -EFAULT);
	CHECK_EQ(evtchn(15, NULL), -ENOSYS);
	CHECK_EQ(evtchn(999, NULL), -ENOSYS);
	CHECK_EQ(evtchn(-1, NULL), -ENOSYS);
}

static const struct test_case cases[] = {
	{ "alloc_unbound", alloc_unbound },
	{ "bind_interdomain", bind_interdomain },
	{ "a bound channel is pending", bound_is_pending },
	{ "bind_interdomain refused", bind_interdomain_refused },
	{ "bind_virq", bind_virq },
	{ "bind_ipi", bind_ipi },
	{ "bind_pirq refused", bind_pirq_refused },
	{ "close refused", close_refused },
	{ "send refused", send_refused },
	{ "status", status },
	{ "another vCPU, and bind_vcpu", other_vcpu },
	{ "bind_vcpu refused", bind_vcpu_refused },
	{ "masked and unmasked", masked_and_unmasked },
	{ "upcalls masked", upcalls_masked },
	{ "close clears what is pending", close_clears_pending },
	{ "all ports taken", exhaustion },
	{ "FIFO calls before FIFO", fifo_calls_before_fifo },
	{ "init_control refused", init_control_refused },
	{ "reset refused", reset_refused },
	{ "bad calls", bad_calls },
};

TEST_PROGRAM(event, "event_channel_op, two-level", cases);
