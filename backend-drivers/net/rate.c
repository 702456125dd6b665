/* See rate.h. */
#include "backend-drivers/net/rate.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>

#define BYTES_MAX (1ull << 40)
#define USEC_MAX 1000000000ull

/* A decimal number up to @max that ends with @end; NULL: it is none. */
static const char *number(const char *text, char end, uint64_t max,
			  uint64_t *value)
{
	char *rest;

	if (*text < '0' || *text > '9')
		return NULL;
	errno = 0;
	*value = strtoull(text, &rest, 10);
	return errno || *rest != end || *value > max ? NULL : rest;
}

int rate_parse(struct rate *r, const char *text)
{
	struct rate found = { 0 };
	const char *rest;

	*r = found;
	if (!text)
		return 0;
	rest = number(text, ',', BYTES_MAX, &found.bytes);
	if (!rest || !number(rest + 1, '\0', USEC_MAX, &found.usec) ||
	    !found.usec)
		return -EINVAL;
	found.left = (int64_t)found.bytes;
	*r = found;
	return 0;
}

unsigned int rate_wait(struct rate *r, uint64_t now)
{
	unsigned __int128 earned;

	if (!r->bytes)
		return 0;
	if (now > r->filled) {
		earned = (unsigned __int128)(now - r->filled) * 1000 *
			 r->bytes / r->usec;
		/* So slow a rate that this is no byte yet: it adds up. */
		if (earned)
			r->filled = now;
		if (earned > r->bytes - (uint64_t)r->left)
			r->left = (int64_t)r->bytes;
		else
			r->left += (int64_t)earned;
	}
	if (r->left > 0)
		return 0;
	return (unsigned int)((1 - (__int128)r->left) * r->usec /
			      ((__int128)r->bytes * 1000)) + 1;
}
