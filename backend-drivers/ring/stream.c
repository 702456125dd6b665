/*
 * See stream.h. Both copies go at most once round the buffer; bytes are
 * shared, so they are moved one by one, each read or written once.
 */
#include "backend-drivers/ring/stream.h"

#include "backend-drivers/ring/shared.h"

void stream_attach(struct stream *s, void *bytes, uint32_t size,
		   uint32_t *ours, uint32_t *theirs)
{
	*s = (struct stream){
		.bytes = bytes, .size = size, .ours = ours, .theirs = theirs,
		.at = shared_load(ours),
	};
}

size_t stream_waiting(const struct stream *s)
{
	uint32_t ahead = shared_load_acquire(s->theirs) - s->at;

	return ahead > s->size ? 0 : ahead;
}

size_t stream_room(const struct stream *s)
{
	uint32_t used = s->at - shared_load_acquire(s->theirs);

	return used > s->size ? 0 : s->size - used;
}

size_t stream_look(const struct stream *s, char *to, size_t max)
{
	size_t n = stream_waiting(s);

	if (n > max)
		n = max;
	for (size_t i = 0; i < n; i++) {
		const char *from = &s->bytes[(s->at + i) & (s->size - 1)];

		to[i] = __atomic_load_n(from, __ATOMIC_RELAXED);
	}
	return n;
}

void stream_drop(struct stream *s, size_t n)
{
	s->at += (uint32_t)n;
	if (n)
		shared_store_release(s->ours, s->at);
}

size_t stream_put(struct stream *s, const char *from, size_t len)
{
	size_t n = stream_room(s);

	if (n > len)
		n = len;
	for (size_t i = 0; i < n; i++) {
		char *to = &s->bytes[(s->at + i) & (s->size - 1)];

		__atomic_store_n(to, from[i], __ATOMIC_RELAXED);
	}
	s->at += n;
	if (n)
		shared_store_release(s->ours, s->at);
	return n;
}
