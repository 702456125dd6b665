/*
 * Packets gathered from a transmit ring, and what is said about them to the
 * tap and to a guest. The rules are those of <xen/io/netif.h>: the first
 * slot's size is the packet's, extra slots follow it, a page is not crossed;
 * and Linux's, of what is a packet to drop and what is a front end to stop.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#include "backend-drivers/net/gather.h"
#include "backend-drivers/net/offload.h"
#include "backend-drivers/net/rate.h"

#define MORE NETTXF_more_data
#define EXTRA NETTXF_extra_info

static uint8_t page[RING_PAGE] __attribute__((aligned(4096)));
static struct ring_shared *const shared = (void *)page;
static struct ring ring;

static void fresh(void)
{
	memset(page, 0, sizeof(page));
	assert_int_equal(ring_attach(&ring, page, 1,
				     sizeof(struct netif_tx_request)), 0);
}

static void *next_slot(void)
{
	return page + 64 + 12 * (shared->req_prod++ & 255);
}

static void put(uint16_t offset, uint16_t flags, uint16_t id, uint16_t size)
{
	struct netif_tx_request r = { 100u + id, offset, flags, id, size };

	memcpy(next_slot(), &r, sizeof(r));
}

static void put_extra(uint8_t type, uint8_t flags, uint16_t size, uint8_t gso)
{
	struct netif_extra_info x = { .type = type, .flags = flags };

	x.u.gso.size = size;
	x.u.gso.type = gso;
	memcpy(next_slot(), &x, sizeof(x));
}

static void test_packet(void **state)
{
	struct netif_tx_response *rsp;
	struct tx_packet p;
	const char *why;

	(void)state;
	fresh();
	put(96, NETTXF_csum_blank | MORE | EXTRA, 7, 9000);
	put_extra(XEN_NETIF_EXTRA_TYPE_HASH, XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
	put_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448,
		  XEN_NETIF_GSO_TYPE_TCPV4);
	put(0, MORE, 9, 4096);
	put(1000, 0, 8, 2000);
	put(0, 0, 1, 60);
	assert_int_equal(tx_gather(&ring, &p, &why), 1);
	assert_false(p.drop);
	assert_int_equal(p.size, 9000);
	assert_int_equal(p.parts, 3);
	assert_int_equal(p.extras, 2);
	assert_int_equal(p.part[0].size, 9000 - 4096 - 2000);
	assert_int_equal(p.part[0].offset, 96);
	assert_int_equal(p.part[0].gref, 107);
	assert_int_equal(p.part[1].size, 4096);
	assert_int_equal(p.part[2].gref, 108);
	assert_int_equal(p.gso_type, XEN_NETIF_GSO_TYPE_TCPV4);
	assert_int_equal(p.gso_size, 1448);
	tx_answer(&ring, &p, NETIF_RSP_OKAY);
	assert_int_equal(tx_gather(&ring, &p, &why), 1);
	assert_int_equal(p.size, 60);
	assert_int_equal(p.gso_type, XEN_NETIF_GSO_TYPE_NONE);
	tx_answer(&ring, &p, NETIF_RSP_ERROR);
	assert_int_equal(tx_gather(&ring, &p, &why), 0);
	ring_push(&ring);
	/* One answer per slot: ids of requests, nothing for extras. */
	assert_int_equal(shared->rsp_prod, 6);
	for (unsigned int i = 0; i < 6; i++) {
		static const int16_t status[] = { 0, 0, 0, 1, 1, -1 };
		static const uint16_t id[] = { 7, 9, 8, 0, 0, 1 };

		rsp = (void *)(page + 64 + 12 * i);
		assert_int_equal(rsp->status, status[i]);
		if (status[i] != NETIF_RSP_NULL)
			assert_int_equal(rsp->id, id[i]);
	}
}

