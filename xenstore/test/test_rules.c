/*
 * The protocol's rules, inside the test program: every case of the tables
 * steps_socket.c and steps_domain.c, each with a fresh server, once with
 * whole messages and once with bytes that come and go one at a time.  After
 * each case the server's invariants hold.
 */
#include "xenstore/test/harness.h"

#include <stdio.h>
#include <stdlib.h>

struct table {
	const struct step *steps;
	size_t count;
	size_t piece;
	bool privileged;	/* all connections */
};

/* One case; returns how many steps it took, title included. */
static size_t run_case(const struct table *t, size_t at, unsigned int *failed)
{
	struct harness *h = harness_new();
	char why[512] = "";
	size_t used;
	bool ok;

	for (unsigned int who = 0; who < WHO_MAX; who++) {
		if (t->privileged) {
			conn_end(h->wire[who].conn, -EPIPE);
			wire_open(h, &h->wire[who], 0, true);
		}
		h->wire[who].piece = t->piece;
	}
	ok = steps_run(t->steps + at + 1, t->count - at - 1, &h->io, &used,
		       why, sizeof(why));
	if (!ok) {
		print_error("%s: %s\n", t->steps[at].title, why);
		++*failed;
	}
	assert_sound(h);
	harness_free(h);
	return used + 1;
}

static void run_table(void **state)
{
	const struct table *t = *state;
	unsigned int failed = 0;

	for (size_t at = 0; at < t->count;)
		at += run_case(t, at, &failed);
	assert_int_equal(failed, 0);
}

int main(void)
{
	struct table tables[] = {
		{ socket_steps, socket_step_count, 0, true },
		{ socket_steps, socket_step_count, 1, true },
		{ domain_steps, domain_step_count, 0, false },
		{ domain_steps, domain_step_count, 1, false },
	};
	const struct CMUnitTest tests[] = {
		{ "privileged clients", run_table, NULL, NULL, &tables[0] },
		{ "privileged clients, byte by byte", run_table, NULL, NULL,
		  &tables[1] },
		{ "domains", run_table, NULL, NULL, &tables[2] },
		{ "domains, byte by byte", run_table, NULL, NULL, &tables[3] },
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
