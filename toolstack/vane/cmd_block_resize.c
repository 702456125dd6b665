/*
 * vane block-resize: a disk that a guest uses gets larger.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* "20G": a number with k, m, g or t, by default bytes; 0 is wrong. */
static uint64_t parse_size(const char *text)
{
	static const char units[] = "bkmgt";
	unsigned long long n;
	const char *unit;
	char *end;

	if (*text < '0' || *text > '9')
		return 0;
	errno = 0;
	n = strtoull(text, &end, 10);
	unit = *end ? strchr(units, *end | 0x20) : units;
	if (errno || !unit || (*end && end[1]) ||
	    n > UINT64_MAX >> (10 * (unit - units)))
		return 0;
	return n << (10 * (unit - units));
}

static int run(int argc, char **argv)
{
	uint64_t size = 0;
	uint32_t domid;
	struct vane *v;
	int rc;

	if (argc != 3 && argc != 4)
		return usage(&cmd_block_resize);
	if (argc == 4) {
		size = parse_size(argv[3]);
		if (!size || size % 512)
			return usage(&cmd_block_resize);
	}
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = vane_disk_resize(v, domid, argv[2], size);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

const struct command cmd_block_resize = {
	.name = "block-resize", .arguments = "DOMAIN DISK [SIZE]",
	.summary = "Let a running domain see that its disk has got larger.",
	.options = "    SIZE  makes the disk's file that large first: bytes, or\n"
		"          with k, m, g, t; a multiple of 512\n",
	.run = run,
};