/* A request about a multicast group needs no data; the next is a packet. */
static void test_groups(void **state)
{
	struct tx_packet p;
	const char *why;

	(void)state;
	fresh();
	put(0, EXTRA, 1, 0);
	put_extra(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0x5e01, 7);
	put(0, EXTRA, 2, 0);
	put_extra(XEN_NETIF_EXTRA_TYPE_MCAST_DEL, 0, 0x5e01, 7);
	put(0, 0, 3, 60);
	assert_int_equal(tx_gather(&ring, &p, &why), 1);
	assert_int_equal(p.kind, TX_GROUP_ADD);
	assert_memory_equal(p.group, "\x01\x5e\x07", 3);
	assert_int_equal(p.parts + p.extras, 2);
	assert_int_equal(tx_gather(&ring, &p, &why), 1);
	assert_int_equal(p.kind, TX_GROUP_REMOVE);
	assert_int_equal(tx_gather(&ring, &p, &why), 1);
	assert_int_equal(p.kind, TX_PACKET);
	assert_int_equal(p.size, 60);
}

struct row {
	const char *name;
	int result;		/* of tx_gather() */
	bool drop;
	unsigned int slots;	/* to be answered */
	void (*fill)(void);
};

static void parts(unsigned int n)
{
	put(0, n > 1 ? MORE : 0, 0, (uint16_t)(n * 100));
	for (unsigned int i = 1; i < n; i++)
		put(0, i + 1 < n ? MORE : 0, (uint16_t)i, 100);
}

static void fill_short(void) { put(0, 0, 0, 13); }
static void fill_least(void) { put(0, 0, 0, 14); }
static void fill_page(void) { put(0, 0, 0, 4096); }
static void fill_over(void) { put(1, 0, 0, 4096); }
static void fill_far(void) { put(65535, 0, 0, 65535); }
static void fill_18(void) { parts(18); }
static void fill_19(void) { parts(19); }
static void fill_20(void) { parts(20); }
static void fill_21(void) { parts(21); }
static void fill_200(void) { parts(200); }
static void fill_missing(void) { put(0, MORE, 0, 100); }
static void fill_no_extra(void) { put(0, EXTRA, 0, 100); }

static void fill_sum(void)
{
	put(0, MORE, 0, 100);
	put(0, 0, 1, 101);
}

static void fill_all_in_rest(void)
{
	put(0, MORE, 0, 100);
	put(0, 0, 1, 100);
}

static void fill_rest_over(void)
{
	put(4090, MORE, 0, 200);
	put(0, 0, 1, 100);
}

static void fill_part_over(void)
{
	put(0, MORE, 0, 5000);
	put(4000, 0, 1, 97);
}

static void fill_part_wraps(void)
{
	put(0, MORE, 0, 5000);
	put(65535, 0, 1, 65535);
}

static void fill_extra_kind(void)
{
	put(0, EXTRA, 0, 100);
	put_extra(XEN_NETIF_EXTRA_TYPE_MAX, 0, 1448, 1);
}

static void fill_extra_none(void)
{
	put(0, EXTRA, 0, 100);
	put_extra(XEN_NETIF_EXTRA_TYPE_NONE, 0, 1448, 1);
}

static void fill_gso_kind(void)
{
	put(0, EXTRA, 0, 100);
	put_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 1448, 3);
}

static void fill_gso_zero(void)
{
	put(0, EXTRA, 0, 100);
	put_extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 0, 1);
}

static void fill_multicast(void)
{
	put(0, EXTRA, 0, 100);
	put_extra(XEN_NETIF_EXTRA_TYPE_MCAST_ADD, 0, 0, 0);
}

static void fill_endless(void)
{
	put(0, EXTRA, 0, 100);
	for (int i = 0; i < 255; i++)
		put_extra(XEN_NETIF_EXTRA_TYPE_HASH,
			  XEN_NETIF_EXTRA_FLAG_MORE, 0, 0);
}

static void fill_corrupt(void) { shared->req_prod = 257; }

