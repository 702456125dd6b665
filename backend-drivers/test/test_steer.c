/*
 * Which queue a frame goes to, and whether it goes at all. The values of the
 * hash are those of the verification suite that its inventor published with
 * it ("Verifying the RSS Hash Calculation"); the rules of what a front end
 * may set are those of <xen/io/netif.h>, "Control messages".
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

#include "backend-drivers/net/announce.h"
#include "backend-drivers/net/filter.h"
#include "backend-drivers/net/hash.h"
#include "backend-drivers/net/pace.h"

#define OK XEN_NETIF_CTRL_STATUS_SUCCESS
#define INVALID XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER
#define OVERFLOW XEN_NETIF_CTRL_STATUS_BUFFER_OVERFLOW
#define TOEPLITZ XEN_NETIF_CTRL_HASH_ALGORITHM_TOEPLITZ
#define V4 XEN_NETIF_CTRL_HASH_TYPE_IPV4
#define V4_TCP XEN_NETIF_CTRL_HASH_TYPE_IPV4_TCP
#define V6 XEN_NETIF_CTRL_HASH_TYPE_IPV6
#define V6_TCP XEN_NETIF_CTRL_HASH_TYPE_IPV6_TCP

static const uint8_t key[HASH_KEY] = {
	0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e, 0xc2, 0x41, 0x67,
	0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb,
	0xae, 0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30,
	0xf2, 0x0c, 0x6a, 0x42, 0xb7, 0x3b, 0xbe, 0xac, 0x01, 0xfa,
};

/* Source and destination, ports behind them, as in a packet. */
static const uint8_t flow4[] = {
	66, 9, 149, 187, 161, 142, 100, 80, 0x0a, 0xea, 0x06, 0xe6,
};
static const uint8_t flow6[] = {
	0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0x1f, 0xff, 0, 0, 0, 0, 0, 0, 0, 7,
	0x3f, 0xfe, 0x25, 0x01, 0x02, 0, 0, 0x03, 0, 0, 0, 0, 0, 0, 0, 1,
	0x0a, 0xea, 0x06, 0xe6,
};

static uint8_t frame[100];

/* A frame of that protocol between those two; its length. */
static size_t build(bool v6, uint8_t proto)
{
	memset(frame, 0, sizeof(frame));
	frame[12] = v6 ? 0x86 : 0x08;
	frame[13] = v6 ? 0xdd : 0x00;
	frame[14] = v6 ? 0x60 : 0x45;
	if (v6) {
		frame[20] = proto;
		memcpy(frame + 22, flow6, sizeof(flow6));
		return 14 + 40 + 20;
	}
	frame[23] = proto;
	memcpy(frame + 26, flow4, sizeof(flow4));
	return 14 + 20 + 20;
}

static struct hash toeplitz(uint32_t types)
{
	struct hash h = { 0 };

	assert_int_equal(hash_set_algorithm(&h, TOEPLITZ), OK);
	assert_int_equal(hash_set_types(&h, types), OK);
	assert_int_equal(hash_check_key(sizeof(key)), OK);
	hash_put_key(&h, key, sizeof(key));
	return h;
}

