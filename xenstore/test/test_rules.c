/*
 * The protocol's rules, inside the test program: every case of the tables
 * steps_socket.c and steps_domain.c, each with a fresh server, once with
 * whole messages and once with bytes that come and go one at a time.  The
 * domains speak through rings.  After each case the server's invariants hold.
 */
#include "xenstore/test/harness.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "xenstore/daemon/ring.h"
#include "xenstore/test/guest_ring.h"

struct table {
	const struct step *steps;
	size_t count;
	size_t piece;
	bool privileged;	/* all connections */
};

/* A domain's end of its ring. */
struct guest {
	struct harness *h;
	uint32_t domid;
	uint32_t req_cons, rsp_prod;	/* as last seen */
	struct guest_ring ring;
};

static struct guest guests[WHO_MAX];

static void look(void *arg)
{
	struct guest *g = arg;

	ring_event(g->h->srv, g->domid + 100);
	harness_settle(g->h);
}

/* The daemon is done when look() returns: did it move anything? */
static bool moved(void *arg)
{
	struct guest *g = arg;
	const struct xenstore_domain_interface *page = g->ring.page;
	bool any = page->req_cons != g->req_cons ||
		   page->rsp_prod != g->rsp_prod;

	g->req_cons = page->req_cons;
	g->rsp_prod = page->rsp_prod;
	return any;
}

static bool is_ring(unsigned int who)
{
	return guests[who].h;
}

static void message(void *arg, unsigned int who,
		    const struct xsd_sockmsg *hdr, const char *data)
{
	struct harness *h = arg;

	if (is_ring(who))
		(void)guest_ring_send(&guests[who].ring, hdr, data);
	else
		h->io.message(h, who, hdr, data);
}

static int next(void *arg, unsigned int who, struct xsd_sockmsg *hdr,
		char *data)
{
	struct harness *h = arg;

	if (is_ring(who))
		return guest_ring_receive(&guests[who].ring, hdr, data);
	return h->io.next(h, who, hdr, data);
}

static void connect_ring(struct harness *h, unsigned int who, size_t piece)
{
	struct guest *g = &guests[who];

	conn_end(h->wire[who].conn, -EPIPE);
	domain_find(h->srv, who)->introduced = false;
	assert_int_equal(domain_introduce(h->srv, who, who + 7), 0);
	harness_settle(h);
	*g = (struct guest){
		.h = h, .domid = who,
		.ring = { .page = &h->hv.page[who], .piece = piece, .arg = g,
			  .notify = look, .wait = moved },
	};
}

/* One case; returns how many steps it took, title included. */
static size_t run_case(const struct table *t, size_t at, unsigned int *failed)
{
	struct harness *h = harness_new();
	struct steps_io io = h->io;
	char why[512] = "";
	size_t used;
	bool ok;

	io.message = message;
	io.next = next;
	for (unsigned int who = 0; who < WHO_MAX; who++) {
		guests[who].h = NULL;
		if (t->privileged) {
			conn_end(h->wire[who].conn, -EPIPE);
			wire_open(h, &h->wire[who], 0, true);
		} else if (who == 1 || who == 2) {
			connect_ring(h, who, t->piece);
		}
		h->wire[who].piece = t->piece;
	}
	ok = steps_run(t->steps + at + 1, t->count - at - 1, &io, &used,
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