static void test_gather(void **state)
{
	static const struct row row[] = {
		{ "too short", 1, true, 1, fill_short },
		{ "shortest", 1, false, 1, fill_least },
		{ "a page", 1, false, 1, fill_page },
		{ "crosses a page", -EPROTO, false, 0, fill_over },
		{ "offset wraps", -EPROTO, false, 0, fill_far },
		{ "18 slots", 1, false, 18, fill_18 },
		{ "19 slots", 1, true, 19, fill_19 },
		{ "20 slots", 1, true, 20, fill_20 },
		{ "21 slots", -EPROTO, false, 0, fill_21 },
		{ "200 slots", -EPROTO, false, 0, fill_200 },
		{ "second slot missing", -EPROTO, false, 0, fill_missing },
		{ "extra slot missing", -EPROTO, false, 0, fill_no_extra },
		{ "parts exceed packet", 1, true, 2, fill_sum },
		{ "empty first part", 1, false, 2, fill_all_in_rest },
		{ "rest crosses page", -EPROTO, false, 0, fill_rest_over },
		{ "part crosses page", -EPROTO, false, 0, fill_part_over },
		{ "part wraps", -EPROTO, false, 0, fill_part_wraps },
		{ "unknown extra", -EPROTO, false, 0, fill_extra_kind },
		{ "extra of no type", -EPROTO, false, 0, fill_extra_none },
		{ "unknown GSO", -EPROTO, false, 0, fill_gso_kind },
		{ "GSO of size 0", -EPROTO, false, 0, fill_gso_zero },
		{ "multicast", 1, false, 2, fill_multicast },
		{ "extras without end", -EPROTO, false, 0, fill_endless },
		{ "corrupt ring", -EPROTO, false, 0, fill_corrupt },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct tx_packet p;
		const char *why = NULL;
		int rc;

		fresh();
		row[i].fill();
		rc = tx_gather(&ring, &p, &why);
		if (rc != row[i].result ||
		    (rc == 1 && (p.drop != row[i].drop ||
				 p.parts + p.extras != row[i].slots)))
			fail_msg("%s", row[i].name);
		if (rc < 0)
			assert_non_null(why);
	}
}

/* --- offload ------------------------------------------------------------- */

/* Builds a frame: Ethernet, perhaps VLAN, IP, 20 bytes of TCP or 8 of UDP. */
static size_t build(uint8_t *f, bool vlan, bool v6, uint8_t proto, size_t data)
{
	size_t ip = vlan ? 18 : 14, at = ip + (v6 ? 40 : 20);

	memset(f, 0, 2048);
	f[12] = v6 ? 0x86 : 0x08;
	f[13] = v6 ? 0xdd : 0x00;
	if (vlan) {
		memcpy(f + 16, f + 12, 2);
		f[12] = 0x81;
		f[13] = 0;
	}
	f[ip] = v6 ? 0x60 : 0x45;
	f[ip + (v6 ? 6 : 9)] = proto;
	f[at + 12] = 0x50;
	for (size_t i = 0; i < data; i++)
		f[at + (proto == 6 ? 20 : 8) + i] = (uint8_t)(i * 31);
	return at + (proto == 6 ? 20 : 8) + data;
}

static void test_to_tap(void **state)
{
	static const struct {
		uint8_t vlan, v6, proto, gso;
		size_t cut;		/* bytes missing at the end */
		int rc;
		uint16_t start, offset, hdr_len;
	} row[] = {
		{ 0, 0, 6, 0, 0, 0, 34, 16, 0 },
		{ 0, 0, 17, 0, 0, 0, 34, 6, 0 },
		{ 1, 0, 6, 0, 0, 0, 38, 16, 0 },
		{ 0, 1, 6, 0, 0, 0, 54, 16, 0 },
		{ 1, 1, 17, 0, 0, 0, 58, 6, 0 },
		{ 0, 0, 6, 1, 0, 0, 34, 16, 54 },
		{ 0, 1, 6, 2, 0, 0, 54, 16, 74 },
		{ 0, 0, 6, 2, 0, -EINVAL, 0, 0, 0 },	/* v4 called v6 */
		{ 0, 1, 6, 1, 0, -EINVAL, 0, 0, 0 },
		{ 0, 0, 17, 1, 0, -EINVAL, 0, 0, 0 },	/* no TCP */
		{ 0, 0, 1, 0, 0, -EINVAL, 0, 0, 0 },	/* ICMP */
		{ 0, 0, 6, 0, 101, -EINVAL, 0, 0, 0 },	/* cut in TCP */
		{ 0, 0, 17, 0, 101, -EINVAL, 0, 0, 0 },
		{ 0, 0, 6, 0, 121, -EINVAL, 0, 0, 0 },	/* cut in IP */
		{ 0, 1, 6, 0, 121, -EINVAL, 0, 0, 0 },
	};
	struct virtio_net_hdr h;
	uint8_t f[2048];

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		size_t len = build(f, row[i].vlan, row[i].v6, row[i].proto,
				   100) - row[i].cut;
		/* A copy of just the length: ASan sees a look beyond. */
		uint8_t *exact = malloc(len);
		int rc;

		memcpy(exact, f, len);
		rc = offload_to_tap(exact, len, true, row[i].gso, 1448, &h);
		free(exact);
		if (rc != row[i].rc)
			fail_msg("row %zu: %d", i, rc);
		if (rc)
			continue;
		assert_int_equal(h.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
		assert_int_equal(h.csum_start, row[i].start);
		assert_int_equal(h.csum_offset, row[i].offset);
		assert_int_equal(h.hdr_len, row[i].hdr_len);
		assert_int_equal(h.gso_size, row[i].gso ? 1448 : 0);
	}
	/* Nothing blank: nothing is said, and the frame may be anything. */
	assert_int_equal(offload_to_tap(f, 14, false, 0, 0, &h), 0);
	assert_int_equal(h.flags, 0);
	assert_int_equal(offload_to_tap(f, 14, false, 1, 1448, &h), -EINVAL);
}

