/*
 * event/ with the FIFO ABI: no event is lost, alone and with senders, closers
 * and resets on other threads (those with 2-level events, too). The reading
 * side is a model guest: what it does to the words is what Linux does, or, as a
 * hostile one, anything.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <pthread.h>
#define sched_yield hv_sched_yield /* ours; pthread.h brings another */
#include "event_world.h"

#define PENDING (1u << EVTCHN_FIFO_PENDING)
#define MASKED (1u << EVTCHN_FIFO_MASKED)
#define LINKED (1u << EVTCHN_FIFO_LINKED)

/* --- the model guest --- */

static struct evtchn_fifo_control_block *control[4];
static uint32_t *words; /* the first page of them */

static long init_control(uint32_t vcpu, uint32_t offset, mfn_t mfn)
{
	struct evtchn_init_control c = { mfn.n, offset, vcpu, 0, { 0 } };
	long rc = event_init_control(&c);

	if (rc == 0)
		assert_int_equal(c.link_bits, 17);
	return rc;
}

static long expand(mfn_t mfn)
{
	return event_expand_array(&(struct evtchn_expand_array){ mfn.n });
}

static long set_priority(uint32_t port, uint32_t priority)
{
	return event_set_priority(&(struct evtchn_set_priority){ port,
								  priority });
}

/* As if the far end, or an interrupt, had raised it. */
static void notify(struct domain *d, uint32_t port)
{
	struct evtchn *ev = port_lock(d, port);

	assert_non_null(ev);
	port_raise(d, port, ev);
	spin_unlock(&ev->lock);
}

static void fifo_on(void)
{
	mfn_t mfn = world_page(a);
	unsigned int i;

	for (i = 0; i < 4; i++) {
		assert_int_equal(init_control(i, 256 * i, mfn), 0);
		control[i] = (void *)((char *)world_virt(mfn) + 256 * i);
	}
	mfn = world_page(a);
	assert_int_equal(expand(mfn), 0);
	words = world_virt(mfn);
}

/* What Linux keeps of each queue: where it goes on. */
static uint32_t next_port[4][EVTCHN_FIFO_MAX_QUEUES];

