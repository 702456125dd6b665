/* See text.h. */
#include "frontend-drivers/text.h"

#include <stdarg.h>
#include <stdint.h>

struct out {
	char *at, *end; /* end: where the NUL must be at the latest */
	bool whole;
};

static void put(struct out *o, char c)
{
	if (o->at < o->end)
		*o->at++ = c;
	else
		o->whole = false;
}

static void put_number(struct out *o, unsigned long number)
{
	char digits[20];
	unsigned int n = 0;

	do
		digits[n++] = (char)('0' + number % 10);
	while (number /= 10);
	while (n)
		put(o, digits[--n]);
}

bool text_format(char *to, size_t size, const char *format, ...)
{
	struct out o = { to, to + size - 1, true };
	const char *s;
	va_list ap;

	va_start(ap, format);
	for (; *format; format++) {
		if (*format != '%') {
			put(&o, *format);
		} else if (*++format == 'u') {
			put_number(&o, va_arg(ap, unsigned long));
		} else {
			for (s = va_arg(ap, const char *); *s; s++)
				put(&o, *s);
		}
	}
	va_end(ap);
	*o.at = '\0';
	return o.whole;
}

bool text_number(const char *text, unsigned long *number)
{
	unsigned long n = 0;

	if (!*text)
		return false;
	for (; *text; text++) {
		unsigned int digit = (unsigned int)(*text - '0');

		if (digit > 9 || n > (UINT64_MAX - digit) / 10)
			return false;
		n = n * 10 + digit;
	}
	*number = n;
	return true;
}
