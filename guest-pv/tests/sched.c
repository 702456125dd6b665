/*
 * sched_op and the timers: yield, block, poll, watchdog, remote_shutdown,
 * set_timer_op, and the single-shot and periodic timers of vcpu_op. Rules:
 * <xen/sched.h>, <xen/vcpu.h>: block unmasks events and returns when one is
 * there; poll returns 0 also at its timeout; timeouts are absolute system
 * times; one in the past is due at once and does not fire for ever (security
 * lesson 38).
 */
#include "tap.h"

#ifndef ETIME
#define ETIME 62
#endif

static volatile unsigned int ticks;
static volatile uint64_t tick_at;
static unsigned int timer_port;

static void tick(unsigned int port)
{
	(void)port;
	ticks++;
	tick_at = time_ns();
}

static void timer_on(void)
{
	struct evtchn_bind_virq b = { .virq = VIRQ_TIMER, .vcpu = 0 };

	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_virq, &b));
	timer_port = b.port;
	event_set_handler(timer_port, tick);
	ticks = 0;
}

static void timer_off(void)
{
	struct evtchn_close c = { timer_port };

	hypercall1(__HYPERVISOR_set_timer_op, 0);
	hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL);
	hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
	hcall_event_channel_op(EVTCHNOP_close, &c);
	event_set_handler(timer_port, NULL);
}

/* A loaded machine may be late, but not for ever: nanoseconds. */
#define PATIENCE 20000000000

static void wait_ticks(unsigned int n)
{
	uint64_t end = time_ns() + PATIENCE;

	while (ticks < n && time_ns() < end)
		hcall_sched_op(SCHEDOP_yield, NULL);
	delay_ns(5000000);
	CHECK_EQ(ticks, n);
}

static void yield(void)
{
	CHECK_EQ(hcall_sched_op(SCHEDOP_yield, NULL), 0);
}

static void time_moves(void)
{
	uint64_t a = time_ns(), b;

	for (int i = 0; i < 1000; i++) {
		b = time_ns();
		CHECK(b >= a);
		a = b;
	}
	CHECK(READ_ONCE(shared_info->wc_sec) > 1500000000);
	CHECK(READ_ONCE(shared_info->wc_nsec) < 1000000000);
}

static void block_until_timer(void)
{
	uint64_t start = time_ns(), due = start + 3000000;

	timer_on();
	/* Blocking unmasks: so we may mask, and look, and block. */
	events_disable();
	CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, due), 0);
	CHECK_EQ(hcall_sched_op(SCHEDOP_block, NULL), 0);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_mask), 0);
	/* Another event, such as the console's, may have ended it. */
	while (!ticks && time_ns() < due + PATIENCE)
		hcall_sched_op(SCHEDOP_yield, NULL);
	/* The original says it twice now and then. */
	CHECK(ticks >= 1);
	CHECK(tick_at >= due);
	timer_off();
}

static void block_with_pending(void)
{
	uint64_t end = time_ns() + PATIENCE;

	timer_on();
	events_disable();
	PREPARE(hypercall1(__HYPERVISOR_set_timer_op, time_ns() + 1000));
	while (!event_pending(timer_port) && time_ns() < end)
		continue;
	CHECK_EQ(ticks, 0);
	CHECK_EQ(hcall_sched_op(SCHEDOP_block, NULL), 0);
	CHECK_EQ(ticks, 1);
	timer_off();
}

static void timer_in_the_past(void)
{
	timer_on();
	CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, 1), 0);
	wait_ticks(1);
	CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, time_ns()), 0);
	wait_ticks(2);
	timer_off();
}

/*
 * Sets a timer 2 ms ahead and stops it. A machine that stood still in between
 * for so long shows nothing: then again.
 */
static void set_and_stop(long (*set)(uint64_t due), long (*stop)(void))
{
	uint64_t due;
	int tries = 0;

	do {
		ticks = 0;
		due = time_ns() + 2000000;
		CHECK_EQ(set(due), 0);
		CHECK_EQ(stop(), 0);
	} while (time_ns() >= due && ++tries < 100);
	delay_ns(6000000);
	CHECK_EQ(ticks, 0);
}

static long timer_set(uint64_t due)
{
	return hypercall1(__HYPERVISOR_set_timer_op, due);
}

static long timer_stop(void)
{
	return hypercall1(__HYPERVISOR_set_timer_op, 0);
}

