/*
 * answer: over the store's ring, reads the name that the tools gave this
 * domain, and writes it to its own node "data/answer". Where many domains run,
 * each so shows that its ring is its own. Rules: <xen/io/xs_wire.h>; a side
 * notifies the other when it has moved an index, and looks again before it
 * waits.
 */
#include "tap.h"
#include <xen/io/xs_wire.h>

static struct xenstore_domain_interface *ring;

static void notify(void)
{
	struct evtchn_send send = { start_info->store_evtchn };

	hcall_event_channel_op(EVTCHNOP_send, &send);
}

/* Until the daemon has moved *INDEX away from SEEN. */
static void wait(const XENSTORE_RING_IDX *index, XENSTORE_RING_IDX seen)
{
	events_disable();
	while (READ_ONCE(*index) == seen) {
		/* Lets events in, and does not sleep if one is there. */
		hcall_sched_op(SCHEDOP_block, NULL);
		events_disable();
	}
	events_enable();
}

static void put(const void *bytes, size_t len)
{
	const char *at = bytes;

	for (; len; len--) {
		XENSTORE_RING_IDX prod = ring->req_prod;

		if (prod - READ_ONCE(ring->req_cons) == XENSTORE_RING_SIZE) {
			notify();
			wait(&ring->req_cons, prod - XENSTORE_RING_SIZE);
		}
		ring->req[MASK_XENSTORE_IDX(prod)] = *at++;
		barrier();	/* the byte before the index that tells of it */
		WRITE_ONCE(ring->req_prod, prod + 1);
	}
}

static void get(void *bytes, size_t len)
{
	char *at = bytes;

	for (; len; len--) {
		XENSTORE_RING_IDX cons = ring->rsp_cons;

		if (READ_ONCE(ring->rsp_prod) == cons)
			wait(&ring->rsp_prod, cons);
		barrier();
		*at++ = ring->rsp[MASK_XENSTORE_IDX(cons)];
		WRITE_ONCE(ring->rsp_cons, cons + 1);
	}
}

/* One request; the answer's text, of at most SIZE - 1 bytes, with a NUL. */
static void ask(uint32_t type, const char *payload, size_t len, char *answer,
		size_t size)
{
	struct xsd_sockmsg hdr = { .type = type, .len = (uint32_t)len };

	put(&hdr, sizeof(hdr));
	put(payload, len);
	notify();
	get(&hdr, sizeof(hdr));
	if (hdr.type != type || hdr.len >= size)
		panic("the store answers %u with %u, %u bytes", type, hdr.type,
		      hdr.len);
	get(answer, hdr.len);
	answer[hdr.len] = '\0';
	notify();
}

static void answer(const char *arg)
{
	static const char node[] = "data/answer";
	char request[sizeof(node) + 64], name[64], ok[8];

	(void)arg;
	ring = mfn_to_virt(start_info->store_mfn);
	ask(XS_READ, "name", sizeof("name"), name, sizeof(name));
	memcpy(request, node, sizeof(node));
	memcpy(request + sizeof(node), name, strlen(name));
	ask(XS_WRITE, request, sizeof(node) + strlen(name), ok, sizeof(ok));
	printk("# answer: %s\n", name);
}

OTHER_PROGRAM(answer, "a domain's word in the store", answer);
