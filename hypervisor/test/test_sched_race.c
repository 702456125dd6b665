/*
 * sched/ and domain/ on several CPUs at once, with guests that wake each
 * other, sleep, are paused, moved and killed while they do. Pinned: no wake-up
 * is lost (the test would hang), no vCPU runs on two CPUs or on one that is
 * not its own, nobody runs a guest that was paused and waited for, nothing is
 * left behind.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include "hypercall.h"
#include "smp.h"
#include <xen/sched.h>

#define CPUS 4
#define DOMAINS 4
#define VCPUS 4

/* Of each vCPU: by domain (in order of creation) and number. */
static struct state {
	struct domain *d;
	uint32_t inside;   /* threads that are in its guest code */
	uint64_t steps;
	uint32_t token;    /* a partner's word: run */
} states[DOMAINS][VCPUS];

static struct state *state_of(const struct vcpu *v)
{
	unsigned int i;

	for (i = 0; i < DOMAINS; i++)
		if (states[i][0].d == v->domain)
			return &states[i][v->id];
	return NULL;
}

/* Who changes an affinity tells the CPU right after it. */
static bool may_be_here(const struct vcpu *v)
{
	nsec_t end = now() + 5 * NSEC_PER_SEC;

	while (!(READ_ONCE(v->sched.hard_affinity) >> this_cpu()->id & 1) &&
	       !READ_ONCE(this_cpu()->need_resched))
		if (now() > end)
			return false;
	return true;
}

static void enter(struct vcpu *v, struct state *s)
{
	smp_check(atomic_add(&s->inside, 1) == 0);
	smp_check(may_be_here(v));
	(void)atomic_add(&s->steps, 1);
}

static void leave(struct state *s)
{
	(void)atomic_sub(&s->inside, 1);
}

static void block_until(uint32_t *word)
{
	while (!READ_ONCE(*word) && !vcpu_must_stop(current)) {
		sched_block_prepare();
		if (READ_ONCE(*word) || vcpu_must_stop(current))
			sched_block_cancel();
		else
			schedule();
	}
}

/* Even ones hand a token to the next and wait for it to come back. */
static void ping_pong(struct vcpu *v)
{
	struct state *me = state_of(v), *peer = me + (v->id & 1 ? -1 : 1);
	volatile unsigned int work;

	enter(v, me);
	for (work = 0; work < 50; work++)
		;
	leave(me);
	(void)!preempt_point(); /* as if in a long call: a pause waits */
	if (!READ_ONCE(me->token)) {
		block_until(&me->token);
		return;
	}
	WRITE_ONCE(me->token, 0);
	WRITE_ONCE(peer->token, 1);
	vcpu_wake(v->domain->vcpu[v->id ^ 1]);
}

static uint64_t all_steps(unsigned int dom)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < VCPUS; i++)
		n += READ_ONCE(states[dom][i].steps);
	return n;
}

static void make_domains(void)
{
	unsigned int i, k;

	memset(states, 0, sizeof(states));
	for (i = 0; i < DOMAINS; i++) {
		struct domain *d = smp_domain(VCPUS);

		for (k = 0; k < VCPUS; k++) {
			states[i][k].d = d;
			states[i][k].token = !(k & 1);
		}
	}
	for (i = 0; i < DOMAINS; i++)
		smp_check(domain_unpause(states[i][0].d) == 0);
}

static void wait_gone(uint32_t objects, uint32_t pages)
{
	unsigned int i;

	for (i = 0; i < 5000 && READ_ONCE(rooms_pages) != pages; i++)
		smp_sleep(NSEC_PER_MSEC);
	smp_check(READ_ONCE(rooms_pages) == pages);
	smp_check(READ_ONCE(rooms_objects) == objects);
	smp_check(domain_get_from(1) == NULL);
}

static void kill_domains(uint32_t objects, uint32_t pages)
{
	unsigned int i;

	for (i = 0; i < DOMAINS; i++)
		domain_kill(states[i][0].d);
	wait_gone(objects, pages);
}

