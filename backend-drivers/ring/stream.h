/*
 * Byte streams in shared memory, as the console has them: a buffer whose
 * size is a power of two, and two free-running indices. One end produces,
 * the other consumes; the peer may write anything anywhere at any time.
 *
 * Our own index is kept in the struct and only ever stored, never read back.
 * The peer's is read once per call. Peers whose indices are further apart
 * than the buffer is large are read as having nothing to say, and no room
 * for more, until the indices make sense again.
 */
#ifndef BACKEND_RING_STREAM_H
#define BACKEND_RING_STREAM_H

#include <stddef.h>
#include <stdint.h>

struct stream {
	char *bytes;		/* shared */
	uint32_t size;		/* a power of two */
	uint32_t *ours;		/* shared: the index that we move */
	uint32_t *theirs;	/* shared: the index that the peer moves */
	uint32_t at;		/* what we stored in *ours */
};

/** Starts at the value that *ours has now: we may continue a stream. */
void stream_attach(struct stream *s, void *bytes, uint32_t size,
		   uint32_t *ours, uint32_t *theirs);

/**
 * We are the consumer: copies at most @max of the bytes that wait to @to and
 * returns how many. They stay where they are until stream_drop(): who is
 * killed between leaves them to its successor.
 */
size_t stream_look(const struct stream *s, char *to, size_t max);

/**
 * We are the consumer: frees the place of the first @n bytes, as many as
 * stream_look() has returned at most. The peer wants an event if @n is not 0.
 */
void stream_drop(struct stream *s, size_t n);

/** We are the consumer: bytes that wait. */
size_t stream_waiting(const struct stream *s);

/** We are the producer: bytes of room. */
size_t stream_room(const struct stream *s);

/**
 * We are the producer: appends at most @len bytes as far as there is room.
 * Returns how many; the peer wants an event if any were put.
 */
size_t stream_put(struct stream *s, const char *from, size_t len);

#endif
