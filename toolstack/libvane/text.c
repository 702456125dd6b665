/*
 * Small conversions between text and values; see text.h.
 */
#include "toolstack/libvane/text.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

static int hex(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool name_is_good(const char *text)
{
	size_t n = strlen(text);

	if (!n || n > 64 || strspn(text, "0123456789") == n)
		return false;
	for (size_t i = 0; i < n; i++)
		if (text[i] <= ' ' || text[i] > '~' || text[i] == '/')
			return false;
	return true;
}

int uuid_parse(const char *text, uint8_t uuid[16])
{
	uint8_t got[16];

	for (int i = 0; i < 16; i++) {
		int high, low;

		if (*text == '-' && (i == 4 || i == 6 || i == 8 || i == 10))
			text++;
		high = hex(text[0]);
		if (high < 0)
			return -EINVAL;
		low = hex(text[1]);
		if (low < 0)
			return -EINVAL;
		got[i] = high << 4 | low;
		text += 2;
	}
	if (*text)
		return -EINVAL;
	memcpy(uuid, got, 16);
	return 0;
}

void uuid_format(const uint8_t uuid[16], char text[UUID_TEXT])
{
	for (int i = 0; i < 16; i++) {
		if (i == 4 || i == 6 || i == 8 || i == 10)
			*text++ = '-';
		text += sprintf(text, "%02x", uuid[i]);
	}
}

bool uuid_is_nil(const uint8_t uuid[16])
{
	static const uint8_t nil[16];

	return !memcmp(uuid, nil, 16);
}

/* Small requests to getrandom() are never short once it is seeded. */
static void fill_random(void *to, size_t len)
{
	while (getrandom(to, len, 0) != (ssize_t)len)
		;
}

void uuid_make(uint8_t uuid[16])
{
	fill_random(uuid, 16);
	uuid[6] = (uuid[6] & 0x0f) | 0x40;
	uuid[8] = (uuid[8] & 0x3f) | 0x80;
}

int mac_parse(const char *text, uint8_t mac[6])
{
	uint8_t got[6];

	for (int i = 0; i < 6; i++) {
		int high = hex(text[0]), low;

		if (high < 0)
			return -EINVAL;
		text++;
		low = hex(text[0]);
		if (low >= 0)
			text++;
		got[i] = low < 0 ? high : high << 4 | low;
		if (*text != (i < 5 ? ':' : '\0'))
			return -EINVAL;
		text++;
	}
	if (got[0] & 1)
		return -EINVAL;
	memcpy(mac, got, 6);
	return 0;
}

void mac_format(const uint8_t mac[6], char text[MAC_TEXT])
{
	snprintf(text, MAC_TEXT, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0],
		 mac[1], mac[2], mac[3], mac[4], mac[5]);
}

void mac_make(uint8_t mac[6])
{
	static const uint8_t prefix[3] = { 0x00, 0x16, 0x3e };

	memcpy(mac, prefix, 3);
	fill_random(mac + 3, 3);
	mac[3] &= 0x7f;
}

/* A number without sign and leading blanks; -1 if there is none. */
static long digits(const char **text, long max)
{
	long n = 0;

	if (!isdigit((unsigned char)**text))
		return -1;
	while (isdigit((unsigned char)**text)) {
		n = n * 10 + (*(*text)++ - '0');
		if (n > max)
			return -1;
	}
	return n;
}

/* Letters a..z, aa.. as a disk number. */
static long letters(const char **text, long max)
{
	long n = 0;

	if (**text < 'a' || **text > 'z')
		return -1;
	while (**text >= 'a' && **text <= 'z') {
		n = n * 26 + (*(*text)++ - 'a' + 1);
		if (n > max + 1)
			return -1;
	}
	return n - 1;
}

/*
 * xvd: 202 << 8 | disk << 4 | partition for 16 disks of 15 partitions, and
 * 1 << 28 | disk << 8 | partition beyond. hd: major 3 and 22, two disks of
 * 63 partitions each. sd: major 8, 16 disks of 15 partitions.
 */
