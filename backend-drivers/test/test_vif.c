/*
 * An interface's data path in both directions. The tap is one end of a pair
 * of datagram sockets; a grant reference is a number of a page of guest[],
 * and whatever is beyond was not granted. Pinned are the rules of
 * <xen/io/netif.h>: response n answers request n, extra information takes a
 * buffer of its own behind the first, and a frame waits until it fits.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/vif.h"

#define PAGES 64u
#define HEADER sizeof(struct virtio_net_hdr)

static uint8_t guest[PAGES][RING_PAGE];
static uint8_t tx_page[RING_PAGE] __attribute__((aligned(4096)));
static uint8_t rx_page[RING_PAGE] __attribute__((aligned(4096)));
static struct ring_shared *const tx = (void *)tx_page;
static struct ring_shared *const rx = (void *)rx_page;
static struct vif vif;
static struct vif_queue *const queue = &vif.queue[0];
static struct memory memory;
static int wire;			/* the other end of the tap */
static int tx_events, rx_events;
static unsigned int crossings;		/* copies that take two of our pages */
static uint8_t frame[70000];

/* --- the rest of the system, played -------------------------------------- */

static void note_place(const void *at, uint16_t len)
{
	crossings += (uintptr_t)at % RING_PAGE + len > RING_PAGE;
}

void grant_copy_from(struct grant_copies *c, uint32_t domid, uint32_t ref,
		     uint16_t offset, void *to, uint16_t len, bool *failed)
{
	(void)c;
	note_place(to, len);
	assert_int_equal(domid, 7);
	assert_true(offset + len <= 4096);
	if (ref < PAGES)
		memcpy(to, guest[ref] + offset, len);
	else
		*failed = true;
}

void grant_copy_to(struct grant_copies *c, uint32_t domid, uint32_t ref,
		   uint16_t offset, const void *from, uint16_t len,
		   bool *failed)
{
	(void)c;
	note_place(from, len);
	assert_int_equal(domid, 7);
	assert_true(offset + len <= 4096);
	if (ref < PAGES)
		memcpy(guest[ref] + offset, from, len);
	else
		*failed = true;
}

void grant_copies_run(struct grant_copies *c)
{
	(void)c;
}

void port_notify(struct port *p)
{
	if (p == &queue->rx_port)
		rx_events++;
	else
		tx_events++;
}

/* --- both ends ------------------------------------------------------------- */

static int setup(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0,
				    ends), 0);
	memset(tx_page, 0, sizeof(tx_page));
	memset(rx_page, 0, sizeof(rx_page));
	memset(guest, 0, sizeof(guest));
	tx->rsp_event = rx->rsp_event = 1;
	vif = (struct vif){
		.served.dev = { .domid = 7, .name = "test/7/0" },
		.tap = { .fd = ends[0] },
		.features = { true, true, true, true, true },
		.rx_notify = true,
		.memory = &memory,
		.queues = 1,
	};
	memset(&memory, 0, sizeof(memory));
	for (unsigned int i = 0; i < VIF_QUEUES; i++) {
		vif.queue[i].vif = &vif;
		vif.queue[i].rx_port.local = 1;
		vif.queue[i].tx_port.local = 2;
	}
	wire = ends[1];
	assert_int_equal(wire_open(&vif.wire, vif.tap.fd), 0);
	tx_events = rx_events = 0;
	crossings = 0;
	assert_int_equal(ring_attach(&queue->tx, tx_page, 1, 12), 0);
	assert_int_equal(ring_attach(&queue->rx, rx_page, 1, 8), 0);
	for (size_t i = 0; i < sizeof(frame); i++)
		frame[i] = (uint8_t)(i * 13 + i / 251);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	wire_close(&vif.wire);
	close(vif.tap.fd);
	close(wire);
	free(vif.held);
	return 0;
}

/* The guest posts buffers: pages from @ref on, ids from 100 + ref. */
static void post(uint32_t ref, unsigned int count)
{
	for (unsigned int i = 0; i < count; i++, ref++) {
		struct netif_rx_request r = { (uint16_t)(100 + ref), 0, ref };

		memcpy(rx_page + 64 + 8 * (rx->req_prod++ & 255), &r, 8);
	}
}

