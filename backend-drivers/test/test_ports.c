/*
 * Event channels in the loop (base/ports.c) with a driver of our own below
 * them: who is not woken for a port finds it all the same, and looks no longer
 * than for some moments. And who dies again and again waits (base/again.h).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backend-drivers/base/again.h"
#include "backend-drivers/base/loop.h"
#include "backend-drivers/base/ports.h"
#include "toolstack/sys/evtchn.h"

/* --- the driver ------------------------------------------------------------ */

static int fd;
static uint32_t buffer[4];
static unsigned int filled, reads, bound;

int evtchn_open(void)
{
	return fd = eventfd(0, EFD_NONBLOCK);
}

int evtchn_restrict(int f, uint32_t domid)
{
	(void)f, (void)domid;
	return 0;
}

int evtchn_bind_interdomain(int f, uint32_t domid, uint32_t remote)
{
	(void)f, (void)domid, (void)remote;
	return (int)++bound;
}

int evtchn_unbind(int f, uint32_t port)
{
	(void)f, (void)port;
	return 0;
}

int evtchn_notify(int f, uint32_t port)
{
	(void)f, (void)port;
	return 0;
}

int evtchn_unmask(int f, uint32_t port)
{
	(void)f, (void)port;
	return 0;
}

int evtchn_next(int f, uint32_t *ports, unsigned int max)
{
	unsigned int n = filled;
	uint64_t woken;

	assert_true(n <= max);
	(void)!read(f, &woken, sizeof(woken));
	for (unsigned int i = 0; i < n; i++)
		ports[i] = buffer[i];
	filled = 0;
	reads++;
	return (int)n;
}

static void put(uint32_t port, bool wakes)
{
	uint64_t one = 1;

	buffer[filled++] = port;
	if (wakes)
		assert_int_equal(write(fd, &one, sizeof(one)), sizeof(one));
}

/* --- the tests --------------------------------------------------------------- */

static struct port first, second;
static unsigned int firsts, seconds;

static void first_fired(struct port *p)
{
	(void)p;
	if (!firsts++)
		put(second.local, false); /* the interrupt was held up */
}

static void second_fired(struct port *p)
{
	(void)p;
	seconds++;
}

static void stop(struct loop_timer *t)
{
	(void)t;
	loop_stop();
}

static void run_for(unsigned int ms)
{
	struct loop_timer end = { .run = stop };

	loop_timer_set(&end, ms);
	(void)loop_run();
}

static void test_not_woken(void **state)
{
	(void)state;
	firsts = seconds = reads = 0;
	assert_int_equal(loop_init(), 0);
	assert_int_equal(ports_init(), 0);
	first.fired = first_fired;
	second.fired = second_fired;
	assert_int_equal(port_bind(&first, 1, 1), 0);
	assert_int_equal(port_bind(&second, 1, 2), 0);
	put(first.local, true);
	run_for(1000);
	assert_int_equal(firsts, 1);
	assert_int_equal(seconds, 1);
	/* Both, and three times nothing. */
	assert_int_equal(reads, 5);
	/* From the beginning, for the next event. */
	put(second.local, true);
	run_for(1000);
	assert_int_equal(reads, 5 + 4);
}

/* A worker begins with what its supervisor had in mind. */
static void test_in_worker(void **state)
{
	put(second.local, true);
	run_for(50);
	test_not_woken(state);
}

static void test_again(void **state)
{
	static const unsigned int pauses[] = { 100, 200, 400, 800, 800, 800 };
	struct again a = { 0 };

	(void)state;
	assert_int_equal(again_pause(&a), 0);
	for (unsigned int i = 0; i < 6; i++) {
		again_begun(&a);
		again_ended(&a);
		assert_int_equal(again_pause(&a), pauses[i]);
	}
	again_begun(&a);
	a.born -= AGAIN_OLD_MS;
	again_ended(&a);
	assert_int_equal(again_pause(&a), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_not_woken),
		cmocka_unit_test(test_in_worker),
		cmocka_unit_test(test_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
