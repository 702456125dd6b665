/*
 * badnet: what a front end must not do to a network card, done on purpose to
 * card 0, while card 1 must go on as if nothing had happened. It takes the
 * front end's rings into its own hands. A packet that is wrong is answered
 * with an error; rings, slots and extra information that cannot be right end
 * the device, which can be opened again. gateway=A.B.C.D answers card 1's
 * ARP requests.
 */
#include "tap.h"
#include <xen/io/netif.h>
#include "frontend-drivers/net/net.h"
#include "frontend-drivers/os.h"

#define SECONDS(n) ((n) * 1000000000ul)
#define BAD 0ul
#define GOOD 1ul
#define CONTROL_KEY "device/vif/0/event-channel-ctrl"

static struct net bad, good;
static uint8_t frame[NET_FRAME_BIG], answer_frame[NET_FRAME_BIG];
static uint8_t gateway[4];

static uint64_t soon(void)
{
	return os_now() + SECONDS(20);
}

static void read_gateway(void)
{
	char text[16] = "";
	unsigned int part = 0;

	option_get("gateway", text, sizeof(text));
	for (const char *s = text; *s && part < 4; s++)
		if (*s == '.')
			part++;
		else
			gateway[part] = (uint8_t)(gateway[part] * 10 +
						  (*s - '0'));
}

/* An ARP request of card 1's, who has the address 0.0.0.0. */
static size_t make_arp(void)
{
	static const uint8_t head[] = {
		0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1,
	};

	memset(frame, 0, 60);
	memset(frame, 0xff, NET_MAC);
	memcpy(frame + NET_MAC, good.mac, NET_MAC);
	memcpy(frame + 12, head, sizeof(head));
	memcpy(frame + 22, good.mac, NET_MAC);
	memcpy(frame + 38, gateway, 4);
	return 60;
}

static bool is_arp_answer(int len)
{
	return len >= 42 && answer_frame[12] == 8 && answer_frame[13] == 6 &&
	       answer_frame[21] == 2 && !memcmp(answer_frame + 28, gateway, 4);
}

/* Card 1 asks for the gateway, and hears of it. */
static bool good_goes_on(void)
{
	uint64_t end = soon();
	int len = 1;

	if (net_send(&good, frame, make_arp(), NULL))
		return false;
	while (os_now() < end && len >= 0) {
		uint32_t seen = os_events();

		len = net_receive(&good, answer_frame, sizeof(answer_frame),
				  NULL);
		if (is_arp_answer(len))
			return true;
		if (!len)
			os_wait(seen, end);
	}
	return false;
}

static int open_bad(void)
{
	return net_open(&bad, BAD, NET_ALL, soon());
}

static void both_connect(void)
{
	frontend_init();
	read_gateway();
	REQUIRE_EQ(open_bad(), 0);
	REQUIRE_EQ(net_open(&good, GOOD, 0, soon()), 0);
	CHECK(good_goes_on());
}

/* --- slots by hand ---------------------------------------------------------- */

/* A packet of 60 bytes to nobody, as it should be. */
static struct netif_tx_request honest(void)
{
	memset(bad.out[0].page, 2, 60);
	return (struct netif_tx_request){
		.gref = bad.out[0].ref, .id = 7, .size = 60,
	};
}

static void put(const struct netif_tx_request *q)
{
	front_ring_put(&bad.tx, q, sizeof(*q));
}

static void put_extra(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso)
{
	struct netif_extra_info x = { .type = type, .flags = flags };
	struct netif_tx_request slot = { 0 };

	x.u.gso.size = size;
	x.u.gso.type = gso;
	memcpy(&slot, &x, sizeof(x));
	put(&slot);
}

static void push(void)
{
	if (front_ring_push(&bad.tx))
		os_event_send(bad.port);
}

/* The next answer's status; 100: none comes. */
static int answer(void)
{
	struct netif_tx_response rsp;
	uint64_t end = soon();
	int rc = 0;

	while (!rc && os_now() < end) {
		uint32_t seen = os_events();

		rc = front_ring_take(&bad.tx, &rsp, sizeof(rsp));
		if (!rc)
			os_wait(seen, end);
	}
	return rc > 0 ? rsp.status : rc ? rc : 100;
}

static int ask(const struct netif_tx_request *q)
{
	put(q);
	push();
	return answer();
}

/* --- what is answered ------------------------------------------------------- */