static int vdev_number(char kind, long disk, long part, unsigned int *number)
{
	switch (kind) {
	case 'x':
		if (disk < 16 && part < 16)
			*number = 202 << 8 | disk << 4 | part;
		else if (part < 256 && disk < 1 << 20)
			*number = 1 << 28 | disk << 8 | part;
		else
			return -EINVAL;
		return 0;
	case 'h':
		if (disk > 3 || part > 63)
			return -EINVAL;
		*number = (disk < 2 ? 3 : 22) << 8 | (disk & 1) << 6 | part;
		return 0;
	default:
		if (disk > 15 || part > 15)
			return -EINVAL;
		*number = 8 << 8 | disk << 4 | part;
		return 0;
	}
}

int vdev_parse(const char *text, unsigned int *number)
{
	const long max = (1 << 20) - 1;
	long disk, part = 0;
	char kind = 'x';
	char *end;

	if (isdigit((unsigned char)*text)) {
		unsigned long n = strtoul(text, &end, 0);

		if (*end || n > 0x1fffffff)
			return -EINVAL;
		*number = n;
		return 0;
	}
	if (*text == 'd' && isdigit((unsigned char)text[1])) {
		text++;
		disk = digits(&text, max);
		if (*text == 'p') {
			text++;
			part = digits(&text, 255);
		}
	} else {
		if (!strncmp(text, "xvd", 3))
			text += 3;
		else if (!strncmp(text, "hd", 2) || !strncmp(text, "sd", 2))
			kind = *text, text += 2;
		else
			return -EINVAL;
		disk = letters(&text, max);
		if (*text)
			part = digits(&text, 255);
	}
	if (disk < 0 || part < 0 || *text)
		return -EINVAL;
	return vdev_number(kind, disk, part, number);
}

/* CPUs from..to, or all those of nodes from..to. */
struct range {
	long from, to;
	bool set, nodes;
};

static void apply(uint8_t *map, unsigned int bits, const struct range *r,
		  const uint32_t *node_of)
{
	for (unsigned int i = 0; i < bits; i++) {
		long at = !r->nodes ? (long)i : node_of ? (long)node_of[i] : 0;

		if (at < r->from || at > r->to)
			continue;
		if (r->set)
			map[i / 8] |= 1 << i % 8;
		else
			map[i / 8] &= ~(1 << i % 8);
	}
}

/* One item; @text behind it. */
static int read_range(const char **text, unsigned int bits, struct range *r)
{
	const char *at = *text + strspn(*text, " \t");

	*r = (struct range) { .to = bits - 1, .set = *at != '^' };
	at += !r->set;
	if (!strncmp(at, "node:", 5) || !strncmp(at, "nodes:", 6)) {
		r->nodes = true;
		at = strchr(at, ':') + 1;
		/* xl takes the sign on either side. */
		if (*at == '^') {
			r->set = false;
			at++;
		}
	}
	if (!strncmp(at, "all", 3)) {
		at += 3;
	} else {
		r->from = r->to = digits(&at, 1 << 20);
		if (r->from < 0)
			return -EINVAL;
		if (*at == '-') {
			at++;
			r->to = digits(&at, 1 << 20);
		}
		if (r->from > r->to)
			return -EINVAL;
		if (!r->nodes && r->to >= (long)bits)
			return -ERANGE;
	}
	*text = at + strspn(at, " \t");
	return 0;
}

int cpulist_parse(const char *text, uint8_t *map, unsigned int bits,
		  const uint32_t *node_of)
{
	memset(map, 0, bits / 8);
	do {
		struct range r;
		int rc = read_range(&text, bits, &r);

		if (rc)
			return rc;
		apply(map, bits, &r, node_of);
	} while (*text++ == ',');
	return text[-1] ? -EINVAL : 0;
}
