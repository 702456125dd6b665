/*
 * Formatted text: %d %u %x %lx %lu %ld %c %s %p %%, with '#', '0', '-',
 * width and, for strings, precision.
 */
#include "lib.h"

struct out {
	char *buf;
	size_t size, len;
};

struct spec {
	bool left, zero, alt, is_long;
	int width, precision;
};

static void put(struct out *o, char c)
{
	if (o->len + 1 < o->size)
		o->buf[o->len] = c;
	o->len++;
}

static void put_padded(struct out *o, const struct spec *sp,
		       const char *text, int len)
{
	int pad = sp->width > len ? sp->width - len : 0;

	for (; !sp->left && pad > 0; pad--)
		put(o, sp->zero ? '0' : ' ');
	for (; len > 0; len--)
		put(o, *text++);
	for (; pad > 0; pad--)
		put(o, ' ');
}

static void put_number(struct out *o, const struct spec *sp, uint64_t v,
		       unsigned int base, bool negative)
{
	char digits[24];
	int at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[v % base];
		v /= base;
	} while (v);
	if (sp->alt && base == 16) {
		digits[--at] = 'x';
		digits[--at] = '0';
	}
	if (negative)
		digits[--at] = '-';
	put_padded(o, sp, digits + at, (int)sizeof(digits) - at);
}

static const char *take_int(const char *f, int *n)
{
	for (; *f >= '0' && *f <= '9'; f++)
		*n = *n * 10 + (*f - '0');
	return f;
}

static const char *parse_spec(const char *f, struct spec *sp,
			      __builtin_va_list *ap)
{
	*sp = (struct spec){ .precision = -1 };
	for (;; f++) {
		if (*f == '-')
			sp->left = true;
		else if (*f == '0')
			sp->zero = true;
		else if (*f == '#')
			sp->alt = true;
		else
			break;
	}
	f = take_int(f, &sp->width);
	if (*f == '.' && f[1] == '*') {
		sp->precision = __builtin_va_arg(*ap, int);
		f += 2;
	} else if (*f == '.') {
		sp->precision = 0;
		f = take_int(f + 1, &sp->precision);
	}
	for (; *f == 'l' || *f == 'z'; f++)
		sp->is_long = true;
	return f;
}

static void put_arg(struct out *o, char conv, struct spec *sp,
		    __builtin_va_list *ap)
{
	const char *s;
	uint64_t u;
	int64_t n;
	char c;

	switch (conv) {
	case 'd':
		n = sp->is_long ? __builtin_va_arg(*ap, long)
				: __builtin_va_arg(*ap, int);
		put_number(o, sp, n < 0 ? -(uint64_t)n : (uint64_t)n, 10,
			   n < 0);
		break;
	case 'u':
	case 'x':
		u = sp->is_long ? __builtin_va_arg(*ap, unsigned long)
				: __builtin_va_arg(*ap, unsigned int);
		put_number(o, sp, u, conv == 'u' ? 10 : 16, false);
		break;
	case 'p':
		sp->alt = true;
		put_number(o, sp, (uint64_t)__builtin_va_arg(*ap, void *), 16,
			   false);
		break;
	case 'c':
		c = (char)__builtin_va_arg(*ap, int);
		put_padded(o, sp, &c, 1);
		break;
	case 's':
		s = __builtin_va_arg(*ap, const char *);
		s = s ? s : "(null)";
		put_padded(o, sp, s, (int)strnlen(s, sp->precision < 0 ?
					SIZE_MAX : (size_t)sp->precision));
		break;
	default:
		put(o, conv);
	}
}

int vsnprintf_(char *buf, size_t size, const char *fmt, __builtin_va_list ap)
{
	struct out o = { .buf = buf, .size = size };
	__builtin_va_list args;
	struct spec sp;

	__builtin_va_copy(args, ap);
	for (; *fmt != '\0'; fmt++) {
		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &sp, &args);
		if (*fmt == '\0')
			break;
		put_arg(&o, *fmt, &sp, &args);
	}
	__builtin_va_end(args);
	if (size > 0)
		buf[o.len < size ? o.len : size - 1] = '\0';
	return (int)o.len;
}

int snprintf_(char *buf, size_t size, const char *fmt, ...)
{
	__builtin_va_list ap;
	int n;

	__builtin_va_start(ap, fmt);
	n = vsnprintf_(buf, size, fmt, ap);
	__builtin_va_end(ap);
	return n;
}