static uint32_t take_word(uint32_t *word)
{
	uint32_t w = __atomic_load_n(word, __ATOMIC_SEQ_CST);

	while (!__atomic_compare_exchange_n(word, &w,
			w & ~(LINKED | EVTCHN_FIFO_LINK_MASK), false,
			__ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
		;
	return w & EVTCHN_FIFO_LINK_MASK;
}

/* Takes one port of a queue; 0: none. Clears PENDING of what it takes. */
static uint32_t take_port(unsigned int vcpu, unsigned int q)
{
	uint32_t *next = &next_port[vcpu][q], port, w;
	uint32_t ready = __atomic_load_n(&control[vcpu]->ready,
					 __ATOMIC_SEQ_CST);

	if (!(ready >> q & 1) && !*next)
		return 0;
	if (!*next) {
		(void)__atomic_fetch_and(&control[vcpu]->ready, ~(1u << q),
					 __ATOMIC_SEQ_CST);
		*next = __atomic_load_n(&control[vcpu]->head[q],
					__ATOMIC_SEQ_CST);
	}
	port = *next;
	if (!port)
		return 0;
	*next = take_word(&words[port]);
	w = __atomic_load_n(&words[port], __ATOMIC_SEQ_CST);
	if (!(w & PENDING) || w & MASKED)
		return port | 1u << 31; /* on the queue, but not for now */
	(void)__atomic_fetch_and(&words[port], ~PENDING, __ATOMIC_SEQ_CST);
	return port;
}

static void fifo_refusals(void **state)
{
	mfn_t mfn = world_page(a), other;
	struct frame *f;

	assert_int_equal(expand(mfn), -EOPNOTSUPP);
	assert_int_equal(set_priority(ipi(0), 3), -ENOSYS);
	assert_int_equal(init_control(4, 0, mfn), -ENOENT);
	assert_int_equal(init_control(0, 4, mfn), -EINVAL);
	assert_int_equal(init_control(0, 4096 - 64, mfn), -EINVAL);
	assert_int_equal(init_control(0, ~7u, mfn), -EINVAL);
	assert_int_equal(init_control(0, 0, MFN(5)), -EINVAL);
	assert_int_equal(init_control(0, 0, world_page(b)), -EINVAL);
	assert_int_equal(world_refs(mfn), 1);
	/* not a page that is a table */
	assert_int_equal(init_control(0, 0, world_l1(a)), -EBUSY);
	assert_int_equal(init_control(0, 0, mfn), 0);
	assert_int_equal(init_control(0, 0, mfn), -EINVAL);
	assert_int_equal(world_refs(mfn), 2);
	/* and the page can be none from now on */
	assert_int_equal(frame_get_as(a, mfn, TYPE_L1, &f), -EBUSY);
	other = world_page(b);
	assert_int_equal(expand(other), -EINVAL);
	assert_int_equal(set_priority(9999, 3), -EINVAL);
	assert_int_equal(set_priority(1, 16), -EINVAL);
}

static void fifo_in_order(void **state)
{
	uint32_t p[5];
	unsigned int i;

	for (i = 0; i < 5; i++)
		p[i] = ipi(1);
	fifo_on();
	for (i = 0; i < 5; i++)
		assert_int_equal(send_to(p[4 - i]), 0);
	assert_int_equal(send_to(p[2]), 0); /* there already */
	assert_int_equal(control[1]->ready, 1u << 7);
	assert_int_equal(a->vcpu[1]->info->evtchn_upcall_pending, 1);
	for (i = 0; i < 5; i++)
		assert_int_equal(take_port(1, 7), p[4 - i]);
	assert_int_equal(take_port(1, 7), 0);
	/* the queue is empty: the next one is announced again */
	a->vcpu[1]->info->evtchn_upcall_pending = 0;
	assert_int_equal(send_to(p[0]), 0);
	assert_int_equal(a->vcpu[1]->info->evtchn_upcall_pending, 1);
	assert_int_equal(take_port(1, 7), p[0]);
}

static void fifo_mask(void **state)
{
	uint32_t p = ipi(0);

	fifo_on();
	words[p] = MASKED;
	assert_int_equal(send_to(p), 0);
	assert_int_equal(words[p], MASKED | PENDING);
	assert_int_equal(control[0]->ready, 0);
	assert_int_equal(event_pending_port(a, p), 1);
	assert_int_equal(unmask(p), 0);
	assert_int_equal(words[p], PENDING | LINKED);
	assert_int_equal(take_port(0, 7), p);
	assert_int_equal(unmask(p), 0); /* nothing pending */
	assert_int_equal(take_port(0, 7), 0);
}

/*
 * A port that was the tail of its queue moves to another: later events of the
 * old queue must not follow it there.
 */
static void fifo_moving_tail(void **state)
{
	uint32_t p = ipi(0), q = ipi(0);

	fifo_on();
	assert_int_equal(send_to(p), 0);
	assert_int_equal(take_port(0, 7), p);
	assert_int_equal(set_priority(p, 2), 0);
	assert_int_equal(send_to(p), 0); /* tail of queue 2, LINKED again */
	assert_int_equal(send_to(q), 0);
	assert_int_equal(words[p] & EVTCHN_FIFO_LINK_MASK, 0);
	assert_int_equal(take_port(0, 7), q);
	assert_int_equal(take_port(0, 2), p);
	assert_int_equal(take_port(0, 2), 0);
}

/* Events before their words, and before the change to FIFO. */
static void fifo_early(void **state)
{
	uint32_t p = 0, low = ipi(0);
	mfn_t mfn;

	fifo_on();
	while (p < 1030)
		p = ipi(0);
	assert_int_equal(send_to(p), 0);
	assert_int_equal(send_to(p - 1), 0);
	assert_int_equal(close_port(p - 1), 0); /* forgotten */
	assert_int_equal(event_pending_port(a, p), 0);
	assert_int_equal(control[0]->ready, 0);
	mfn = world_page(a);
	assert_int_equal(expand(mfn), 0);
	assert_int_equal(((uint32_t *)world_virt(mfn))[1030 - 1024],
			 PENDING | LINKED);
	assert_int_equal(((uint32_t *)world_virt(mfn))[1029 - 1024], 0);
	assert_int_equal(control[0]->head[7], 1030);
	assert_int_equal(send_to(low), 0);
}

static void fifo_no_control_block(void **state)
{
	uint32_t p = ipi(3);
	mfn_t mfn = world_page(a);

	assert_int_equal(init_control(0, 0, mfn), 0);
	mfn = world_page(a);
	assert_int_equal(expand(mfn), 0);
	assert_int_equal(send_to(p), 0); /* vCPU 3 has no queues */
	assert_int_equal(((uint32_t *)world_virt(mfn))[p], PENDING);
}

static void fifo_reset(void **state)
{
	struct evtchn_reset r = { DOMID_SELF };
	uint32_t p = ipi(0), again;
	mfn_t mfn;
	struct frame *f;

	fifo_on();
	assert_int_equal(send_to(p), 0);
	mfn = frame_mfn(virt_frame(words));
	assert_int_equal(world_refs(mfn), 2);
	assert_int_equal(event_reset(&r), 0);
	assert_int_equal(status(p).status, EVTCHNSTAT_closed);
	assert_int_equal(world_refs(mfn), 1);
	memset(words, 0, PAGE_SIZE);
	assert_int_equal(frame_get_as(a, mfn, TYPE_L1, &f), 0);
	frame_put_as(f);
	/* 2-level again */
	again = ipi(0);
	assert_int_equal(send_to(again), 0);
	assert_true(pending2(a, again));
	fifo_on();
}

static int open_behind(void)
{
	world_preempt = NULL;
	(void)ipi(0);
	return 0;
}

/* Another vCPU opens a port where the reset has been already. */
static void reset_meanwhile(void **state)
{
	struct evtchn_reset r = { DOMID_SELF };
	unsigned int i;
	mfn_t mfn;

	for (i = 0; i < 70; i++)
		(void)ipi(0);
	fifo_on();
	mfn = frame_mfn(virt_frame(words));
	world_preempt = open_behind;
	assert_int_equal(event_reset(&r), -EAGAIN);
	assert_int_equal(world_refs(mfn), 2); /* still in use */
	assert_int_equal(send_to(1), 0);
	assert_int_equal(words[1], PENDING | LINKED);
	assert_int_equal(event_reset(&r), 0);
	assert_int_equal(world_refs(mfn), 1);
}

/* No nonsense in a guest's words harms us; honest ports still arrive. */
static void fifo_hostile(void **state)
{
	static const uint32_t nonsense[] = {
		~0u, 0, LINKED, LINKED | EVTCHN_FIFO_LINK_MASK, PENDING,
		MASKED | LINKED, 1u << EVTCHN_FIFO_BUSY, 0x1ffff,
	};
	uint32_t p[6];
	unsigned int i, k, seed = 1;

	for (i = 0; i < 6; i++)
		p[i] = ipi(i % 4);
	fifo_on();
	for (i = 0; i < 20000; i++) {
		k = rand_r(&seed) % 6;
		words[p[k]] = nonsense[rand_r(&seed) % ARRAY_SIZE(nonsense)];
		control[k % 4]->head[7] = nonsense[rand_r(&seed) % 8];
		control[k % 4]->ready = nonsense[rand_r(&seed) % 8];
		(void)send_to(p[rand_r(&seed) % 6]);
		(void)unmask(p[rand_r(&seed) % 6]);
		(void)set_priority(p[rand_r(&seed) % 6], rand_r(&seed) % 16);
		if (i % 64 == 0) {
			(void)close_port(p[k]);
			p[k] = ipi(k % 4);
		}
	}
}

/*
 * Random work with a guest that plays by the rules: whatever was sent to a port
 * that is not masked is taken, once the queues are empty.
 */
static void fifo_loses_nothing(void **state)
{
	enum { PORTS = 24 };
	bool owed[PORTS] = { false };
	uint32_t p[PORTS], got;
	unsigned int step, k, v, q, seed = 7;

	for (k = 0; k < PORTS; k++)
		p[k] = unbound(DOMID_SELF);
	fifo_on();
	memset(next_port, 0, sizeof(next_port));
	for (step = 0; step < 200000; step++) {
		k = rand_r(&seed) % PORTS;
		switch (rand_r(&seed) % 8) {
		case 0:
			words[p[k]] |= MASKED;
			break;
		case 1:
			assert_int_equal(unmask(p[k]), 0);
			break;
		case 2:
			assert_int_equal(set_priority(p[k],
				rand_r(&seed) % 16), 0);
			break;
		case 3:
			assert_int_equal(bind_vcpu(p[k],
				rand_r(&seed) % 4), 0);
			break;
		case 4:
		case 5:
			notify(a, p[k]);
			owed[k] = true;
			break;
		default:
			v = rand_r(&seed) % 4;
			got = take_port(v, rand_r(&seed) % 16);
			if (got && !(got >> 31))
				owed[got - p[0]] = false;
		}
	}
	for (k = 0; k < PORTS; k++)
		assert_int_equal(unmask(p[k]), 0);
	for (v = 0; v < 4; v++)
		for (q = 0; q < 16; q++)
			while ((got = take_port(v, q)) != 0)
				if (!(got >> 31))
					owed[got - p[0]] = false;
	for (k = 0; k < PORTS; k++)
		assert_false(owed[k]);
}

/* --- several CPUs --- */

static bool stop;

static void *as_vcpu(struct domain *d, unsigned int vcpu, unsigned int cpu)
{
	host_cpu = &cpus[cpu];
	cpus[cpu].id = cpu;
	world_run(d, vcpu);
	return NULL;
}

static uint32_t sent_port[2];
static uint64_t sent[2];

static void *sender(void *arg)
{
	unsigned int me = (uintptr_t)arg, i;

	as_vcpu(a, 1 + me, 1 + me);
	for (i = 0; i < 50000; i++) {
		assert_int_equal(send_to(sent_port[me]), 0);
		(void)__atomic_add_fetch(&sent[me], 1, __ATOMIC_SEQ_CST);
	}
	return NULL;
}

/* Two senders, one who takes: after the last send each port comes once more. */
static void fifo_two_senders(void **state)
{
	uint64_t last[2] = { 0 }, seen;
	pthread_t t[2];
	unsigned int i;
	uint32_t got;

	for (i = 0; i < 2; i++) {
		sent_port[i] = ipi(0);
		sent[i] = 0;
	}
	fifo_on();
	memset(next_port, 0, sizeof(next_port));
	for (i = 0; i < 2; i++)
		pthread_create(&t[i], NULL, sender, (void *)(uintptr_t)i);
	do {
		got = take_port(0, 7);
		seen = __atomic_load_n(&sent[0], __ATOMIC_SEQ_CST) +
		       __atomic_load_n(&sent[1], __ATOMIC_SEQ_CST);
		for (i = 0; i < 2; i++)
			if (got == sent_port[i])
				last[i]++;
	} while (seen < 100000);
	pthread_join(t[0], NULL);
	pthread_join(t[1], NULL);
	while ((got = take_port(0, 7)) != 0)
		for (i = 0; i < 2; i++)
			if (got == sent_port[i])
				last[i]++;
	assert_true(last[0] > 0 && last[1] > 0);
	assert_false(words[sent_port[0]] & (PENDING | LINKED));
	assert_false(words[sent_port[1]] & (PENDING | LINKED));
}

static void *hammer(void *arg)
{
	unsigned int seed = 3;
	uint32_t port, local;

	as_vcpu(b, 0, 1);
	while (!__atomic_load_n(&stop, __ATOMIC_SEQ_CST)) {
		port = rand_r(&seed) % 12;
		(void)send_to(port);
		(void)unmask(port);
		(void)event_pending_port(b, port);
		if (rand_r(&seed) % 4 == 0)
			(void)interdomain(0, rand_r(&seed) % 12, &local);
		if (rand_r(&seed) % 8 == 0)
			(void)close_port(rand_r(&seed) % 12);
		virq_raise_global(VIRQ_CONSOLE);
	}
	return NULL;
}

/* One binds and sends while the other opens, closes, resets and changes ABI. */
static void close_and_reset_race(void **state)
{
	struct evtchn_alloc_unbound u = { DOMID_SELF, 1, 0 };
	struct evtchn_reset r = { DOMID_SELF };
	unsigned int i, k;
	pthread_t t;
	uint32_t port;

	stop = false;
	pthread_create(&t, NULL, hammer, NULL);
	for (i = 0; i < 2000; i++) {
		for (k = 0; k < 8; k++) {
			(void)event_alloc_unbound(&u);
			u.dom = DOMID_SELF;
		}
		(void)virq(VIRQ_CONSOLE, 0, &port);
		if (i % 2)
			fifo_on();
		for (k = 1; k < 8; k++) {
			(void)send_to(k);
			if (k % 3 == 0)
				(void)close_port(k);
		}
		assert_int_equal(event_reset(&r), 0);
		/* pages that FIFO gave back */
		if (i % 2) {
			k = frame_mfn(virt_frame(words)).n;
			assert_int_equal(world_refs(MFN(k)), 1);
			frame_ref(frame_of(MFN(k)));
			assert_int_equal(frame_release(frame_of(MFN(k))), 0);
			frame_put(frame_of(MFN(k)));
			k = frame_mfn(virt_frame(control[0])).n;
			frame_ref(frame_of(MFN(k)));
			assert_int_equal(frame_release(frame_of(MFN(k))), 0);
			frame_put(frame_of(MFN(k)));
		}
	}
	__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
	pthread_join(t, NULL);
}

/* A domain dies under the other's sends. */
static void death_race(void **state)
{
	uint32_t at_a, at_b;
	unsigned int i, k;
	pthread_t t;

	for (i = 0; i < 50; i++) {
		for (k = 0; k < 6; k++)
			pair(&at_a, &at_b);
		stop = false;
		pthread_create(&t, NULL, hammer, NULL);
		for (k = 0; k < 200; k++)
			(void)send_to(k % 8);
		__atomic_store_n(&stop, true, __ATOMIC_SEQ_CST);
		pthread_join(t, NULL);
		/* its vCPUs have stopped; ours go on */
		world_kill(b);
		for (k = 0; k < 12; k++)
			assert_in_range(-send_to(k), 0, EINVAL);
		event_reset(&(struct evtchn_reset){ DOMID_SELF });
		world_end();
		a = world_domain(0, 4, true);
		b = world_domain(1, 2, false);
		world_run(a, 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fifo_refusals), TEST(fifo_in_order), TEST(fifo_mask),
		TEST(fifo_moving_tail), TEST(fifo_early),
		TEST(fifo_no_control_block), TEST(fifo_reset),
		TEST(reset_meanwhile), TEST(fifo_hostile),
		TEST(fifo_loses_nothing), TEST(fifo_two_senders),
		TEST(close_and_reset_race), TEST(death_race),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("fifo", tests, NULL, NULL);
}