static void test_values(void **state)
{
	static const struct {
		bool v6;
		uint8_t proto;
		uint32_t types;
		bool there;
		uint8_t type;
		uint32_t value;
	} row[] = {
		{ false, 6, V4, true, 0, 0x323e8fc2 },
		{ false, 6, V4_TCP, true, 1, 0x51ccc178 },
		{ false, 6, V4 | V4_TCP, true, 1, 0x51ccc178 },
		{ false, 17, V4 | V4_TCP, true, 0, 0x323e8fc2 },
		{ false, 17, V4_TCP, false, 0, 0 },
		{ false, 6, V6 | V6_TCP, false, 0, 0 },
		{ true, 6, V6, true, 2, 0x2cc18cd5 },
		{ true, 6, V6 | V6_TCP, true, 3, 0x40207d3d },
		{ true, 17, V6 | V6_TCP, true, 2, 0x2cc18cd5 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
		struct hash h = toeplitz(row[i].types);
		size_t len = build(row[i].v6, row[i].proto);
		struct hash_value value;
		unsigned int q = hash_queue(&h, frame, len, 5, &value);

		if (value.there != row[i].there)
			fail_msg("row %zu", i);
		if (!value.there)
			continue;
		assert_int_equal(value.type, row[i].type);
		assert_int_equal(value.value, row[i].value);
		assert_int_equal(q, row[i].value % 5);
	}
}

/* A piece of a packet has no ports that all pieces have. */
static void test_fragments(void **state)
{
	struct hash h = toeplitz(V4 | V4_TCP);
	size_t len = build(false, 6);
	struct hash_value value;

	(void)state;
	frame[20] = 0x20;
	hash_queue(&h, frame, len, 1, &value);
	assert_int_equal(value.value, 0x323e8fc2);
	frame[20] = 0;
	frame[21] = 9;
	hash_queue(&h, frame, len, 1, &value);
	assert_int_equal(value.value, 0x323e8fc2);
}

static void test_table(void **state)
{
	static const uint32_t map[] = { 3, 2, 1, 0 }, wrong[] = { 0, 4 };
	struct hash h = toeplitz(V4);
	struct hash_value value;
	size_t len = build(false, 17);

	(void)state;
	assert_int_equal(hash_check_map(&h, 0, 1), OVERFLOW);
	assert_int_equal(hash_set_map_size(&h, HASH_MAP + 1), INVALID);
	assert_int_equal(hash_set_map_size(&h, 4), OK);
	assert_int_equal(hash_queue(&h, frame, len, 4, &value), 0);
	assert_int_equal(hash_check_map(&h, 0, 4), OK);
	assert_int_equal(hash_check_map(&h, 1, 4), OVERFLOW);
	assert_int_equal(hash_check_map(&h, 5, 0), OVERFLOW);
	assert_int_equal(hash_check_map(&h, UINT32_MAX, 2), OVERFLOW);
	assert_int_equal(hash_check_map(&h, 1, UINT32_MAX), OVERFLOW);
	assert_int_equal(hash_put_map(&h, map, 0, 4, 4), OK);
	assert_int_equal(hash_queue(&h, frame, len, 4, &value),
			 3 - 0x323e8fc2 % 4);
	/* One that is wrong changes none. */
	assert_int_equal(hash_put_map(&h, wrong, 0, 2, 4), INVALID);
	assert_int_equal(h.map[0], 3);
	/* A part of the table leaves the rest. */
	assert_int_equal(hash_put_map(&h, wrong, 3, 1, 4), OK);
	assert_int_equal(h.map[2], 1);
	assert_int_equal(hash_set_map_size(&h, 4), OK);
	assert_int_equal(h.map[0], 0);
}

static void test_settings(void **state)
{
	struct hash_value value;
	struct hash h = { 0 };
	uint32_t types;

	(void)state;
	assert_int_equal(hash_types(&h, &types),
			 XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED);
	assert_int_equal(hash_set_types(&h, V4), INVALID);
	assert_int_equal(hash_set_algorithm(&h, 2), INVALID);
	assert_int_equal(hash_set_algorithm(&h, TOEPLITZ), OK);
	assert_int_equal(hash_types(&h, &types), OK);
	assert_int_equal(types, 15);
	assert_int_equal(hash_set_types(&h, 16), INVALID);
	assert_int_equal(hash_set_types(&h, types), OK);
	assert_int_equal(hash_check_key(HASH_KEY + 1), OVERFLOW);
	/* Without a key all hashes are zero; a shorter key forgets the rest. */
	hash_queue(&h, frame, build(false, 6), 3, &value);
	assert_true(value.there);
	assert_int_equal(value.value, 0);
	hash_put_key(&h, key, HASH_KEY);
	hash_put_key(&h, key, 4);
	assert_int_equal(h.key[3], key[3]);
	assert_int_equal(h.key[4], 0);
	assert_int_equal(hash_set_algorithm(&h, 0), OK);
	hash_queue(&h, frame, build(false, 6), 3, &value);
	assert_false(value.there);
}

/* Left to us: connections spread over all queues, and each keeps to its own. */
static void test_spread(void **state)
{
	const struct hash h = { 0 };
	struct hash_value value;
	unsigned int hits[8] = { 0 };
	size_t len = build(false, 6);

	(void)state;
	for (unsigned int port = 0; port < 800; port++) {
		unsigned int q;

		frame[34] = (uint8_t)(port >> 8);
		frame[35] = (uint8_t)port;
		q = hash_queue(&h, frame, len, 8, &value);
		assert_int_equal(q, hash_queue(&h, frame, len, 8, &value));
		assert_true(q < 8);
		assert_false(value.there);
		hits[q]++;
	}
	for (int i = 0; i < 8; i++)
		assert_in_range(hits[i], 50, 150);
	assert_int_equal(hash_queue(&h, frame, 13, 8, &value), 0);
	/* Cut behind the addresses: no look beyond. */
	for (size_t n = 14; n < len; n++) {
		uint8_t *exact = malloc(n);

		memcpy(exact, frame, n);
		assert_true(hash_queue(&h, exact, n, 8, &value) < 8);
		free(exact);
	}
}

static void test_groups(void **state)
{
	uint8_t group[6] = { 1, 0, 0x5e, 0, 0, 0 };
	uint8_t f[14] = { 1, 0, 0x5e, 0, 0, 5 };
	struct groups g = { 0 };

	(void)state;
	assert_int_equal(groups_add(&g, (const uint8_t *)"\2\0\0\0\0\1"),
			 -EINVAL);
	assert_false(groups_let(&g, f));
	for (unsigned int i = 0; i < GROUPS; i++) {
		group[5] = (uint8_t)i;
		assert_int_equal(groups_add(&g, group), 0);
		assert_int_equal(groups_add(&g, group), 0);
	}
	assert_true(groups_let(&g, f));
	group[5] = GROUPS;
	assert_int_equal(groups_add(&g, group), -ENOSPC);
	groups_remove(&g, group);
	assert_int_equal(g.count, GROUPS);
	groups_remove(&g, f);
	assert_false(groups_let(&g, f));
	group[5] = GROUPS - 1;
	assert_true(groups_let(&g, group));
	memset(f, 0xff, 6);
	assert_true(groups_let(&g, f));
	f[0] = 0xfe;
	assert_true(groups_let(&g, f));
}

static void test_senders(void **state)
{
	static const uint8_t own[6] = { 0, 0x16, 0x3e, 1, 2, 3 };
	uint8_t f[60] = { 0 };

	(void)state;
	assert_false(own_address(own, f, sizeof(f)));
	memcpy(f + 6, own, 6);
	assert_true(own_address(own, f, sizeof(f)));
	assert_true(own_address(own, f, 14));
	assert_false(own_address(own, f, 13));
	/* What it says in ARP must be true as well, tagged or not. */
	f[12] = 8;
	f[13] = 6;
	assert_false(own_address(own, f, sizeof(f)));
	memcpy(f + 22, own, 6);
	assert_true(own_address(own, f, sizeof(f)));
	assert_false(own_address(own, f, 27));
	memcpy(f + 12, "\x81\0\0\0\x08\x06", 6);
	memset(f + 18, 0, sizeof(f) - 18);
	assert_false(own_address(own, f, sizeof(f)));
	memcpy(f + 26, own, 6);
	assert_true(own_address(own, f, sizeof(f)));
	/* What we send in a guest's name passes. */
	announce_frame(f, own);
	assert_true(own_address(own, f, sizeof(f)));
	assert_memory_equal(f, "\xff\xff\xff\xff\xff\xff", 6);
	assert_int_equal(get16(f + 12), 0x8035);
}

/* --- when to look at a ring again -------------------------------------------- */

static void test_pace(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 1000000;

	(void)state;
	/* Events far apart: each is waited for. */
	for (int i = 0; i < 100; i++)
		assert_int_equal(pace_next(&p, 1, now += 101), 0);
	/* The fourth that follows soon ends that, and packets keep it up. */
	for (int i = 0; i < 3; i++)
		assert_int_equal(pace_next(&p, 1, now += 30), 0);
	assert_int_not_equal(pace_next(&p, 1, now += 30), 0);
	for (int i = 0; i < 100; i++)
		assert_int_not_equal(pace_next(&p, 2, now += 60), 0);
	assert_int_equal(pace_next(&p, 0, now += 60), 0);
	/* After a pause it is as before. */
	assert_int_equal(pace_next(&p, 1, now += 1000), 0);
	for (int i = 0; i < 3; i++)
		assert_int_equal(pace_next(&p, 1, now += 30), 0);
	assert_int_not_equal(pace_next(&p, 1, now += 30), 0);
}

/* Who sends one packet for each answer loses little: looks get rare. */
static void test_pace_turns(void **state)
{
	struct pace p = { 0 };
	uint64_t now = 1000000;
	unsigned int looks = 0;

	(void)state;
	for (int i = 0; i < 10000; i++)
		looks += pace_next(&p, 1, now += 30) != 0;
	assert_in_range(looks, 1, 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_fragments),
		cmocka_unit_test(test_table),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_spread),
		cmocka_unit_test(test_groups),
		cmocka_unit_test(test_senders),
		cmocka_unit_test(test_pace),
		cmocka_unit_test(test_pace_turns),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests_name("steer", tests, NULL, NULL);
}
