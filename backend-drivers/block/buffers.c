/*
 * See buffers.h.
 */
#include "backend-drivers/block/buffers.h"

#include <assert.h>
#include <stdlib.h>

static unsigned int class_of(size_t size)
{
	unsigned int c = 0;

	while (((size_t)1 << (BUFFERS_MIN_SHIFT + c)) < size)
		c++;
	assert(c < BUFFERS_CLASSES);
	return c;
}

void buffers_init(struct buffers *b, size_t limit)
{
	*b = (struct buffers){ .limit = limit };
}

void *buffers_get(struct buffers *b, size_t size)
{
	unsigned int c = class_of(size);
	void *buf = b->free[c];

	if (buf) {
		b->free[c] = *(void **)buf;
		return buf;
	}
	size = (size_t)1 << (BUFFERS_MIN_SHIFT + c);
	if (size > b->limit - b->held)
		buffers_trim(b);
	if (size > b->limit - b->held)
		return NULL;
	buf = aligned_alloc((size_t)1 << BUFFERS_MIN_SHIFT, size);
	if (buf)
		b->held += size;
	return buf;
}

void buffers_put(struct buffers *b, void *buf, size_t size)
{
	unsigned int c = class_of(size);

	*(void **)buf = b->free[c];
	b->free[c] = buf;
}

void buffers_trim(struct buffers *b)
{
	for (unsigned int c = 0; c < BUFFERS_CLASSES; c++) {
		while (b->free[c]) {
			void *buf = b->free[c];

			b->free[c] = *(void **)buf;
			free(buf);
			b->held -= (size_t)1 << (BUFFERS_MIN_SHIFT + c);
		}
	}
}