/* A frame comes in from the bridge. */
static void arrives(const struct virtio_net_hdr *h, size_t len)
{
	uint8_t whole[70100];

	memcpy(whole, h, HEADER);
	memcpy(whole + HEADER, frame, len);
	assert_int_equal(send(wire, whole, HEADER + len, 0), HEADER + len);
}

static struct netif_rx_response rx_response(uint32_t index)
{
	struct netif_rx_response r;

	assert_true(rx->rsp_prod - index - 1 < 256);
	memcpy(&r, rx_page + 64 + 8 * (index & 255), 8);
	return r;
}

static void expect_rx(uint32_t index, uint16_t id, uint16_t flags, int status)
{
	struct netif_rx_response r = rx_response(index);

	assert_int_equal(r.id, id);
	assert_int_equal(r.offset, 0);
	assert_int_equal(r.flags, flags);
	assert_int_equal(r.status, status);
}

static int receive(void)
{
	const char *why;

	return vif_receive(&vif, &why);
}

static void guest_sends(uint32_t ref, uint16_t offset, uint16_t flags,
			uint16_t id, uint16_t size)
{
	struct netif_tx_request r = { ref, offset, flags, id, size };

	memcpy(tx_page + 64 + 12 * (tx->req_prod++ & 255), &r, 12);
}

static void expect_tx(uint32_t index, uint16_t id, int status)
{
	struct netif_tx_response r;

	memcpy(&r, tx_page + 64 + 12 * index, 4);
	assert_int_equal(r.status, status);
	if (status != NETIF_RSP_NULL)
		assert_int_equal(r.id, id);
}

/* --- to the guest ------------------------------------------------------------ */

static const struct virtio_net_hdr plain;

static void test_receive(void **state)
{
	(void)state;
	post(0, 4);
	arrives(&plain, 60);
	arrives(&plain, 1514);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 2);
	assert_int_equal(rx_events, 1);
	expect_rx(0, 100, 0, 60);
	expect_rx(1, 101, 0, 1514);
	assert_memory_equal(guest[0], frame, 60);
	assert_memory_equal(guest[1], frame, 1514);
	assert_int_equal(guest[0][60], 0);
}

/* What the tap says of a TCP segment over IPv4 that the guest is to cut. */
static const struct virtio_net_hdr tcp4 = {
	.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
	.gso_type = VIRTIO_NET_HDR_GSO_TCPV4, .gso_size = 1448,
	.csum_start = 34, .csum_offset = 16, .hdr_len = 66,
};

/* The frame's headers say so, too: IPv4, no fragment, TCP. */
static void make_segment(void)
{
	memcpy(frame + 12, "\x08\x00\x45", 3);
	frame[20] = frame[21] = 0;
	frame[23] = 6;
}

/* A TCP segment of 9000 bytes over IPv4 to be cut by the guest. */
static void test_receive_gso(void **state)
{
	struct netif_rx_response r;
	struct netif_extra_info x;

	(void)state;
	make_segment();
	post(0, 3);			/* enough for the data alone */
	arrives(&tcp4, 9000);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	post(3, 5);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 4);
	expect_rx(0, 100, NETRXF_csum_blank | NETRXF_data_validated |
		  NETRXF_more_data | NETRXF_extra_info, 4096);
	r = rx_response(1);
	memcpy(&x, &r, sizeof(x));
	assert_int_equal(x.type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(x.flags, 0);
	assert_int_equal(x.u.gso.size, 1448);
	assert_int_equal(x.u.gso.type, XEN_NETIF_GSO_TYPE_TCPV4);
	expect_rx(2, 102, NETRXF_more_data, 4096);
	expect_rx(3, 103, 0, 808);
	assert_memory_equal(guest[0], frame, 4096);
	assert_memory_equal(guest[2], frame + 4096, 4096);
	assert_memory_equal(guest[3], frame + 8192, 808);
	assert_int_equal(crossings, 0);
}