static long singleshot_set(uint64_t due)
{
	struct vcpu_set_singleshot_timer t = { .timeout_abs_ns = due };

	return hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &t);
}

static long singleshot_stop(void)
{
	return hcall_vcpu_op(VCPUOP_stop_singleshot_timer, 0, NULL);
}

static void timer_stopped(void)
{
	timer_on();
	set_and_stop(timer_set, timer_stop);
	/* Times far away, and such that a sum would wrap. */
	CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, 1ul << 62), 0);
	(void)hypercall1(__HYPERVISOR_set_timer_op, ~0ul >> 1);
	(void)hypercall1(__HYPERVISOR_set_timer_op, ~0ul);
	(void)hypercall1(__HYPERVISOR_set_timer_op, 1ul << 63);
	CHECK_EQ(hypercall1(__HYPERVISOR_set_timer_op, 0), 0);
	timer_off();
}

static void singleshot(void)
{
	struct vcpu_set_singleshot_timer t = {
		.timeout_abs_ns = time_ns() + 2000000,
	};

	timer_on();
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &t), 0);
	wait_ticks(1);
	CHECK(tick_at >= t.timeout_abs_ns);
	set_and_stop(singleshot_set, singleshot_stop);
	/*
	 * With VCPU_SSHOTTMR_future a time in the past may be refused, "but
	 * can be ignored by the hypervisor" (<xen/vcpu.h>).
	 */
	t.flags = VCPU_SSHOTTMR_future;
	t.timeout_abs_ns = time_ns() - 1000000;
	CHECK_EITHER(hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, &t),
		     -ETIME, 0);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_singleshot_timer, 0, UNMAPPED_VA),
		 -EFAULT);
	if (cpus_possible() > 1)
		CHECK_EQ(hcall_vcpu_op(VCPUOP_set_singleshot_timer, 1, &t),
			 -EINVAL);
	timer_off();
}

static void periodic(void)
{
	struct vcpu_set_periodic_timer t = { .period_ns = 2000000 };
	uint64_t start = time_ns();
	unsigned int n;

	timer_on();
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, &t), 0);
	while (ticks < 5 && time_ns() < start + PATIENCE)
		hcall_sched_op(SCHEDOP_yield, NULL);
	n = ticks;
	CHECK(n >= 5);
	CHECK(n <= (time_ns() - start) / t.period_ns + 1);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_stop_periodic_timer, 0, NULL), 0);
	delay_ns(4000000);
	n = ticks;
	delay_ns(10000000);
	CHECK_EQ(ticks, n);
	/* Not faster than the hypervisor wants it. */
	t.period_ns = 1;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, &t), -EINVAL);
	t.period_ns = 0;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, &t), -EINVAL);
	t.period_ns = ~0ul;
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, &t), -EINVAL);
	CHECK_EQ(hcall_vcpu_op(VCPUOP_set_periodic_timer, 0, XEN_VA),
		 -EFAULT);
	timer_off();
}

/*
 * Polls until the timeout. A poll may end early (an event came, such as the
 * console's), but not so often that it does not sleep.
 */
static void poll_out(struct sched_poll *p)
{
	unsigned int n = 0;

	do {
		CHECK_EQ(hcall_sched_op(SCHEDOP_poll, p), 0);
		n++;
	} while (time_ns() < p->timeout && n < 100);
	CHECK(time_ns() >= p->timeout);
}

static void poll_timeout(void)
{
	struct sched_poll p = { .timeout = time_ns() + 3000000 };

	poll_out(&p);
	p.timeout = 1;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), 0);
}

static void poll_pending(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_send send;
	struct evtchn_close close;
	evtchn_port_t port;
	struct sched_poll p = { .nr_ports = 1 };

	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi));
	port = close.port = send.port = ipi.port;
	event_mask_port(port);
	p.ports.p = &port;
	/* Not pending: the timeout ends it. Pending: at once. */
	p.timeout = time_ns() + 2000000;
	poll_out(&p);
	PREPARE(hcall_event_channel_op(EVTCHNOP_send, &send));
	p.timeout = time_ns() + 60000000000;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), 0);
	CHECK(time_ns() < p.timeout - 50000000000);
	event_unmask_port(port);
	hcall_event_channel_op(EVTCHNOP_close, &close);
}

static unsigned int poke_port;

