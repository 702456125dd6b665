/* See buffers.h. */
#include "backend-drivers/block/buffers.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t rounded(size_t size)
{
	uint32_t to = BUFFERS_SMALLEST;

	while (to < size)
		to *= 4;
	return to;
}

/* The bits of a chunk of buffers of @size. */
static uint64_t all_free(uint32_t size)
{
	uint32_t count = BUFFERS_CHUNK / size;

	return count == 64 ? UINT64_MAX : (1ull << count) - 1;
}

static bool make(struct buffers *b, unsigned int i)
{
	struct chunk *c = &b->chunk[i];

	c->at = aligned_alloc(BUFFERS_SMALLEST, BUFFERS_CHUNK);
	if (c->at && b->made)
		b->made(b->arg, i, c->at, BUFFERS_CHUNK);
	return c->at;
}

/* One that has such a buffer, or can be made to; BUFFERS_CHUNKS: none. */
static unsigned int find(struct buffers *b, uint32_t size)
{
	unsigned int other = BUFFERS_CHUNKS, i;

	for (i = 0; i < BUFFERS_CHUNKS && b->chunk[i].at; i++) {
		struct chunk *c = &b->chunk[i];

		if (c->size == size && c->free)
			return i;
		if (c->free == all_free(c->size))
			other = i;
	}
	if (other == BUFFERS_CHUNKS && i < BUFFERS_CHUNKS && make(b, i))
		other = i;
	if (other < BUFFERS_CHUNKS) {
		b->chunk[other].size = size;
		b->chunk[other].free = all_free(size);
	}
	return other;
}

static void *get_large(struct buffers *b, size_t size)
{
	void *at;

	if (b->large == BUFFERS_LARGE)
		return NULL;
	size = (size + BUFFERS_SMALLEST - 1) & ~(size_t)(BUFFERS_SMALLEST - 1);
	at = aligned_alloc(BUFFERS_SMALLEST, size);
	b->large += !!at;
	return at;
}

void *buffers_get(struct buffers *b, size_t size, unsigned int *chunk)
{
	unsigned int i, bit;
	struct chunk *c;

	*chunk = BUFFERS_CHUNKS;
	if (size > BUFFERS_CHUNK)
		return get_large(b, size);
	i = find(b, rounded(size));
	if (i == BUFFERS_CHUNKS)
		return NULL;
	c = &b->chunk[i];
	bit = (unsigned int)__builtin_ctzll(c->free);
	c->free &= c->free - 1;
	*chunk = i;
	return c->at + bit * c->size;
}

void buffers_put(struct buffers *b, void *at, unsigned int chunk)
{
	struct chunk *c = &b->chunk[chunk];
	size_t bit;

	if (chunk == BUFFERS_CHUNKS) {
		free(at);
		b->large--;
		return;
	}
	bit = (size_t)((char *)at - c->at) / c->size;
	assert(!(c->free >> bit & 1));
	c->free |= 1ull << bit;
}