/* Too few buffers: the frame waits, says for how many, and keeps its place. */
static void test_receive_waits(void **state)
{
	(void)state;
	vif.tap.added = true;
	vif.tap.events = EPOLLIN;
	post(0, 2);
	arrives(&plain, 9000);
	arrives(&plain, 100);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	assert_int_equal(rx->req_event, 3);
	assert_int_equal(vif.tap.events, 0);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	post(2, 2);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 4);
	expect_rx(0, 100, NETRXF_more_data, 4096);
	expect_rx(2, 102, 0, 808);
	expect_rx(3, 103, 0, 100);
	assert_memory_equal(guest[2], frame + 8192, 808);
	assert_int_equal(vif.tap.events, EPOLLIN);
	vif.tap.added = false;
}

/* Frames that this guest cannot take are dropped, the next one is not. */
static void test_receive_drops(void **state)
{
	static const struct virtio_net_hdr gso = {
		.gso_type = VIRTIO_NET_HDR_GSO_TCPV6, .gso_size = 1448,
	};

	(void)state;
	vif.features = (struct offload_features){ .csum4 = true };
	post(0, 4);
	arrives(&plain, 4097);
	arrives(&gso, 1000);
	arrives(&plain, 4096);
	assert_int_equal(receive(), 0);
	assert_int_equal(memory.counts.received_refused, 2);
	assert_int_equal(rx->rsp_prod, 1);
	expect_rx(0, 100, 0, 4096);
}

static void test_receive_not_granted(void **state)
{
	(void)state;
	post(0, 1);
	post(PAGES, 1);
	post(1, 1);
	arrives(&plain, 5000);
	arrives(&plain, 60);
	assert_int_equal(receive(), 0);
	expect_rx(0, 100, NETRXF_more_data, 4096);
	expect_rx(1, 100 + PAGES, 0, NETIF_RSP_ERROR);
	expect_rx(2, 101, 0, 60);
}

static void test_receive_corrupt(void **state)
{
	(void)state;
	rx->req_prod = 257;
	arrives(&plain, 60);
	assert_int_equal(receive(), -EPROTO);
}

/* Many frames: in several turns, none lost, none out of place. */
static void test_receive_many(void **state)
{
	uint32_t posted = 0, seen = 0;
	int sent = 0;

	(void)state;
	for (int round = 0; round < 300; round++) {
		for (int i = 0; i < 5; i++, sent++)
			arrives(&plain, 60 + (size_t)sent % 1400);
		post(posted++ % PAGES, 1);
		post(posted++ % PAGES, 1);
		post(posted++ % PAGES, 1);
		post(posted++ % PAGES, 1);
		post(posted++ % PAGES, 1);
		while (receive() == 1)
			;
		for (; seen != rx->rsp_prod; seen++)
			expect_rx(seen, (uint16_t)(100 + seen % PAGES), 0,
				  60 + (int)seen % 1400);
	}
	assert_int_equal(seen, sent);
}

/* --- from the guest ------------------------------------------------------------ */

static void test_transmit(void **state)
{
	uint8_t back[70000];
	struct virtio_net_hdr h;
	const char *why;

	(void)state;
	memcpy(guest[0] + 100, frame, 1000);
	memcpy(guest[1], frame + 1000, 2000);
	guest_sends(0, 100, NETTXF_more_data, 5, 3000);
	guest_sends(1, 0, 0, 6, 2000);
	guest_sends(PAGES, 0, 0, 7, 60);		/* not granted */
	guest_sends(0, 0, 0, 8, 13);			/* too short */
	guest_sends(0, 0, NETTXF_csum_blank, 9, 100);	/* no IP */
	guest_sends(1, 0, 0, 10, 60);
	assert_int_equal(vif_transmit(queue, &why), 0);
	assert_int_equal(tx->rsp_prod, 6);
	expect_tx(0, 5, NETIF_RSP_OKAY);
	expect_tx(1, 6, NETIF_RSP_OKAY);
	expect_tx(2, 7, NETIF_RSP_ERROR);
	expect_tx(3, 8, NETIF_RSP_ERROR);
	expect_tx(4, 9, NETIF_RSP_ERROR);
	expect_tx(5, 10, NETIF_RSP_OKAY);
	assert_int_equal(tx_events, 1);
	assert_int_equal(tx->req_event, 7);
	assert_int_equal(recv(wire, back, sizeof(back), 0), HEADER + 3000);
	memcpy(&h, back, HEADER);
	assert_int_equal(h.flags | h.gso_type, 0);
	assert_memory_equal(back + HEADER, frame, 3000);
	assert_int_equal(recv(wire, back, sizeof(back), 0), HEADER + 60);
	assert_int_equal(recv(wire, back, sizeof(back), 0), -1);
}