static void pause_and_move(void)
{
	unsigned int round, dom, i;
	uint64_t before, total = 0;
	struct domain *d;

	for (round = 0; round < 400; round++) {
		dom = (unsigned int)rand() % DOMAINS;
		d = states[dom][0].d;
		switch (rand() % 3) {
		case 0:
			domain_pause_sync(d);
			before = all_steps(dom);
			for (i = 0; i < VCPUS; i++)
				smp_check(vcpu_is_stopped(d->vcpu[i]));
			smp_sleep(NSEC_PER_MSEC / 4);
			smp_check(all_steps(dom) == before);
			domain_resume(d);
			break;
		case 1:
			i = (unsigned int)rand() % VCPUS;
			smp_check(sched_set_affinity(d->vcpu[i],
				1u + (unsigned int)rand() % 15,
				(unsigned int)rand() % 16) == 0);
			break;
		default:
			smp_sleep(NSEC_PER_MSEC / 4);
			break;
		}
	}
	/* Nobody was lost: everybody goes on from here. */
	for (dom = 0; dom < DOMAINS; dom++) {
		for (i = 0; i < VCPUS; i++) {
			before = READ_ONCE(states[dom][i].steps);
			for (round = 0; round < 5000 && before ==
			     READ_ONCE(states[dom][i].steps); round++)
				smp_sleep(NSEC_PER_MSEC);
			smp_check(before != READ_ONCE(states[dom][i].steps));
		}
		total += all_steps(dom);
	}
	print_message("# %lu steps\n", total);
}

static void wake_sleep_pause(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages;

	smp_guest = ping_pong;
	make_domains();
	/* The table of domains stays: what it took is no leak. */
	objects += 0;
	pages += 1;
	pause_and_move();
	kill_domains(objects, pages);
}

static void test_wake_sleep_pause(void **state)
{
	smp_run(CPUS, wake_sleep_pause);
}

/* Domains come and go while their vCPUs are busy; half of them unpaused. */
static void births_and_deaths(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages, virqs;
	unsigned int round;

	smp_guest = ping_pong;
	virqs = rooms_virqs;
	for (round = 0; round < 30; round++) {
		make_domains();
		if (round & 1)
			smp_sleep(NSEC_PER_MSEC);
		kill_domains(objects, pages);
	}
	/* Each: dead, then gone. */
	smp_check(rooms_virqs - virqs == 30 * 2 * DOMAINS);
}

static void test_births_and_deaths(void **state)
{
	smp_run(CPUS, births_and_deaths);
}

static uint64_t word;

static void word_waiter(struct vcpu *v)
{
	uint64_t seen = READ_ONCE(word);

	wait_for_change(&word, seen);
	smp_check(READ_ONCE(word) != seen || vcpu_must_stop(v));
	(void)atomic_add(&state_of(v)->steps, 1);
}

/* Each change is seen by everybody who waits, without being told whom. */
static void waiters(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages;
	unsigned int i;
	uint64_t before;

	smp_guest = word_waiter;
	make_domains();
	for (i = 0; i < 300; i++) {
		before = all_steps(i % DOMAINS);
		do {
			(void)atomic_add(&word, 1);
			wake_waiters(&word);
			preempt_yield();
		} while (all_steps(i % DOMAINS) < before + VCPUS);
	}
	for (i = 0; i < DOMAINS; i++)
		domain_kill(states[i][0].d);
	/* They sleep in the hypervisor, where only a change gets them out. */
	for (i = 0; i < 5000 && READ_ONCE(rooms_pages) != pages; i++) {
		(void)atomic_add(&word, 1);
		wake_waiters(&word);
		smp_sleep(NSEC_PER_MSEC);
	}
	wait_gone(objects, pages);
}

static void test_waiters(void **state)
{
	smp_run(CPUS, waiters);
}

/* Its timer stays queued until then: it must go with the domain. */
static void watchdog_disarmed(void)
{
	struct sched_watchdog w = { .timeout = 1000 };
	long id = hc_sched_op(SCHEDOP_watchdog, (uint64_t)&w, 0, 0, 0);

	smp_check(id > 0);
	w.id = (uint32_t)id;
	w.timeout = 0;
	smp_check(hc_sched_op(SCHEDOP_watchdog, (uint64_t)&w, 0, 0, 0) == 0);
	smp_check(hc_sched_op(SCHEDOP_watchdog, (uint64_t)&w, 0, 0, 0) ==
		  -EINVAL);
}

