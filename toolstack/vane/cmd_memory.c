/*
 * vane mem-set and mem-max: a domain's memory target, and its limit.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A size with an optional unit b, k, m, g or t; MiB without. */
static int read_size(const char *text, uint64_t *kib)
{
	unsigned long long n;
	unsigned int shift = 10;	/* of KiB */
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (text[0] < '0' || text[0] > '9' || errno || n > 1ull << 40)
		goto wrong;
	switch (*end | 0x20) {
	case 'b':
		n >>= 10;
		__attribute__((fallthrough));
	case 'k':
		shift = 0;
		break;
	case 'g':
		shift = 20;
		break;
	case 't':
		shift = 30;
		break;
	case 'm':
	case 0x20:
		break;
	default:
		goto wrong;
	}
	if (*end && end[1])
		goto wrong;
	*kib = n << shift;
	return 0;
wrong:
	complain(EINVAL, "memory: found \"%s\"; allowed: MiB, or a number with "
		 "b, k, m, g or t", text);
	return -EINVAL;
}

static int change(const struct command *c, int argc, char **argv,
		  int (*set)(struct vane *v, uint32_t domid, uint64_t kib))
{
	uint32_t domid;
	uint64_t kib;
	struct vane *v;
	int rc;

	if (argc != 3)
		return usage(c);
	if (read_size(argv[2], &kib))
		return EXIT_FAILED;
	v = connect_or_exit();
	rc = vane_domain_find(v, argv[1], &domid);
	if (!rc)
		rc = set(v, domid, kib);
	vane_close(v);
	return rc ? EXIT_FAILED : EXIT_OK;
}

#define SIZE "    SIZE  MiB, or a number with b, k, m, g or t\n"

static int run_set(int argc, char **argv)
{
	return change(&cmd_mem_set, argc, argv, vane_memory_set);
}

const struct command cmd_mem_set = {
	.name = "mem-set", .arguments = "DOMAIN SIZE",
	.summary = "Ask a domain to have this much memory.",
	.options = SIZE, .run = run_set,
};

static int run_max(int argc, char **argv)
{
	return change(&cmd_mem_max, argc, argv, vane_memory_max);
}

const struct command cmd_mem_max = {
	.name = "mem-max", .arguments = "DOMAIN SIZE",
	.summary = "Set how much memory a domain may have.",
	.options = SIZE, .run = run_max,
};