/*
 * Parts as Linux sends them, and in all sizes: the frame is whole, its parts
 * behind the first 512 bytes lie each within a page.
 */
static void test_transmit_parts(void **state)
{
	static const struct {
		uint16_t size[6];
		unsigned int crossings;
	} rows[] = {
		{ { 66, 4096, 4096, 4096, 1000 }, 1 },
		{ { 600, 4096, 4096, 4096, 4096, 1 }, 0 },
		{ { 4096, 4096, 4096 }, 0 },
		{ { 511, 4000 }, 1 },
		{ { 512, 4000 }, 0 },
		{ { 14, 1, 1, 4090, 3000, 2000 }, 1 },
		{ { 60 }, 0 },
	};
	uint8_t back[70000];
	const char *why;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		uint32_t size = 0, part = 0;

		for (uint32_t k = 0; k < 6; k++)
			size += rows[i].size[k];
		for (uint32_t at = 0; at < size; at += rows[i].size[part++]) {
			uint16_t len = rows[i].size[part];

			memcpy(guest[part], frame + at, len);
			guest_sends(part, 0, at + len < size ?
				    NETTXF_more_data : 0, 1,
				    (uint16_t)(part ? len : size));
		}
		crossings = 0;
		assert_int_equal(vif_transmit(queue, &why), 0);
		assert_int_equal(recv(wire, back, sizeof(back), 0),
				 HEADER + size);
		assert_memory_equal(back + HEADER, frame, size);
		assert_int_equal(crossings, rows[i].crossings);
	}
}

static void test_transmit_broken(void **state)
{
	const char *why = NULL;

	(void)state;
	guest_sends(0, 0, 0, 1, 60);
	guest_sends(0, 0, NETTXF_more_data, 2, 60);
	assert_int_equal(vif_transmit(queue, &why), -EPROTO);
	assert_non_null(why);
	expect_tx(0, 1, NETIF_RSP_OKAY);
	assert_int_equal(tx->rsp_prod, 1);
}

/* A full ring of full packets: several turns, all answered, none cut. */
static void test_transmit_many(void **state)
{
	uint8_t back[70000];
	const char *why;
	int got = 0, rc;

	(void)state;
	memcpy(guest, frame, 17 * 4096);
	for (int i = 0; i < 15; i++) {
		guest_sends(0, 0, NETTXF_more_data, 1, 17 * 3840);
		for (int j = 1; j < 17; j++)
			guest_sends((uint32_t)j, 0,
				    j < 16 ? NETTXF_more_data : 0, 1, 3840);
	}
	do {
		ssize_t n;

		rc = vif_transmit(queue, &why);
		assert_true(rc >= 0);
		while ((n = recv(wire, back, sizeof(back), 0)) > 0) {
			assert_int_equal(n, HEADER + 17 * 3840);
			for (int j = 0; j < 17; j++)
				assert_memory_equal(back + HEADER + 3840 * j,
						    guest[j], 3840);
			got++;
		}
	} while (rc == 1);
	assert_int_equal(tx->rsp_prod, 15 * 17);
	assert_int_equal(got + (int)memory.counts.sent_dropped, 15);
}