static void wrong_packets(void)
{
	struct netif_tx_request q = honest();

	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
	q.size = NET_FRAME_MIN - 1;
	CHECK_EQ(ask(&q), NETIF_RSP_ERROR);
	q.size = 0;
	CHECK_EQ(ask(&q), NETIF_RSP_ERROR);
	q = honest();
	q.gref = UINT32_MAX;
	CHECK_EQ(ask(&q), NETIF_RSP_ERROR);
	q.gref = 1999; /* granted to nobody */
	CHECK_EQ(ask(&q), NETIF_RSP_ERROR);
	q = honest();
	q.flags = NETTXF_csum_blank; /* of what is no IP */
	CHECK_EQ(ask(&q), NETIF_RSP_ERROR);
	q.flags = NETTXF_extra_info;
	put(&q);
	put_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448,
		  XEN_NETIF_GSO_TYPE_TCPV4);
	push();
	CHECK_EQ(answer(), NETIF_RSP_ERROR);
	CHECK_EQ(answer(), NETIF_RSP_NULL);
	/* Parts that are more than the whole. */
	q.flags = NETTXF_more_data;
	put(&q);
	q.flags = 0;
	q.size = 61;
	put(&q);
	push();
	CHECK_EQ(answer(), NETIF_RSP_ERROR);
	CHECK_EQ(answer(), NETIF_RSP_ERROR);
	q = honest();
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/* A grant ends while the packet is under way: any answer will do. */
static void grant_taken_back(void)
{
	struct netif_tx_request q = honest();

	for (int i = 0; i < 50; i++) {
		put(&q);
		push();
		while (os_grant_end(bad.out[0].ref))
			;
		CHECK(answer() <= 0);
		bad.out[0].ref = (uint32_t)os_grant(bad.device.backend,
						    bad.out[0].page, true);
		q = honest();
	}
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/* Room for frames that is taken back: they are lost, and no more. */
static void buffers_taken_back(void)
{
	for (unsigned int i = 0; i < NET_SLOTS; i++)
		while (os_grant_end(bad.in[i].ref))
			;
	for (int i = 0; i < 10; i++)
		CHECK(good_goes_on()); /* asks everybody */
	for (unsigned int i = 0; i < NET_SLOTS; i++)
		bad.in[i].ref = (uint32_t)os_grant(bad.device.backend,
						   bad.in[i].page, false);
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
}

/* Slots change while they may be being read: the device may end, or not. */
static void slots_change(void)
{
	struct netif_tx_request q = honest();
	volatile uint8_t *slots = (uint8_t *)(bad.tx.head + 1);
	uint32_t seed = 1;

	for (int i = 0; i < 64; i++)
		put(&q);
	push();
	for (int i = 0; i < 200000; i++) {
		seed = seed * 1664525u + 1013904223u;
		slots[(seed >> 12) % (64 * sizeof(q))] = (uint8_t)(seed >> 4);
	}
	CHECK(good_goes_on());
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
	q = honest();
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
}

/* --- what ends it ------------------------------------------------------------ */

/* The device has ended; closed and opened, it works again. */
static void ends_and_comes_back(void)
{
	struct netif_tx_request q;

	CHECK_EQ(device_await(&bad.device, DEVICE_ENDED, soon()),
		 XenbusStateClosing);
	CHECK(good_goes_on());
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
	q = honest();
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
}

static void tx_index_is(uint32_t value)
{
	WRITE_ONCE(bad.tx.head->req_prod, value);
	os_event_send(bad.port);
	ends_and_comes_back();
}

static void tx_index(void)
{
	tx_index_is(bad.tx.req_prod + 1000);
	tx_index_is(bad.tx.req_prod + bad.tx.size + 1);
	tx_index_is(UINT32_MAX);
	tx_index_is(bad.tx.req_prod - 1);
}

/* Seen with the next frame for it, which asks everybody. */
static void rx_index(void)
{
	WRITE_ONCE(bad.rx.head->req_prod, bad.rx.req_prod + 1000);
	CHECK(good_goes_on());
	ends_and_comes_back();
	WRITE_ONCE(bad.rx.head->req_prod, bad.rx.rsp_cons - 1);
	CHECK(good_goes_on());
	ends_and_comes_back();
}

static void sizes(void)
{
	struct netif_tx_request q = honest();

	q.offset = OS_PAGE - 59;
	put(&q);
	push();
	ends_and_comes_back();
	q = honest();
	q.offset = 65535;
	q.size = 65535;
	put(&q);
	push();
	ends_and_comes_back();
	q = honest();
	q.flags = NETTXF_more_data;
	q.size = 200;
	put(&q);
	q.flags = 0;
	q.offset = OS_PAGE - 99;
	q.size = 100;
	put(&q);
	push();
	ends_and_comes_back();
}

static void slots_missing(void)
{
	struct netif_tx_request q = honest();

	q.flags = NETTXF_more_data;
	put(&q);
	push();
	ends_and_comes_back();
	q.flags = NETTXF_extra_info;
	q.gref = bad.out[0].ref;
	put(&q);
	push();
	ends_and_comes_back();
}

static void too_many_slots(void)
{
	struct netif_tx_request q = honest();

	q.flags = NETTXF_more_data;
	q.size = 2000;
	for (int i = 0; i < 40; i++) {
		put(&q);
		q.size = 1;
	}
	push();
	ends_and_comes_back();
}

static void extra_is(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso,
		     unsigned int times)
{
	struct netif_tx_request q = honest();

	q.flags = NETTXF_extra_info;
	put(&q);
	while (times--)
		put_extra(type, flags, size, gso);
	push();
	ends_and_comes_back();
}

static void extras(void)
{
	extra_is(XEN_NETIF_EXTRA_TYPE_NONE, 0, 0, 0, 1);
	extra_is(XEN_NETIF_EXTRA_TYPE_MAX, 0, 0, 0, 1);
	extra_is(255, 0, 0, 0, 1);
	extra_is(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448, 3, 1);
	extra_is(XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, XEN_NETIF_GSO_TYPE_TCPV4, 1);
	extra_is(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0,
		 200);
}

/* --- states and keys --------------------------------------------------------- */

/* States that make no sense change nothing. */
static void states_without_sense(void)
{
	static const char *const states[] = {
		"1", "3", "2", "7", "77", "-1", "", "four", "4444444444444",
	};
	struct netif_tx_request q = honest();

	for (unsigned int i = 0; i < ARRAY_SIZE(states); i++) {
		CHECK_EQ(device_tell_text(&bad.device, STORE_NO_TX, "state",
					  states[i]), 0);
		CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
	}
	CHECK_EQ(device_set_state(&bad.device, XenbusStateConnected), 0);
	CHECK(good_goes_on());
}

/* Gone without a word, with packets under way. */
static void leaves_at_once(void)
{
	struct netif_tx_request q = honest();

	for (int i = 0; i < 64; i++)
		put(&q);
	push();
	REQUIRE_EQ(device_set_state(&bad.device, XenbusStateClosed), 0);
	REQUIRE_EQ(device_await(&bad.device, DEVICE_CLOSED, soon()),
		   XenbusStateClosed);
	CHECK(good_goes_on());
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
	CHECK_EQ(ask(&(struct netif_tx_request){ bad.out[0].ref, 0, 0, 1, 60 }),
		 NETIF_RSP_OKAY);
}

/* Keys that make no sense: no connection, and with sense again there is. */
static void keys_without_sense(void)
{
	static const struct {
		const char *key, *value, *sense;
	} keys[] = {
		{ "multi-queue-num-queues", "9", "1" },
		{ "multi-queue-num-queues", "0", "1" },
		{ "multi-queue-num-queues", "two", "1" },
		{ "multi-queue-num-queues", "2", "1" },	/* of which none is */
		{ "event-channel-ctrl", "0", "" },
		{ "event-channel-ctrl", "4000000000", "" },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(keys); i++) {
		REQUIRE_EQ(net_close(&bad, soon()), 0);
		CHECK_EQ(device_tell_text(&bad.device, STORE_NO_TX,
					  keys[i].key, keys[i].value), 0);
		CHECK_EQ(open_bad(), -XEN_ENODEV);
		CHECK(good_goes_on());
		if (*keys[i].sense)
			(void)device_tell_text(&bad.device, STORE_NO_TX,
					       keys[i].key, keys[i].sense);
		else
			(void)store_remove(STORE_NO_TX, CONTROL_KEY);
		REQUIRE_EQ(open_bad(), 0);
	}
}

/* --- the control ring --------------------------------------------------------- */

static uint8_t control_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static uint8_t key_page[PAGE_SIZE] __attribute__((aligned(PAGE_SIZE)));
static struct front_ring control;
static uint32_t control_port, key_ref;

static int open_control(uint32_t control_ref)
{
	memset(control_page, 0, sizeof(control_page));
	front_ring_init(&control, control_page, sizeof(control_page),
			sizeof(struct xen_netif_ctrl_request));
	control_port = (uint32_t)os_event_open(bad.device.backend);
	(void)device_tell(&bad.device, STORE_NO_TX, "ctrl-ring-ref",
			  control_ref);
	(void)device_tell(&bad.device, STORE_NO_TX, "event-channel-ctrl",
			  control_port);
	return open_bad();
}

/* Asks by the control ring: the status, 100 if there is no answer. */
static long control_ask(uint16_t type, uint32_t a, uint32_t b, uint32_t c)
{
	struct xen_netif_ctrl_request q = { 9, type, { a, b, c } };
	struct xen_netif_ctrl_response rsp;
	uint64_t end = soon();
	int rc = 0;

	front_ring_put(&control, &q, sizeof(q));
	if (front_ring_push(&control))
		os_event_send(control_port);
	while (!rc && os_now() < end) {
		uint32_t seen = os_events();

		rc = front_ring_take(&control, &rsp, sizeof(rsp));
		if (!rc)
			os_wait(seen, end);
	}
	return rc > 0 && rsp.id == 9 && rsp.type == type ? (long)rsp.status :
	       100;
}

static void control_ring(void)
{
	int ring = os_grant(bad.device.backend, control_page, false);
	struct netif_tx_request q;

	REQUIRE(ring > 0);
	key_ref = (uint32_t)os_grant(bad.device.backend, key_page, true);
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_control((uint32_t)ring), 0);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS, 0, 0, 0),
		 XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM, 1, 0, 0),
		 XEN_NETIF_CTRL_STATUS_SUCCESS);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, key_ref, 40, 0),
		 XEN_NETIF_CTRL_STATUS_SUCCESS);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, 1999, 40, 0),
		 XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_KEY, key_ref,
			     UINT32_MAX, 0),
		 XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE, 128,
			     0, 0), XEN_NETIF_CTRL_STATUS_SUCCESS);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, key_ref,
			     2, UINT32_MAX),
		 XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW);
	memset(key_page, 0xff, 8);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING, key_ref,
			     2, 0), XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS, 15, 0, 0),
		 XEN_NETIF_CTRL_STATUS_SUCCESS);
	CHECK_EQ(control_ask(XEN_NETIF_CTRL_TYPE_ADD_GREF_MAPPING, 0, 0, 0),
		 XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
	CHECK(good_goes_on());
	/* And an index of it that cannot be. */
	WRITE_ONCE(control.head->req_prod, control.req_prod + 1000);
	os_event_send(control_port);
	CHECK_EQ(device_await(&bad.device, DEVICE_ENDED, soon()),
		 XenbusStateClosing);
	CHECK(good_goes_on());
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	os_event_close(control_port);
	REQUIRE_EQ(store_remove(STORE_NO_TX, CONTROL_KEY), 0);
	REQUIRE_EQ(open_bad(), 0);
	q = honest();
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
}

