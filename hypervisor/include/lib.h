/* What a freestanding program needs: strings, lists, bitmaps, assertions. */
#ifndef PV_LIB_H
#define PV_LIB_H

#include "types.h"

void *memcpy(void *dst, const void *src, size_t n);
void *memset(void *dst, int c, size_t n);
void *memmove(void *dst, const void *src, size_t n);
int memcmp(const void *a, const void *b, size_t n);
size_t strlen(const char *s);
size_t strnlen(const char *s, size_t n);
int strcmp(const char *a, const char *b);
int strncmp(const char *a, const char *b, size_t n);
char *strchr(const char *s, int c);
/* Copies at most n-1 bytes and always ends with NUL; returns bytes copied. */
size_t str_copy(char *dst, const char *src, size_t n);
/* Unsigned number, base 0 (0x, decimal); *end is where it stopped. */
uint64_t str_to_u64(const char *s, const char **end);
/* "1G", "512M", "64K" or bytes. */
uint64_t str_to_size(const char *s, const char **end);
int vsnprintf_(char *buf, size_t size, const char *fmt,
	       __builtin_va_list ap);
int snprintf_(char *buf, size_t size, const char *fmt, ...)
	printf_like(3, 4);

static inline unsigned int count_bits(uint64_t m)
{
	unsigned int n;

	for (n = 0; m; n++)
		m &= m - 1;
	return n;
}

/* Circular doubly linked list; a head is a node that is not an element. */
struct list {
	struct list *next, *prev;
};

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}

/* Behind all others; with an element for a head, before that one. */
static inline void list_add_tail(struct list *head, struct list *n)
{
	n->next = head;
	n->prev = head->prev;
	head->prev->next = n;
	head->prev = n;
}

static inline void list_del(struct list *n)
{
	n->next->prev = n->prev;
	n->prev->next = n->next;
	list_init(n);
}

#define list_first(head, type, member) \
	container_of((head)->next, type, member)
#define list_for_each(var, head, member) \
	for (var = list_first(head, __typeof__(*var), member); \
	     &var->member != (head); \
	     var = list_first(&var->member, __typeof__(*var), member))

#endif