/* Seven frames of 1,500 bytes are more than 10,000: then it has to wait. */
static void test_transmit_rate(void **state)
{
	const char *why;

	(void)state;
	assert_int_equal(rate_parse(&vif.rate, "10000,50000"), 0);
	vif.rate.filled = loop_now() + 1000000; /* no time passes */
	for (unsigned int i = 0; i < 20; i++)
		guest_sends(0, 0, 0, (uint16_t)i, 1500);
	assert_int_equal(vif_transmit(queue, &why), 1);
	assert_int_equal(memory.counts.sent, 7);
	assert_int_equal(vif_transmit(queue, &why), 0);
	assert_int_equal(memory.counts.sent, 7);
	assert_true(vif.pause.armed);
	loop_timer_remove(&vif.pause);
	vif.rate.filled = 0; /* and now a long one */
	assert_int_equal(vif_transmit(queue, &why), 1);
	assert_int_equal(memory.counts.sent, 14);
}

/* What Dom0's network would not have, one frame or several, is told. */
static void test_transmit_dropped(void **state)
{
	const char *why;

	(void)state;
	close(wire);
	wire = dup(vif.tap.fd);		/* for teardown */
	for (uint16_t i = 0; i < 3; i++)
		guest_sends(0, 0, 0, i, 60);
	assert_int_equal(vif_transmit(queue, &why), 0);
	guest_sends(0, 0, 0, 3, 60);
	assert_int_equal(vif_transmit(queue, &why), 0);
	for (uint16_t i = 0; i < 4; i++)
		expect_tx(i, i, NETIF_RSP_DROPPED);
	assert_int_equal(memory.counts.sent_dropped, 4);
	assert_int_equal(memory.counts.sent, 0);
}

/* A guest without pauses is looked at again, and asked for no event. */
static void test_transmit_polled(void **state)
{
	const char *why;

	(void)state;
	queue->pace.polling = true;
	guest_sends(0, 0, 0, 0, 60);
	guest_sends(0, 0, 0, 1, 60);
	assert_int_equal(vif_transmit(queue, &why), 0);
	assert_true(queue->again.armed);
	assert_int_equal(tx->req_event, 0);
	loop_timer_remove(&queue->again);
	assert_int_equal(vif_transmit(queue, &why), 0);
	assert_false(queue->again.armed);
	assert_int_equal(tx->req_event, 3);
}

/* Frames leave in the order in which the guest sent them. */
static void test_transmit_order(void **state)
{
	uint8_t back[2000];
	const char *why;

	(void)state;
	for (uint32_t i = 0; i < 20; i++) {
		memset(guest[i], (int)i, 100);
		guest_sends(i, 0, 0, (uint16_t)i, 100);
	}
	assert_int_equal(vif_transmit(queue, &why), 0);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(recv(wire, back, sizeof(back), 0),
				 HEADER + 100);
		assert_int_equal(back[HEADER + 50], i);
	}
}

/* --- several queues, and the control ring ------------------------------------- */

static uint8_t rings[4][RING_PAGE] __attribute__((aligned(4096)));

/* A second queue, with @posted buffers: pages from 32 on. */
static void second_queue(unsigned int posted)
{
	struct ring_shared *head = (void *)rings[1];

	memset(rings, 0, sizeof(rings));
	vif.queues = 2;
	assert_int_equal(ring_attach(&vif.queue[1].tx, rings[0], 1, 12), 0);
	assert_int_equal(ring_attach(&vif.queue[1].rx, rings[1], 1, 8), 0);
	for (unsigned int i = 0; i < posted; i++) {
		struct netif_rx_request r = { (uint16_t)i, 0, 32 + i };

		memcpy(rings[1] + 64 + 8 * i, &r, 8);
	}
	head->req_prod = posted;
}

static struct ring_shared *const control = (void *)rings[2];

static void ask(uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_netif_ctrl_request r = { 77, type, { a, b, c } };

	memcpy(rings[2] + 64 + 16 * (control->req_prod++ & 127), &r, 16);
}

static void expect_control(uint32_t index, uint16_t type, uint32_t status,
			   uint32_t data)
{
	struct xen_netif_ctrl_response r;

	memcpy(&r, rings[2] + 64 + 16 * (index & 127), sizeof(r));
	assert_int_equal(r.id, 77);
	assert_int_equal(r.type, type);
	assert_int_equal(r.status, status);
	assert_int_equal(r.data, data);
}

static void open_control(void)
{
	control->rsp_event = 1;
	vif.control.port.local = 3;
	assert_int_equal(ring_attach(&vif.control.ring, rings[2], 1, 16), 0);
}