static void poke(void *arg)
{
	struct evtchn_send send = { poke_port };

	(void)arg;
	delay_ns(5000000);
	hcall_event_channel_op(EVTCHNOP_send, &send);
}

/* What the kernel's spinlocks do: sleep until another vCPU kicks. */
static void poll_woken_by_other(void)
{
	struct evtchn_bind_ipi ipi = { .vcpu = 0 };
	struct evtchn_close close;
	struct sched_poll p = { .nr_ports = 1 };
	uint64_t start;

	if (cpus_possible() < 2)
		tap_skip("one vCPU");
	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &ipi));
	close.port = poke_port = ipi.port;
	event_mask_port(poke_port);
	p.ports.p = &poke_port;
	start = time_ns();
	p.timeout = start + PATIENCE;
	REQUIRE_EQ(cpu_start(1, poke, NULL), 0);
	do {
		CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), 0);
	} while (!event_pending(poke_port) && time_ns() < p.timeout);
	CHECK(time_ns() < start + 10000000000);
	event_unmask_port(poke_port);
	hcall_event_channel_op(EVTCHNOP_close, &close);
}

static void poll_refused(void)
{
	static evtchn_port_t ports[200];
	struct sched_poll p = { .nr_ports = 129, .timeout = 1 };
	static const evtchn_port_t bad[] = {
		200000, 0x7fffffff, 0xffffffff,
	};

	p.ports.p = ports;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), -EINVAL);
	p.nr_ports = 0xffffffff;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), -EINVAL);
	p.nr_ports = 1;
	for (unsigned int i = 0; i < ARRAY_SIZE(bad); i++) {
		ports[0] = bad[i];
		CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), -EINVAL);
	}
	p.ports.p = (evtchn_port_t *)UNMAPPED_VA;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), -EFAULT);
	p.ports.p = (evtchn_port_t *)XEN_VA;
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, &p), -EFAULT);
	CHECK_EQ(hcall_sched_op(SCHEDOP_poll, UNMAPPED_VA), -EFAULT);
}

static void watchdog(void)
{
	struct sched_watchdog w = { .id = 0, .timeout = 30 };
	long id = hcall_sched_op(SCHEDOP_watchdog, &w);

	if (id == -ENOSYS)
		tap_skip("not offered");
	CHECK(id > 0);
	w.id = (uint32_t)id;
	w.timeout = 60;
	CHECK_EQ(hcall_sched_op(SCHEDOP_watchdog, &w), 0);
	w.timeout = 0;
	CHECK_EQ(hcall_sched_op(SCHEDOP_watchdog, &w), 0);
	w.id = 1000;
	CHECK_EQ(hcall_sched_op(SCHEDOP_watchdog, &w), -EINVAL);
	CHECK_EQ(hcall_sched_op(SCHEDOP_watchdog, UNMAPPED_VA), -EFAULT);
}

static void refused(void)
{
	struct sched_remote_shutdown r = {
		.domain_id = 1234, .reason = SHUTDOWN_poweroff,
	};

	CHECK_NO_DOMAIN(hcall_sched_op(SCHEDOP_remote_shutdown, &r));
	CHECK_EQ(hcall_sched_op(SCHEDOP_remote_shutdown, UNMAPPED_VA),
		 -EFAULT);
	CHECK_EQ(hcall_sched_op(SCHEDOP_shutdown, UNMAPPED_VA), -EFAULT);
	CHECK_EQ(hcall_sched_op(SCHEDOP_shutdown, XEN_VA), -EFAULT);
	CHECK_EQ(hcall_sched_op(99, NULL), -ENOSYS);
	CHECK_EQ(hcall_sched_op(-1, NULL), -ENOSYS);
}

static const struct test_case cases[] = {
	{ "yield", yield },
	{ "time moves forward", time_moves },
	{ "block until the timer", block_until_timer },
	{ "block with an event pending", block_with_pending },
	{ "a timer in the past", timer_in_the_past },
	{ "a timer stopped", timer_stopped },
	{ "single-shot timer", singleshot },
	{ "periodic timer", periodic },
	{ "poll: timeout", poll_timeout },
	{ "poll: a pending port", poll_pending },
	{ "poll: woken by another vCPU", poll_woken_by_other },
	{ "poll refused", poll_refused },
	{ "watchdog", watchdog },
	{ "refused", refused },
};

TEST_PROGRAM(sched, "sched_op and timers", cases);
