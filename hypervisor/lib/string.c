/* Memory and strings. */
#include "lib.h"
#include "arch.h"

void *memcpy(void *dst, const void *src, size_t n)
{
	rep_movs(dst, src, n);
	return dst;
}

void *memset(void *dst, int c, size_t n)
{
	rep_stos(dst, (uint8_t)c, n);
	return dst;
}

void *memmove(void *dst, const void *src, size_t n)
{
	uint8_t *d = dst;
	const uint8_t *s = src;

	if (d <= s || d >= s + n)
		return memcpy(dst, src, n);
	while (n-- > 0)
		d[n] = s[n];
	return dst;
}

int memcmp(const void *a, const void *b, size_t n)
{
	const uint8_t *x = a, *y = b;

	for (; n > 0; n--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

size_t strlen(const char *s)
{
	return strnlen(s, SIZE_MAX);
}

size_t strnlen(const char *s, size_t max_len)
{
	size_t n = 0;

	while (n < max_len && s[n] != '\0')
		n++;
	return n;
}

int strcmp(const char *a, const char *b)
{
	return strncmp(a, b, SIZE_MAX);
}

int strncmp(const char *a, const char *b, size_t n)
{
	for (; n > 0; n--, a++, b++) {
		if (*a != *b)
			return (uint8_t)*a - (uint8_t)*b;
		if (*a == '\0')
			return 0;
	}
	return 0;
}

char *strchr(const char *s, int c)
{
	for (; *s != (char)c; s++)
		if (*s == '\0')
			return NULL;
	return (char *)(uintptr_t)s;
}

size_t str_copy(char *dst, const char *src, size_t n)
{
	size_t len = strnlen(src, n - 1);

	memcpy(dst, src, len);
	dst[len] = '\0';
	return len;
}

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : 99;
}

uint64_t str_to_u64(const char *s, const char **end)
{
	int base = 10, v;
	uint64_t n = 0;

	if (s[0] == '0' && (s[1] | 0x20) == 'x') {
		base = 16;
		s += 2;
	}
	for (; (v = digit_value(*s)) < base; s++)
		n = n * (unsigned int)base + (unsigned int)v;
	*end = s;
	return n;
}

uint64_t str_to_size(const char *s, const char **end)
{
	static const char units[] = "kmgt";
	uint64_t n = str_to_u64(s, &s);
	const char *u = strchr(units, *s | 0x20);

	if (u) {
		n <<= 10 * (u - units + 1);
		s++;
	}
	*end = s;
	return n;
}
