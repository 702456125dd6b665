/*
 * The FIFO ABI of event channels: a boot of its own, since a domain changes
 * over once. Rules: <xen/event_channel.h>, "FIFO" part: a control block per
 * vCPU (ready bits, 16 queue heads), an event word per port (PENDING, MASKED,
 * LINKED, BUSY, LINK), pages of words added one by one. The guest's words are
 * hostile to the hypervisor (security lessons 54-58): links are overwritten
 * here with nonsense. The words are read by polling; upcalls stay masked.
 */
#include "tables.h"

#define evtchn(op, arg) hcall_event_channel_op(op, arg)
#define WORD_PENDING (1u << EVTCHN_FIFO_PENDING)
#define WORD_MASKED (1u << EVTCHN_FIFO_MASKED)
#define WORD_LINKED (1u << EVTCHN_FIFO_LINKED)
#define LINK_MASK ((1u << EVTCHN_FIFO_LINK_BITS) - 1)

static struct evtchn_fifo_control_block *control;
static event_word_t *words;
static unsigned int a, b, c;

static unsigned int ipi(void)
{
	struct evtchn_bind_ipi i = { .vcpu = 0 };

	PREPARE(evtchn(EVTCHNOP_bind_ipi, &i));
	return i.port;
}

static long send_port(unsigned int port)
{
	struct evtchn_send s = { port };

	return evtchn(EVTCHNOP_send, &s);
}

static long set_priority(unsigned int port, unsigned int priority)
{
	struct evtchn_set_priority p = { port, priority };

	return evtchn(EVTCHNOP_set_priority, &p);
}

static void init_control(void)
{
	struct evtchn_init_control i = { .vcpu = 0 };

	events_disable();
	control = page_alloc();
	words = page_alloc();
	i.control_gfn = virt_to_mfn(control);
	/* Bound before: events of old take part in the new ABI. */
	a = ipi();
	CHECK_EQ(evtchn(EVTCHNOP_init_control, &i), 0);
	CHECK_EQ(i.link_bits, EVTCHN_FIFO_LINK_BITS);
	/* Once per vCPU. */
	CHECK(evtchn(EVTCHNOP_init_control, &i) < 0);
}

static void expand_array(void)
{
	struct evtchn_expand_array e = { .array_gfn = 1ul << 33 };

	for (unsigned int i = 0; i < PAGE_SIZE / sizeof(*words); i++)
		words[i] = WORD_MASKED;
	CHECK(evtchn(EVTCHNOP_expand_array, &e) < 0);
	e.array_gfn = virt_to_mfn(kernel_l4());
	CHECK(evtchn(EVTCHNOP_expand_array, &e) < 0);
	e.array_gfn = start_info->shared_info >> PAGE_SHIFT;
	e.array_gfn = virt_to_mfn(words);
	CHECK_EQ(evtchn(EVTCHNOP_expand_array, &e), 0);
	/* The array's frame is the hypervisor's to write. */
	PREPARE(page_set_ro(words));
	CHECK_REFUSED(page_pin(words, MMUEXT_PIN_L1_TABLE));
	PREPARE(page_set_rw(words));
	b = ipi();
	c = ipi();
	words[a] = words[b] = words[c] = 0;
}

/* Takes the queue of PRIORITY as a guest does; returns the ports' number. */
static unsigned int drain(unsigned int priority, unsigned int *ports)
{
	unsigned int n = 0, port = READ_ONCE(control->head[priority]);

	__atomic_fetch_and(&control->ready, ~(1u << priority),
			   __ATOMIC_SEQ_CST);
	while (port && n < 8) {
		event_word_t old = __atomic_fetch_and(&words[port],
				~(WORD_LINKED | LINK_MASK | WORD_PENDING),
				__ATOMIC_SEQ_CST);

		ports[n++] = port;
		port = old & LINK_MASK;
	}
	WRITE_ONCE(control->head[priority], 0);
	return n;
}

static void queue_in_order(void)
{
	unsigned int ports[8], q = EVTCHN_FIFO_PRIORITY_DEFAULT;

	events_disable();
	CHECK_EQ(send_port(b), 0);
	CHECK_EQ(send_port(a), 0);
	CHECK_EQ(send_port(c), 0);
	CHECK(words[a] & WORD_PENDING);
	CHECK(words[a] & WORD_LINKED);
	CHECK_EQ(READ_ONCE(vcpu_info()->evtchn_upcall_pending), 1);
	CHECK_EQ(READ_ONCE(control->ready) & 1u << q, 1u << q);
	CHECK_EQ(drain(q, ports), 3);
	CHECK_EQ(ports[0], b);
	CHECK_EQ(ports[1], a);
	CHECK_EQ(ports[2], c);
	/* Sent twice before it is taken: there once. */
	CHECK_EQ(send_port(a), 0);
	CHECK_EQ(send_port(a), 0);
	CHECK_EQ(drain(q, ports), 1);
	CHECK_EQ(ports[0], a);
}