static void test_odd_frames(void **state)
{
	struct virtio_net_hdr h;
	uint8_t f[2048];
	size_t len = build(f, false, false, 6, 100);

	(void)state;
	f[14] = 0x44;				/* IHL below 5 */
	assert_int_equal(offload_to_tap(f, len, true, 0, 0, &h), -EINVAL);
	f[14] = 0x4f;				/* options: 60 bytes */
	assert_int_equal(offload_to_tap(f, len, true, 0, 0, &h), 0);
	assert_int_equal(h.csum_start, 74);
	f[14] = 0x45;
	f[21] = 1;				/* a later fragment */
	assert_int_equal(offload_to_tap(f, len, true, 0, 0, &h), -EINVAL);
	f[21] = 0;
	f[46] = 0x40;				/* TCP header below 20 */
	assert_int_equal(offload_to_tap(f, len, true, 1, 9, &h), -EINVAL);
	f[46] = 0xf0;				/* 60 bytes of TCP header */
	assert_int_equal(offload_to_tap(f, len, true, 1, 9, &h), 0);
	assert_int_equal(h.hdr_len, 94);

	/* IPv6 extensions: one of 8 bytes; a chain that never ends. */
	len = build(f, false, true, 0, 0);
	f[54] = 6;
	assert_int_equal(offload_to_tap(f, 54 + 8 + 20, true, 0, 0, &h), 0);
	assert_int_equal(h.csum_start, 62);
	memset(f + 54, 0, sizeof(f) - 54);
	assert_int_equal(offload_to_tap(f, sizeof(f), true, 0, 0, &h),
			 -EINVAL);
	f[55] = 255;			/* an extension beyond the end */
	f[54] = 6;
	assert_int_equal(offload_to_tap(f, 200, true, 0, 0, &h), -EINVAL);
}

/* The checksum of a frame is right if the sum over all of it is -0. */
static uint16_t sum(const uint8_t *at, size_t len, uint32_t start)
{
	for (size_t i = 0; i < len; i++)
		start += i & 1 ? at[i] : at[i] << 8;
	while (start >> 16)
		start = (start & 0xffff) + (start >> 16);
	return (uint16_t)start;
}

static void test_complete(void **state)
{
	static const struct offload_features none = { .sg = true };
	struct rx_offload o;
	uint8_t f[2048];

	(void)state;
	for (size_t data = 100; data < 104; data++) {
		size_t len = build(f, false, false, 17, data);
		struct virtio_net_hdr h = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = 34, .csum_offset = 6,
		};
		uint32_t pseudo = 0x1234;

		f[40] = 0x12;
		f[41] = 0x34;
		assert_int_equal(offload_to_guest(f, len, &h, &none, &o), 0);
		assert_int_equal(o.flags, 0);
		assert_int_equal(sum(f + 34, len - 34, pseudo), 0xffff);
	}
	/* UDP: a sum of zero is sent as all ones, zero would mean "none". */
	{
		size_t len = build(f, false, false, 17, 0);
		struct virtio_net_hdr h = {
			.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
			.csum_start = 34, .csum_offset = 6,
		};

		memset(f + 34, 0, 8);
		f[40] = f[41] = 0xff;
		assert_int_equal(offload_to_guest(f, len, &h, &none, &o), 0);
		assert_int_equal(f[40] << 8 | f[41], 0xffff);
	}
}

