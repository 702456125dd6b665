/*
 * pingpong: what it costs when two vCPUs take turns; prints lines as bench
 * does (bench.h).
 *
 *	pingpong		two vCPUs of this domain
 *	pingpong:trips		the same without yields: for two processors
 *	pingpong:ask, with peer=DOMID on the command line, and
 *	pingpong:answer, likewise	two domains; the one that asks measures
 *
 * A round trip is an event each way; whoever has sent one blocks until its
 * own event callback has run. `yield_switch` is a yield to the other vCPU,
 * which yields as well: two switches and nothing else.
 */
#include "bench.h"

#define ROUND_TRIPS 200

static unsigned int ask_port, answer_port;
static volatile unsigned long asked, answered;
static volatile bool yielding;

static void send(unsigned int port)
{
	struct evtchn_send s = { port };

	hcall_event_channel_op(EVTCHNOP_send, &s);
}

static void on_asked(unsigned int port)
{
	(void)port;
	asked++;
}

static void on_answered(unsigned int port)
{
	(void)port;
	answered++;
}

/* Blocks until *EVENTS is no longer SEEN. */
static void wait(const volatile unsigned long *events, unsigned long seen)
{
	events_disable();
	while (*events == seen) {
		/* Lets events in, and does not sleep if one is there. */
		hcall_sched_op(SCHEDOP_block, NULL);
		events_disable();
	}
	events_enable();
}

static void round_trips(unsigned long n)
{
	unsigned long before;

	while (n--) {
		before = answered;
		send(ask_port);
		wait(&answered, before);
	}
}

static void answer_for_ever(unsigned int port)
{
	for (unsigned long seen = 0;; seen++) {
		wait(&asked, seen);
		send(port);
	}
}

static void yields(unsigned long n)
{
	while (n--)
		hcall_sched_op(SCHEDOP_yield, NULL);
}

static void other_vcpu(void *arg)
{
	(void)arg;
	while (READ_ONCE(yielding))
		hcall_sched_op(SCHEDOP_yield, NULL);
	answer_for_ever(answer_port);
}

static unsigned int ipi_port(unsigned int vcpu, event_handler *fn)
{
	struct evtchn_bind_ipi b = { .vcpu = vcpu };

	PREPARE(hcall_event_channel_op(EVTCHNOP_bind_ipi, &b));
	event_set_handler(b.port, fn);
	return b.port;
}

static void between_vcpus(bool with_yields)
{
	if (cpus_possible() < 2) {
		printk("# pingpong needs two vCPUs\n");
		return;
	}
	ask_port = ipi_port(1, on_asked);
	answer_port = ipi_port(0, on_answered);
	yielding = with_yields;
	PREPARE(cpu_start(1, other_vcpu, NULL));
	if (with_yields)
		bench_measure("yield_switch", yields, ROUND_TRIPS, 0);
	WRITE_ONCE(yielding, false);
	bench_measure("round_trip_vcpus", round_trips, ROUND_TRIPS, 0);
}

static domid_t peer(void)
{
	char text[8] = "";
	domid_t id = 0;

	option_get("peer", text, sizeof(text));
	for (const char *s = text; *s; s++)
		id = (domid_t)(id * 10 + (*s - '0'));
	return id;
}

/* The peer's port is the one that lets us bind it, once it is there. */
static void ask(void)
{
	struct evtchn_bind_interdomain b = { .remote_dom = peer() };

	for (;; b.remote_port = (b.remote_port + 1) % 64) {
		if (!hcall_event_channel_op(EVTCHNOP_bind_interdomain, &b))
			break;
		if (!b.remote_port)
			delay_ns(1000000);
	}
	ask_port = b.local_port;
	event_set_handler(ask_port, on_answered);
	bench_measure("round_trip_domains", round_trips, ROUND_TRIPS, 0);
}

/* Until it is destroyed. */
static void answer(void)
{
	struct evtchn_alloc_unbound a = {
		.dom = DOMID_SELF, .remote_dom = peer(),
	};

	PREPARE(hcall_event_channel_op(EVTCHNOP_alloc_unbound, &a));
	event_set_handler(a.port, on_asked);
	answer_for_ever(a.port);
}

static void run(const char *role)
{
	if (!strcmp(role, "ask"))
		ask();
	else if (!strcmp(role, "answer"))
		answer();
	else
		between_vcpus(strcmp(role, "trips"));
}

OTHER_PROGRAM(pingpong, "two vCPUs, or two domains, that take turns", run);