/* A hash of zero and a table that begins with 1: all goes to the second. */
static void test_control(void **state)
{
	static const uint32_t map[] = { 1, 0 };
	const char *why;
	struct netif_rx_response r;
	struct netif_extra_info x;

	(void)state;
	second_queue(4);
	open_control();
	memcpy(guest[5], map, sizeof(map));
	ask(1, 0, 0, 0);
	ask(7, 1, 0, 0);
	ask(1, 0, 0, 0);
	ask(2, 3, 0, 0);
	ask(3, 6, 40, 0);
	ask(3, PAGES, 40, 0);		/* not granted */
	ask(3, 6, 41, 0);
	ask(4, 0, 0, 0);
	ask(5, 2, 0, 0);
	ask(6, 5, 2, 0);
	ask(6, PAGES, 2, 0);
	ask(6, 5, 2, 1);
	ask(8, 0, 0, 0);
	ask(0, 0, 0, 0);
	assert_int_equal(control_serve(&vif, &why), 0);
	assert_int_equal(control->rsp_prod, 14);
	assert_int_equal(control->req_event, 15);
	expect_control(0, 1, 1, 0);
	expect_control(1, 7, 0, 0);
	expect_control(2, 1, 0, 15);
	expect_control(3, 2, 0, 0);
	expect_control(4, 3, 0, 0);
	expect_control(5, 3, 2, 0);
	expect_control(6, 3, 3, 0);
	expect_control(7, 4, 0, HASH_MAP);
	expect_control(8, 5, 0, 0);
	expect_control(9, 6, 0, 0);
	expect_control(10, 6, 2, 0);
	expect_control(11, 6, 3, 0);
	expect_control(12, 8, 1, 0);
	expect_control(13, 0, 1, 0);

	memcpy(frame + 12, "\x08\x00\x45", 3);
	arrives(&plain, 100);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	assert_int_equal(((struct ring_shared *)rings[1])->rsp_prod, 2);
	memcpy(&r, rings[1] + 64, sizeof(r));
	assert_int_equal(r.flags, NETRXF_extra_info);
	assert_int_equal(r.status, 100);
	memcpy(&x, rings[1] + 72, sizeof(x));
	assert_int_equal(x.type, XEN_NETIF_EXTRA_TYPE_HASH);
	assert_int_equal(x.flags, 0);
	assert_int_equal(x.u.hash.type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4);
	assert_int_equal(x.u.hash.algorithm, 1);
	assert_memory_equal(x.u.hash.value, "\0\0\0\0", 4);
	assert_memory_equal(guest[32], frame, 100);

	control->req_prod += 1000;
	assert_int_equal(control_serve(&vif, &why), -EPROTO);
	assert_string_equal(why, "control ring corrupted");
}

/* Both kinds of extra information: each takes a buffer, the first says more. */
static void test_receive_both_extras(void **state)
{
	struct netif_rx_response r;
	struct netif_extra_info x;

	(void)state;
	assert_int_equal(hash_set_algorithm(&memory.hash, 1), 0);
	assert_int_equal(hash_set_types(&memory.hash, 15), 0);
	make_segment();
	post(0, 3);			/* one too few */
	arrives(&tcp4, 5000);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	assert_int_equal(rx->req_event, 4);
	post(3, 1);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 4);
	r = rx_response(1);
	memcpy(&x, &r, sizeof(x));
	assert_int_equal(x.type, XEN_NETIF_EXTRA_TYPE_GSO);
	assert_int_equal(x.flags, XEN_NETIF_EXTRA_FLAG_MORE);
	r = rx_response(2);
	memcpy(&x, &r, sizeof(x));
	assert_int_equal(x.type, XEN_NETIF_EXTRA_TYPE_HASH);
	assert_int_equal(x.flags, 0);
	assert_int_equal(x.u.hash.type, _XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP);
	expect_rx(3, 103, 0, 5000 - 4096);
}

