/*
 * Memory, strings and the formatter. Plain loops: nothing here is hot, and
 * the compiler turns the simple ones into string instructions anyway.
 */
#include "lib.h"

void *memset(void *to, int byte, size_t size)
{
	void *start = to;

	__asm__ volatile("rep stosb" : "+D"(to), "+c"(size) : "a"(byte)
			 : "memory");
	return start;
}

void *memcpy(void *to, const void *from, size_t size)
{
	void *start = to;

	/* Pages, mostly: eight bytes at a time, as any kernel has it. */
	if (((uintptr_t)to | (uintptr_t)from | size) % 8 == 0) {
		size /= 8;
		__asm__ volatile("rep movsq" : "+D"(to), "+S"(from),
				 "+c"(size) : : "memory");
		return start;
	}
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(size) :
			 : "memory");
	return start;
}

void *memmove(void *to, const void *from, size_t size)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if (t <= f)
		return memcpy(to, from, size);
	while (size--)
		((volatile uint8_t *)t)[size] = f[size];
	return to;
}

int memcmp(const void *a, const void *b, size_t size)
{
	const uint8_t *x = a, *y = b;

	for (; size; size--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	const char *end = s;

	while (*end)
		end++;
	return (size_t)(end - s);
}

int strcmp(const char *a, const char *b)
{
	while (*a && *a == *b)
		a++, b++;
	return (uint8_t)*a - (uint8_t)*b;
}

int strncmp(const char *a, const char *b, size_t size)
{
	for (; size; size--, a++, b++)
		if (*a != *b || !*a)
			return (uint8_t)*a - (uint8_t)*b;
	return 0;
}

struct out {
	char *buf;
	size_t size, used;
};

static void put(struct out *o, char c)
{
	if (o->used + 1 < o->size)
		o->buf[o->used] = c;
	o->used++;
}

struct spec {
	bool zero, left, prefix;
	int width;
};

static void put_padded(struct out *o, const struct spec *s, const char *text,
		       int length)
{
	int pad = s->width - length;

	for (; !s->left && pad > 0; pad--)
		put(o, s->zero ? '0' : ' ');
	while (length-- > 0)
		put(o, *text++);
	for (; pad > 0; pad--)
		put(o, ' ');
}

static void put_number(struct out *o, const struct spec *s, uint64_t value,
		       unsigned int base, bool negative)
{
	char digits[24];
	int at = sizeof(digits);

	do {
		digits[--at] = "0123456789abcdef"[value % base];
		value /= base;
	} while (value);
	if (s->prefix) {
		digits[--at] = 'x';
		digits[--at] = '0';
	}
	if (negative)
		digits[--at] = '-';
	put_padded(o, s, digits + at, (int)sizeof(digits) - at);
}

static uint64_t next_number(va_list *ap, int longs, bool is_signed)
{
	if (longs)
		return va_arg(*ap, uint64_t);
	return is_signed ? (uint64_t)(int64_t)va_arg(*ap, int)
			 : va_arg(*ap, unsigned int);
}

static const char *parse_spec(const char *fmt, struct spec *s, int *longs)
{
	for (;; fmt++) {
		if (*fmt == '0')
			s->zero = true;
		else if (*fmt == '-')
			s->left = true;
		else if (*fmt == '#')
			s->prefix = true;
		else
			break;
	}
	for (; *fmt >= '0' && *fmt <= '9'; fmt++)
		s->width = s->width * 10 + *fmt - '0';
	for (; *fmt == 'l' || *fmt == 'z'; fmt++)
		++*longs;
	return fmt;
}

static void put_spec(struct out *o, char kind, struct spec *s, int longs,
		     va_list *ap)
{
	uint64_t value;
	const char *text;
	char c;

	switch (kind) {
	case 's':
		text = va_arg(*ap, const char *);
		text = text ? text : "(null)";
		put_padded(o, s, text, (int)strlen(text));
		break;
	case 'c':
		c = (char)va_arg(*ap, int);
		put_padded(o, s, &c, 1);
		break;
	case 'd':
	case 'i':
		value = next_number(ap, longs, true);
		put_number(o, s, (int64_t)value < 0 ? -value : value, 10,
			   (int64_t)value < 0);
		break;
	case 'u':
		put_number(o, s, next_number(ap, longs, false), 10, false);
		break;
	case 'p':
		s->prefix = true;
		put_number(o, s, va_arg(*ap, uint64_t), 16, false);
		break;
	case 'x':
		put_number(o, s, next_number(ap, longs, false), 16, false);
		break;
	default:
		put(o, kind);
	}
}

int vsnprintf(char *buf, size_t size, const char *fmt, va_list ap)
{
	struct out o = { buf, size, 0 };
	va_list args;

	va_copy(args, ap);
	for (; *fmt; fmt++) {
		struct spec s = { 0 };
		int longs = 0;

		if (*fmt != '%') {
			put(&o, *fmt);
			continue;
		}
		fmt = parse_spec(fmt + 1, &s, &longs);
		if (!*fmt)
			break;
		put_spec(&o, *fmt, &s, longs, &args);
	}
	va_end(args);
	if (size)
		buf[o.used < size ? o.used : size - 1] = 0;
	return (int)o.used;
}

int snprintf(char *buf, size_t size, const char *fmt, ...)
{
	va_list ap;
	int length;

	va_start(ap, fmt);
	length = vsnprintf(buf, size, fmt, ap);
	va_end(ap);
	return length;
}