static void masked_is_not_linked(void)
{
	unsigned int ports[8], q = EVTCHN_FIFO_PRIORITY_DEFAULT;
	struct evtchn_unmask u = { b };

	events_disable();
	words[b] = WORD_MASKED;
	CHECK_EQ(send_port(b), 0);
	CHECK_EQ(words[b] & (WORD_PENDING | WORD_LINKED), WORD_PENDING);
	CHECK_EQ(evtchn(EVTCHNOP_unmask, &u), 0);
	CHECK_EQ(words[b] & (WORD_PENDING | WORD_LINKED | WORD_MASKED),
		 WORD_PENDING | WORD_LINKED);
	CHECK_EQ(drain(q, ports), 1);
	CHECK_EQ(ports[0], b);
}

static void priorities(void)
{
	unsigned int ports[8];

	events_disable();
	CHECK_EQ(set_priority(c, EVTCHN_FIFO_PRIORITY_MAX), 0);
	CHECK_EQ(send_port(c), 0);
	CHECK_EQ(READ_ONCE(control->ready) & 1, 1);
	CHECK_EQ(drain(EVTCHN_FIFO_PRIORITY_MAX, ports), 1);
	CHECK_EQ(ports[0], c);
	CHECK_EQ(set_priority(c, EVTCHN_FIFO_PRIORITY_DEFAULT), 0);
	CHECK_EQ(set_priority(c, EVTCHN_FIFO_PRIORITY_MIN + 1), -EINVAL);
	CHECK_EQ(set_priority(c, 0xffffffff), -EINVAL);
	CHECK_EQ(set_priority(0xffffff, 0), -EINVAL);
}

/* Heads and links point to nowhere: the guest harms itself alone. */
static void hostile_words(void)
{
	unsigned int ports[8], q = EVTCHN_FIFO_PRIORITY_DEFAULT;
	static const uint32_t nonsense[] = {
		0xffffffff, LINK_MASK, WORD_LINKED | LINK_MASK, 1u << 28,
		WORD_PENDING, WORD_LINKED, WORD_MASKED | WORD_LINKED,
	};

	events_disable();
	for (unsigned int i = 0; i < ARRAY_SIZE(nonsense); i++) {
		CHECK_EQ(send_port(a), 0);
		words[a] = nonsense[i];
		WRITE_ONCE(control->head[q], 0xffffffff);
		CHECK_EQ(send_port(b), 0);
		CHECK_EQ(send_port(c), 0);
		CHECK_EQ(send_port(a), 0);
		words[a] = words[b] = words[c] = 0;
		WRITE_ONCE(control->head[q], 0);
		WRITE_ONCE(control->ready, 0);
	}
	CHECK_EQ(hcall_xen_version(XENVER_version, NULL), 4 << 16 | 17);
	/* And still it works. */
	(void)drain(q, ports);
	CHECK_EQ(send_port(b), 0);
	CHECK(words[b] & WORD_PENDING);
}

/* Ports beyond the words that were given: silently without an event. */
static void port_without_word(void)
{
	struct evtchn_bind_ipi more_ports = { .vcpu = 0 };
	unsigned int high = 0, n = 0;

	events_disable();
	while (n < 1100 && high < 1030 &&
	       !evtchn(EVTCHNOP_bind_ipi, &more_ports)) {
		high = more_ports.port;
		n++;
	}
	if (high < 1024)
		tap_skip("this domain may not have so many ports");
	CHECK_EQ(send_port(high), 0);
	/* Room for them makes them work. */
	if (high >= 1024) {
		event_word_t *more = page_alloc();
		struct evtchn_expand_array e = {
			.array_gfn = virt_to_mfn(more),
		};

		CHECK_EQ(evtchn(EVTCHNOP_expand_array, &e), 0);
		CHECK_EQ(send_port(high), 0);
		CHECK(more[high - 1024] & WORD_PENDING);
	}
}

/* Reset: all ports closed, two-level again. */
static void reset(void)
{
	struct evtchn_reset r = { .dom = DOMID_SELF };
	struct evtchn_status s = { .dom = DOMID_SELF, .port = a };
	long rc;

	if (!is_dom0())
		tap_skip("would close the console's port");
	events_disable();
	CHECK_EQ(evtchn(EVTCHNOP_reset, &r), 0);
	rc = evtchn(EVTCHNOP_status, &s);
	CHECK(rc == -EINVAL || (!rc && s.status == EVTCHNSTAT_closed));
	/* The pages are the guest's again, and may become anything. */
	CHECK_EQ(page_set_ro(words), 0);
	memset(control, 0, PAGE_SIZE);
	CHECK_EQ(page_set_rw(words), 0);
	memset(words, 0, PAGE_SIZE);
	CHECK_EQ(page_set_ro(words), 0);
	CHECK_EQ(page_pin(words, MMUEXT_PIN_L1_TABLE), 0);
	CHECK_EQ(page_unpin(words), 0);
	CHECK_EQ(page_set_rw(words), 0);
	a = ipi();
	WRITE_ONCE(shared_info->evtchn_mask[a / 64], 0);
	CHECK_EQ(send_port(a), 0);
	CHECK(event_pending(a));
	event_clear(a);
}

static const struct test_case cases[] = {
	{ "init_control", init_control },
	{ "expand_array", expand_array },
	{ "events queue in order", queue_in_order },
	{ "what is masked is not linked", masked_is_not_linked },
	{ "priorities", priorities },
	{ "hostile words", hostile_words },
	{ "a port without a word", port_without_word },
	{ "reset", reset },
};

TEST_PROGRAM_ALONE(fifo, "event_channel_op, FIFO", cases);
