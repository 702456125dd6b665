/*
 * bell: rings the store's event channel every 3 ms, for ever,
 * and leaves the store's ring alone. A program in Dom0 that has the ring
 * mapped too is then this domain's side of it: it writes to the page, the bell
 * sees to it that the daemon looks (xenstore/test/conformance.c).
 */
#include "tap.h"

#define PERIOD_NS 3000000

static void ring_for_ever(const char *arg)
{
	struct evtchn_send send = { .port = start_info->store_evtchn };

	(void)arg;
	printk("bell: rings port %u\n", send.port);
	for (;;) {
		struct sched_poll p = { .timeout = time_ns() + PERIOD_NS };

		hcall_event_channel_op(EVTCHNOP_send, &send);
		hcall_sched_op(SCHEDOP_poll, &p);
	}
}

OTHER_PROGRAM(bell, "rings the store's port, for tests of its daemon",
	      ring_for_ever);
