/*
 * What vane mem-set and mem-max have in common.
 */
#include "toolstack/vane/vane.h"

#include <errno.h>
#include <stdlib.h>

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

int memory_change(const struct command *c, int argc, char **argv,
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
