/*
 * See disk.h. Facts: UEFI specification, chapter 5 (GPT); the layout of the
 * master boot record.
 */
#include "toolstack/bootloader/disk.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <unistd.h>

#define SECTOR		512u
#define TABLE		0x1be		/* in a master boot record */
#define EXTENDED_MAX	32u		/* links of the chain */

int disk_read(const struct disk *d, uint64_t offset, void *to, size_t len)
{
	if (offset > d->size || len > d->size - offset)
		return -EIO;
	while (len) {
		ssize_t n = pread(d->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return n ? -errno : -EIO;
		to = (char *)to + n;
		offset += (size_t)n;
		len -= (size_t)n;
	}
	return 0;
}

static uint32_t get32(const uint8_t *p)
{
	return p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 |
		(uint32_t)p[3] << 24;
}

static uint64_t get64(const uint8_t *p)
{
	return get32(p) | (uint64_t)get32(p + 4) << 32;
}

struct list {
	const struct disk *disk;
	struct part *parts;
	int count;
};

/* In units of @unit; what does not lie on the disk is none. */
static void add(struct list *l, uint64_t first, uint64_t count, uint64_t unit)
{
	uint64_t size = l->disk->size / unit;

	if (l->count == DISK_PARTS || !count || first >= size)
		return;
	if (count > size - first)	/* cut short: as far as it goes */
		count = size - first;
	l->parts[l->count++] = (struct part) { first * unit, count * unit };
}

/* --- GPT ----------------------------------------------------------------- */

static int read_gpt(struct list *l, uint64_t sector)
{
	uint8_t head[92], entry[128];
	static const uint8_t unused[16];
	uint64_t table;
	uint32_t count, each;

	if (disk_read(l->disk, sector, head, sizeof(head)) ||
	    memcmp(head, "EFI PART", 8))
		return -ENOENT;
	table = get64(head + 72);
	count = get32(head + 80);
	each = get32(head + 84);
	if (each < sizeof(entry) || each > 4096 || table > UINT64_MAX / 4096)
		return -EINVAL;
	for (uint32_t i = 0; i < count && i < 256; i++) {
		uint64_t first, last;

		if (disk_read(l->disk, table * sector + (uint64_t)i * each,
			      entry, sizeof(entry)))
			break;
		first = get64(entry + 32);
		last = get64(entry + 40);
		if (memcmp(entry, unused, 16) && last >= first &&
		    last < UINT64_MAX)
			add(l, first, last - first + 1, sector);
	}
	return 0;
}

/* --- MBR ----------------------------------------------------------------- */

static bool is_extended(uint8_t type)
{
	return type == 0x05 || type == 0x0f || type == 0x85;
}

static int read_table(const struct disk *d, uint64_t sector,
		      uint8_t mbr[SECTOR])
{
	int rc = disk_read(d, sector * SECTOR, mbr, SECTOR);

	if (rc)
		return rc;
	return mbr[510] == 0x55 && mbr[511] == 0xaa ? 0 : -ENOENT;
}

/* Each link holds one partition and where the next link is. */
static void read_extended(struct list *l, uint64_t base)
{
	uint64_t at = base;
	uint8_t mbr[SECTOR];

	for (unsigned int i = 0; i < EXTENDED_MAX; i++) {
		const uint8_t *e = mbr + TABLE;

		if (read_table(l->disk, at, mbr))
			return;
		add(l, at + get32(e + 8), get32(e + 12), SECTOR);
		if (!is_extended(e[16 + 4]))
			return;
		at = base + get32(e + 16 + 8);
	}
}

static int read_mbr(struct list *l)
{
	uint8_t mbr[SECTOR];
	int rc = read_table(l->disk, 0, mbr);

	for (unsigned int i = 0; !rc && i < 4; i++) {
		const uint8_t *e = mbr + TABLE + 16 * i;

		if (e[0] & 0x7f)	/* a boot sector of something else */
			return -ENOENT;
		if (is_extended(e[4]))
			read_extended(l, get32(e + 8));
		else if (e[4] && e[4] != 0xee)
			add(l, get32(e + 8), get32(e + 12), SECTOR);
	}
	return rc;
}

int disk_parts(const struct disk *d, struct part parts[DISK_PARTS])
{
	struct list l = { .disk = d, .parts = parts };

	if (read_gpt(&l, 512) && read_gpt(&l, 4096))
		(void)read_mbr(&l);
	if (!l.count)
		add(&l, 0, d->size / SECTOR, SECTOR);
	return l.count ? l.count : -EINVAL;
}