/* More requests than one turn answers: none is left without an answer. */
static void test_control_many(void **state)
{
	const char *why;
	int turns = 0;

	(void)state;
	second_queue(0);
	open_control();
	for (int i = 0; i < 128; i++)
		ask(4, 0, 0, 0);
	while (control_serve(&vif, &why) == 1)
		turns++;
	assert_true(turns > 0);
	assert_int_equal(control->rsp_prod, 128);
}

/* A queue without buffers holds its frame, and the next queue's, in order. */
static void test_queue_waits(void **state)
{
	struct ring_shared *head = (void *)rings[1];
	unsigned int first;
	struct hash_value none;

	(void)state;
	second_queue(0);
	memcpy(frame + 12, "\x08\x00\x45", 3);
	frame[20] = frame[21] = 0;
	frame[23] = 17;
	for (frame[30] = 0; hash_queue(&memory.hash, frame, 100, 2, &none) != 1;
	     frame[30]++)
		;
	arrives(&plain, 100);
	for (; hash_queue(&memory.hash, frame, 90, 2, &none) != 0; frame[30]++)
		;
	arrives(&plain, 90);
	post(0, 2);
	assert_int_equal(receive(), 0);
	first = rx->rsp_prod;
	assert_int_equal(first, 0);
	assert_int_equal(memory.counts.waited_buffers, 1);
	head->req_prod = 1;
	assert_int_equal(receive(), 0);
	assert_int_equal(head->rsp_prod, 1);
	assert_int_equal(rx->rsp_prod, 1);
	expect_rx(0, 100, 0, 90);
}

/* Multicast control: what the guest did not ask for does not reach it. */
static void test_receive_groups(void **state)
{
	const char *why;
	struct netif_extra_info x = { .type = XEN_NETIF_EXTRA_TYPE_MCAST_ADD };

	(void)state;
	vif.groups = true;
	post(0, 8);
	memcpy(frame, "\x01\x00\x5e\x00\x00\x09", 6);
	memcpy(x.u.mcast.addr, frame, 6);
	arrives(&plain, 60);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 0);
	assert_int_equal(memory.counts.received_filtered, 1);
	guest_sends(0, 0, NETTXF_extra_info, 4, 0);
	memcpy(tx_page + 64 + 12 * tx->req_prod++, &x, sizeof(x));
	assert_int_equal(vif_transmit(queue, &why), 0);
	expect_tx(0, 4, NETIF_RSP_OKAY);
	expect_tx(1, 0, NETIF_RSP_NULL);
	assert_int_equal(recv(wire, guest, sizeof(guest), 0), -1);
	arrives(&plain, 60);
	assert_int_equal(receive(), 0);
	assert_int_equal(rx->rsp_prod, 1);
}

/* A sender that is not the guest's own address is not believed. */
static void test_transmit_senders(void **state)
{
	const char *why;

	(void)state;
	vif.spoof_check = true;
	memcpy(vif.mac, "\0\x16\x3e\0\0\1", 6);
	memcpy(guest[0] + 6, vif.mac, 6);
	guest_sends(0, 0, 0, 1, 60);
	guest_sends(1, 0, 0, 2, 60);
	assert_int_equal(vif_transmit(queue, &why), 0);
	expect_tx(0, 1, NETIF_RSP_OKAY);
	expect_tx(1, 2, NETIF_RSP_DROPPED);
	assert_int_equal(memory.counts.sent, 1);
	assert_int_equal(memory.counts.sent_bytes, 60);
	assert_int_equal(memory.counts.sent_filtered, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_receive),
		TEST(test_receive_gso),
		TEST(test_receive_waits),
		TEST(test_receive_drops),
		TEST(test_receive_not_granted),
		TEST(test_receive_corrupt),
		TEST(test_receive_many),
		TEST(test_transmit),
		TEST(test_transmit_parts),
		TEST(test_transmit_broken),
		TEST(test_transmit_many),
		TEST(test_transmit_rate),
		TEST(test_transmit_dropped),
		TEST(test_transmit_order),
		TEST(test_transmit_polled),
		TEST(test_transmit_senders),
		TEST(test_receive_groups),
		TEST(test_queue_waits),
		TEST(test_control),
		TEST(test_receive_both_extras),
		TEST(test_control_many),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("vif", tests, NULL, NULL);
}