static void test_to_guest(void **state)
{
	static const struct offload_features all = {
		true, true, true, true, true
	}, v4 = { true, true, false, true, false };
	struct virtio_net_hdr h = { 0 };
	struct rx_offload o;
	uint8_t f[2048];
	size_t len = build(f, false, true, 6, 100);

	(void)state;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), 0);
	assert_int_equal(o.flags, 0);
	h.flags = VIRTIO_NET_HDR_F_DATA_VALID;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), 0);
	assert_int_equal(o.flags, NETRXF_data_validated);
	h.flags = VIRTIO_NET_HDR_F_NEEDS_CSUM;
	h.csum_start = 54;
	h.csum_offset = 16;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), 0);
	assert_int_equal(o.flags, NETRXF_data_validated | NETRXF_csum_blank);
	/* This guest cannot complete IPv6: it is done for it. */
	assert_int_equal(offload_to_guest(f, len, &h, &v4, &o), 0);
	assert_int_equal(o.flags, 0);

	h.gso_type = VIRTIO_NET_HDR_GSO_TCPV6 | VIRTIO_NET_HDR_GSO_ECN;
	h.gso_size = 1428;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), 0);
	assert_int_equal(o.gso_type, XEN_NETIF_GSO_TYPE_TCPV6);
	assert_int_equal(o.gso_size, 1428);
	assert_int_equal(offload_to_guest(f, len, &h, &v4, &o), -EINVAL);
	h.gso_type = VIRTIO_NET_HDR_GSO_UDP;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), -EINVAL);

	/* A checksum field outside of the frame. */
	h = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM };
	h.csum_start = (uint16_t)len;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), -EINVAL);
	h.csum_start = (uint16_t)(len - 10);
	h.csum_offset = 9;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), -EINVAL);
	h.csum_offset = 8;
	assert_int_equal(offload_to_guest(f, len, &h, &all, &o), 0);
}

static void test_rate_text(void **state)
{
	static const char *const wrong[] = {
		"", ",", "1", "1,", ",1", "1,0", "-1,5", "1,-5", "1,5x",
		"1 ,5", "1,5,6", "99999999999999999999,5", "1,2000000000",
	};
	struct rate r;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
		assert_int_equal(rate_parse(&r, wrong[i]), -EINVAL);
		assert_int_equal(r.bytes, 0);
	}
	assert_int_equal(rate_parse(&r, NULL), 0);
	assert_int_equal(rate_wait(&r, 1), 0);
	assert_true(rate_allows(&r));
	assert_int_equal(rate_parse(&r, "62500,50000"), 0);
	assert_int_equal(r.bytes, 62500);
	assert_int_equal(r.usec, 50000);
}

/* Over a long time exactly the rate goes, whatever the sizes and pauses. */
static void test_rate(void **state)
{
	static const char *const rates[] = {
		"62500,50000", "1250,10000", "1,1000000", "125000000,1000000",
	};
	uint64_t now, sent, bytes, usec;
	struct rate r;

	(void)state;
	srandom(5);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		assert_int_equal(rate_parse(&r, rates[i]), 0);
		bytes = r.bytes;
		usec = r.usec;
		sent = 0;
		r.filled = now = 1000;
		while (now < 1000 + 100000) {
			unsigned int wait = rate_wait(&r, now);

			while (!wait && rate_allows(&r)) {
				uint64_t n = 60 + (uint64_t)random() % 1454;

				rate_spend(&r, n);
				sent += n;
			}
			now += wait && random() % 2 ? wait : 1;
		}
		bytes = bytes * 100000000 / usec + bytes;
		assert_true(sent <= bytes + 1514);
		assert_true(sent + sent / 50 + 3028 >= bytes);
	}
	/* Who sent nothing for long has an interval's worth. */
	assert_int_equal(rate_parse(&r, "3000,1000"), 0);
	assert_int_equal(rate_wait(&r, UINT64_MAX / 2), 0);
	assert_int_equal(r.left, 3000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_packet),
		cmocka_unit_test(test_gather),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_to_tap),
		cmocka_unit_test(test_odd_frames),
		cmocka_unit_test(test_complete),
		cmocka_unit_test(test_to_guest),
		cmocka_unit_test(test_rate_text),
		cmocka_unit_test(test_rate),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("net", tests, NULL, NULL);
}
