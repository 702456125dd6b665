/*
 * Fuzzer of the way from a disk to a kernel: partitions, file system, menu.
 * The input is laid over a file system with a menu in it (made by mkfs.ext4
 * once), as pairs of place and bytes, so that most inputs get far.
 */
#include <fcntl.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "toolstack/bootloader/pick.h"

#define SIZE (1u << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t *whole;
static int disk_fd, out_fd;

static void make_disk(void)
{
	static const char script[] =
		"export PATH=$PATH:/sbin:/usr/sbin; d=$(mktemp -d) && "
		"mkdir -p $d/t/boot/grub && printf 'menuentry a {\\n linux "
		"/k x\\n initrd /i\\n}\\n' >$d/t/boot/grub/grub.cfg && "
		"echo k >$d/t/k && echo i >$d/t/i && mkfs.ext4 -q -F -b 1024 "
		"-d $d/t $d/img 1M >&2 && cat $d/img && rm -r $d";
	FILE *f = popen(script, "re");

	whole = malloc(SIZE);
	if (!f || !whole || fread(whole, 1, SIZE, f) != SIZE || pclose(f))
		abort();
	disk_fd = memfd_create("disk", 0);
	out_fd = open("/dev/null", O_WRONLY);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct pick_request want = { 0 };
	struct disk d = { .size = SIZE };
	struct pick found;

	if (!whole)
		make_disk();
	if (pwrite(disk_fd, whole, SIZE, 0) != SIZE)
		abort();
	/* Place in units of 4 bytes, length, bytes; or the beginning. */
	if (size && data[0] & 1)
		(void)!pwrite(disk_fd, data + 1,
			      size - 1 < SIZE ? size - 1 : SIZE, 0);
	else
		for (size_t at = 1; at + 4 < size;) {
			uint32_t place = (data[at] | data[at + 1] << 8 |
					  data[at + 2] << 16) * 4u % SIZE;
			size_t len = data[at + 3] % 16 + 1u;

			at += 4;
			if (len > size - at)
				len = size - at;
			if (len > SIZE - place)
				len = SIZE - place;
			(void)!pwrite(disk_fd, data + at, len, place);
			at += len;
		}
	d.fd = disk_fd;
	want.kernel_fd = want.ramdisk_fd = out_fd;
	(void)pick(&d, &want, &found);
	return 0;
}