static void exit_then_spin(struct vcpu *v)
{
	struct state *s = state_of(v);

	enter(v, s);
	leave(s);
	if (s->steps != 3)
		return;
	if (v->id == 0)
		watchdog_disarmed();
	domain_shutdown(v->domain, SHUTDOWN_poweroff);
}

/*
 * All vCPUs come to rest, the event is raised once, undoing lets them go on.
 */
static void shutdowns(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages, virqs;
	struct domain *d;
	unsigned int i, k;

	smp_guest = exit_then_spin;
	virqs = rooms_virqs;
	make_domains();
	for (i = 0; i < DOMAINS; i++) {
		d = states[i][0].d;
		for (k = 0; k < 5000 && !READ_ONCE(d->shutdown); k++)
			smp_sleep(NSEC_PER_MSEC / 4);
		smp_check(d->shutdown && d->shutdown_code ==
			  SHUTDOWN_poweroff);
	}
	smp_check(rooms_virqs - virqs == DOMAINS);
	d = states[0][0].d;
	smp_check(domain_shutdown_undo(d) == 0);
	smp_check(domain_shutdown_undo(d) == -EINVAL);
	smp_check(d->shutdown_code == -1);
	kill_domains(objects, pages);
}

static void test_shutdowns(void **state)
{
	smp_run(CPUS, shutdowns);
}

static void long_caller(struct vcpu *v)
{
	(void)!preempt_point();
	(void)!preempt_point();
}

/* A preemption point on the way does not make it forget that it must stop. */
static void long_calls(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages;
	struct domain *d;
	unsigned int i;

	smp_guest = long_caller;
	d = smp_domain(1);
	smp_check(domain_unpause(d) == 0);
	for (i = 0; i < 300; i++) {
		domain_pause_sync(d);
		smp_check(vcpu_is_stopped(d->vcpu[0]));
		domain_resume(d);
		smp_sleep(NSEC_PER_MSEC / 10);
	}
	domain_kill(d);
	wait_gone(objects, pages);
}

static void test_long_calls(void **state)
{
	smp_run(CPUS, long_calls);
}

/*
 * A reference keeps the structure; the id stays taken; a pause of none fails.
 */
static void references(void)
{
	uint32_t objects = rooms_objects, pages = rooms_pages;
	struct domain_config c = { .max_vcpus = 1 };
	struct domain *d, *e;
	uint16_t id;
	unsigned int i;

	smp_guest = ping_pong;
	d = smp_domain(1);
	id = d->id;
	smp_check(domain_get(id) == d);
	c.domid = id;
	smp_check(domain_create(&c, &e) == -EEXIST);
	c.domid = DOMID_FIRST_RESERVED;
	smp_check(domain_create(&c, &e) == -EINVAL);
	c.domid = DOMID_INVALID;
	c.max_vcpus = 0;
	smp_check(domain_create(&c, &e) == -EINVAL);
	c.max_vcpus = MAX_VCPUS + 1;
	smp_check(domain_create(&c, &e) == -EINVAL);
	smp_check(vcpu_create(d, 0) == -EEXIST);
	smp_check(vcpu_create(d, 1) == -EINVAL);
	domain_controller_pause(d);
	smp_check(domain_unpause(d) == 0);
	smp_check(domain_unpause(d) == 0);
	smp_check(domain_unpause(d) == -EINVAL);
	smp_check(domain_use(d));
	domain_kill(d);
	smp_check(!domain_use(d));
	smp_sleep(20 * NSEC_PER_MSEC);
	smp_check(d->state == DOM_DYING); /* in use: nothing is taken away */
	domain_unuse(d);
	for (i = 0; i < 5000 && READ_ONCE(d->state) != DOM_DEAD; i++)
		smp_sleep(NSEC_PER_MSEC);
	smp_check(d->state == DOM_DEAD);
	smp_sleep(20 * NSEC_PER_MSEC);
	smp_check(domain_get(id) == d); /* the first reference is held */
	domain_put(d);
	domain_put(d);
	wait_gone(objects, pages);
	smp_check(domain_get(id) == NULL);
}

static void test_references(void **state)
{
	smp_run(CPUS, references);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wake_sleep_pause),
		cmocka_unit_test(test_births_and_deaths),
		cmocka_unit_test(test_waiters),
		cmocka_unit_test(test_shutdowns),
		cmocka_unit_test(test_long_calls),
		cmocka_unit_test(test_references),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
