/*
 * echo: the net front end (frontend-drivers/net). Answers ARP requests for
 * the address of the command line (ip=A.B.C.D), ICMP echo requests, and UDP
 * datagrams and TCP segments to port 7, until a datagram begins with "stop".
 * One that begins with "spoof" is answered in another sender's name.
 * A TCP segment goes back as it came, cut to size by whoever it suits.
 * features=none: like a front end of old, which knew of nothing.
 */
#include "tap.h"
#include "frontend-drivers/net/net.h"
#include "frontend-drivers/os.h"

#define SECONDS(n) ((n) * 1000000000ul)

/* Offsets in a frame: Ethernet, then ARP or IPv4 without options. */
enum {
	ETH_TYPE = 12, BODY = 14,
	ARP_OP = BODY + 6, ARP_FROM = BODY + 8, ARP_TO = BODY + 18,
	IP_LENGTH = BODY + 2, IP_PROTO = BODY + 9, IP_FROM = BODY + 12,
	IP_TO = BODY + 16, IP_BODY = BODY + 20, UDP_DATA = IP_BODY + 8,
};

static struct net n;
static uint8_t ip[4];
static uint8_t frame[NET_FRAME_BIG];
static struct net_extra extra;
static unsigned long answered, large, blank, segmented,
	spoofed;

static unsigned int get16(unsigned int at)
{
	return (unsigned int)frame[at] << 8 | frame[at + 1];
}

static void put16(unsigned int at, unsigned int value)
{
	frame[at] = (uint8_t)(value >> 8);
	frame[at + 1] = (uint8_t)value;
}

static void swap(unsigned int a, unsigned int b, unsigned int len)
{
	for (; len--; a++, b++) {
		uint8_t byte = frame[a];

		frame[a] = frame[b];
		frame[b] = byte;
	}
}

static bool answer_arp(int len)
{
	if (len < ARP_TO + 10 || get16(ARP_OP) != 1 ||
	    memcmp(frame + ARP_TO + 6, ip, 4))
		return false;
	put16(ARP_OP, 2);
	swap(ARP_FROM, ARP_TO, 10);
	memcpy(frame + ARP_FROM, n.mac, NET_MAC);
	return true;
}

/* The sum of a message whose first byte went from 8 to 0. */
static bool answer_ping(void)
{
	unsigned int sum = get16(IP_BODY + 2) + 0x800;

	if (frame[IP_BODY] != 8)
		return false;
	frame[IP_BODY] = 0;
	put16(IP_BODY + 2, sum + (sum >> 16));
	return true;
}

/* UDP or TCP. Ports and addresses change places: no sum changes. */
static bool answer_port_7(void)
{
	if (get16(IP_BODY + 2) != 7)
		return false;
	swap(IP_BODY, IP_BODY + 2, 2);
	return true;
}

static bool answer_ip(int len)
{
	bool known;

	if (len < UDP_DATA || frame[BODY] != 0x45 ||
	    memcmp(frame + IP_TO, ip, 4))
		return false;
	known = frame[IP_PROTO] == 1 ? answer_ping() :
		(frame[IP_PROTO] == 17 || frame[IP_PROTO] == 6) &&
		answer_port_7();
	if (known)
		swap(IP_FROM, IP_TO, 4);
	return known;
}

static bool says(int len, const char *word)
{
	int size = (int)strlen(word);

	return len >= UDP_DATA + size && get16(ETH_TYPE) == 0x800 &&
	       frame[IP_PROTO] == 17 &&
	       !memcmp(frame + UDP_DATA, word, (size_t)size);
}

/* Sends the frame back, changed into its answer, if it has one. */
static int answer(int len)
{
	bool known = get16(ETH_TYPE) == 0x806 ? answer_arp(len) :
		     get16(ETH_TYPE) == 0x800 && answer_ip(len);
	int rc;

	if (!known)
		return 0;
	swap(0, NET_MAC, NET_MAC);
	memcpy(frame + NET_MAC, n.mac, NET_MAC);
	if (says(len, "spoof")) {
		frame[NET_MAC + 5] ^= 0x80;
		spoofed++;
	}
	for (;;) {
		uint32_t seen = os_events();

		rc = net_send(&n, frame, (size_t)len, &extra);
		if (rc != -XEN_EAGAIN)
			break;
		os_wait(seen, OS_NEVER);
	}
	answered += !rc;
	return rc;
}

static void read_ip(void)
{
	char text[16] = "";
	unsigned int part = 0;

	option_get("ip", text, sizeof(text));
	for (const char *s = text; *s && part < 4; s++)
		if (*s == '.')
			part++;
		else
			ip[part] = (uint8_t)(ip[part] * 10 + (*s - '0'));
}

static unsigned int wish(void)
{
	char text[8] = "";

	option_get("features", text, sizeof(text));
	return strcmp(text, "none") ? NET_ALL : 0;
}

static void connects(void)
{
	frontend_init();
	read_ip();
	REQUIRE_EQ(net_open(&n, 0, wish(), os_now() + SECONDS(20)), 0);
	CHECK_EQ(n.features, wish());
	printk("# echo: ready as %u.%u.%u.%u\n", ip[0], ip[1], ip[2], ip[3]);
}

static void answers(void)
{
	bool stop = false;
	int len = 0;

	while (!stop && len >= 0) {
		uint32_t seen = os_events();

		len = net_receive(&n, frame, sizeof(frame), &extra);
		if (len > 0) {
			large += len > (int)OS_PAGE;
			blank += extra.csum_blank;
			segmented += extra.gso_type != 0;
			stop = says(len, "stop");
			len = answer(len);
		} else if (!len) {
			os_wait(seen, OS_NEVER);
		}
	}
	CHECK_EQ(len, 0);
	CHECK(answered > 0);
	CHECK(n.lost <= spoofed);
	printk("# echo: %lu answers; of what came %lu large, %lu blank, "
	       "%lu to be cut\n", answered, large, blank, segmented);
}

static void refuses_nonsense(void)
{
	size_t most = n.features & NET_SG ? NET_FRAME_BIG : NET_FRAME;

	CHECK_EQ(net_send(&n, frame, NET_FRAME_MIN - 1, NULL), -XEN_EINVAL);
	CHECK_EQ(net_send(&n, frame, most + 1, NULL), -XEN_EINVAL);
}

static void opens_again(void)
{
	unsigned long before;

	REQUIRE_EQ(net_close(&n, os_now() + SECONDS(20)), 0);
	before = pages_free();
	REQUIRE_EQ(net_open(&n, 0, wish(), os_now() + SECONDS(20)), 0);
	REQUIRE_EQ(net_close(&n, os_now() + SECONDS(20)), 0);
	CHECK_EQ(pages_free(), before);
}

static const struct test_case cases[] = {
	{ "the card connects", connects },
	{ "it answers until it is told to stop", answers },
	{ "what is no frame is refused", refuses_nonsense },
	{ "it is closed and opened again", opens_again },
};

TEST_PROGRAM_ALONE(echo, "the net front end", cases);
