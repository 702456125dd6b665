/* The event loop with a server that has nothing to do. */
#include "xenstore/test/harness.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "xenstore/daemon/loop.h"

static unsigned int looked;
static uint64_t found;

/* As for event channels: what is found makes it look again. */
static void ready(struct loop_source *src, uint32_t events)
{
	uint64_t n;

	(void)events;
	looked++;
	if (read(src->fd, &n, sizeof(n)) == sizeof(n)) {
		found += n;
		loop_look_again(src);
	}
}

/* Each second: so many looks until then, and whether there are to be more. */
static const struct {
	unsigned int looked;
	bool again;
} seconds[] = { { 0, true }, { 1 + 3, false }, { 4, true }, { 4 + 3, false } };
static unsigned int passed;
static struct loop_source source = { .ready = ready };

static void second(struct loop_source *src, uint32_t events)
{
	uint64_t n;

	(void)events;
	(void)!read(src->fd, &n, sizeof(n));
	assert_int_equal(looked, seconds[passed].looked);
	if (seconds[passed].again)
		loop_look_again(&source);
	if (++passed == sizeof(seconds) / sizeof(seconds[0]))
		loop_stop();
}

/*
 * A source whose descriptor tells nobody any more (no events are asked for)
 * is looked at three times after the last time that something was found.
 */
static void looks_again(void **state)
{
	const struct timespec time = { .tv_sec = 1 };
	const struct itimerspec each = { time, time };
	struct loop_source clock = {
		.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK),
		.ready = second,
	};
	struct harness *h = harness_new();
	uint64_t one = 1;

	(void)state;
	source.fd = eventfd(0, EFD_NONBLOCK);
	assert_int_equal(loop_init(), 0);
	assert_int_equal(loop_add(&source, 0), 0);
	assert_int_equal(loop_add(&clock, EPOLLIN), 0);
	assert_int_equal(timerfd_settime(clock.fd, 0, &each, NULL), 0);
	assert_int_equal(write(source.fd, &one, sizeof(one)), sizeof(one));
	loop_run(h->srv);
	assert_int_equal(found, 1);
	close(source.fd);
	close(clock.fd);
	harness_free(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(looks_again),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("loop", tests, NULL, NULL);
}
