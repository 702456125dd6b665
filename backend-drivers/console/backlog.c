/*
 * See backlog.h. The buffer grows by doubling and stays a power of two, so
 * that a place is an index and a mask.
 */
#include "backend-drivers/console/backlog.h"

#include <stdlib.h>
#include <string.h>

#define FIRST_SIZE 4096

void backlog_init(struct backlog *b, size_t limit)
{
	*b = (struct backlog){ .limit = FIRST_SIZE };
	while (b->limit <= limit / 2)
		b->limit *= 2;
}

void backlog_free(struct backlog *b)
{
	free(b->data);
	b->data = NULL;
	b->size = b->start = b->len = 0;
}

static void copy_in(struct backlog *b, const char *bytes, size_t len)
{
	size_t at = (b->start + b->len) & (b->size - 1);
	size_t run = b->size - at < len ? b->size - at : len;

	memcpy(b->data + at, bytes, run);
	memcpy(b->data, bytes + run, len - run);
	b->len += len;
}

/* Makes the buffer large enough for @want bytes, as far as that goes. */
static void grow(struct backlog *b, size_t want)
{
	struct backlog larger = *b;
	const char *head;
	size_t n;

	if (!larger.size)
		larger.size = FIRST_SIZE;
	while (larger.size < want && larger.size < b->limit)
		larger.size *= 2;
	if (larger.size == b->size)
		return;
	larger.data = malloc(larger.size);
	if (!larger.data)
		return;
	larger.start = larger.len = 0;
	while (head = backlog_head(b, &n), n) {
		copy_in(&larger, head, n);
		backlog_drop(b, n);
	}
	free(b->data);
	*b = larger;
}

void backlog_add(struct backlog *b, const char *bytes, size_t len)
{
	grow(b, b->len + len);
	if (len > b->size) {
		bytes += len - b->size;
		len = b->size;
	}
	if (!len)
		return;
	if (len > b->size - b->len) {
		size_t excess = len - (b->size - b->len);

		b->start = (b->start + excess) & (b->size - 1);
		b->len -= excess;
	}
	copy_in(b, bytes, len);
}

const char *backlog_head(const struct backlog *b, size_t *len)
{
	size_t run = b->size - b->start;

	*len = run < b->len ? run : b->len;
	return b->data ? b->data + b->start : NULL;
}

void backlog_drop(struct backlog *b, size_t len)
{
	b->start = (b->start + len) & (b->size - 1);
	b->len -= len;
}