/* Events without end and without reason. */
static void storm(void)
{
	struct netif_tx_request q = honest();

	for (int i = 0; i < 20000; i++)
		os_event_send(bad.port);
	CHECK_EQ(ask(&q), NETIF_RSP_OKAY);
	CHECK(good_goes_on());
}

/* Nobody takes what comes to card 0, which has room for 64 frames. */
static void never_takes(void)
{
	for (int i = 0; i < 300; i++)
		CHECK(good_goes_on()); /* asks everybody */
	REQUIRE_EQ(net_close(&bad, soon()), 0);
	REQUIRE_EQ(open_bad(), 0);
}

static const struct test_case cases[] = {
	{ "both cards connect", both_connect },
	{ "wrong packets are answered with errors", wrong_packets },
	{ "a grant is taken back under way", grant_taken_back },
	{ "room for frames is taken back", buffers_taken_back },
	{ "slots change under way", slots_change },
	{ "a transmit index that cannot be ends the device", tx_index },
	{ "a receive index that cannot be ends it", rx_index },
	{ "data across pages ends it", sizes },
	{ "slots that are missing end it", slots_missing },
	{ "too many slots end it", too_many_slots },
	{ "extra information that is none ends it", extras },
	{ "states without sense change nothing", states_without_sense },
	{ "a front end leaves at once", leaves_at_once },
	{ "keys without sense connect nothing", keys_without_sense },
	{ "the control ring refuses nonsense, and ends it too", control_ring },
	{ "events without end are served", storm },
	{ "what is never taken holds up nobody else", never_takes },
};

TEST_PROGRAM_ALONE(badnet, "a card's front end that does everything wrong",
		   cases);
