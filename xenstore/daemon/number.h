/* Decimal numbers in requests, taken strictly: digits and nothing else. */
#ifndef XENSTORE_DAEMON_NUMBER_H
#define XENSTORE_DAEMON_NUMBER_H

#include <errno.h>
#include <stdint.h>

/* 0 with *out, or -EINVAL: no digits, other characters, or above `max`. */
static inline int number_parse(const char *text, uint64_t max, uint64_t *out)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		unsigned int digit = (unsigned char)*text - '0';

		if (digit > 9 || n > (max - digit) / 10)
			return -EINVAL;
		n = n * 10 + digit;
	}
	*out = n;
	return 0;
}

#endif
