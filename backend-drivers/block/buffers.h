/*
 * Memory for requests in flight. It is had in chunks, each of which is cut
 * into buffers of one size, and which the kernel may be told of once, so that
 * it need not look their pages up for each I/O. A chunk that nobody uses is
 * cut anew when another size is wanted. There are never more chunks than
 * BUFFERS_CHUNKS, and none before it is needed. Buffers larger than a chunk,
 * which few front ends ask for, are had and given back one by one, at most
 * BUFFERS_LARGE of them at a time.
 */
#ifndef BACKEND_BLOCK_BUFFERS_H
#define BACKEND_BLOCK_BUFFERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BUFFERS_CHUNKS 16u
#define BUFFERS_CHUNK (256u << 10)	/* bytes; one buffer at least */
#define BUFFERS_LARGE 2u
#define BUFFERS_SMALLEST 4096u

struct buffers {
	/* Tells the kernel of a new chunk; may be NULL. */
	void (*made)(void *arg, unsigned int chunk, void *at, size_t size);
	void *arg;
	struct chunk {
		char *at;		/* NULL: not had yet */
		uint32_t size;		/* of its buffers */
		uint64_t free;		/* a bit for each of them */
	} chunk[BUFFERS_CHUNKS];
	unsigned int large;		/* how many of those there are */
};

/**
 * At least @size bytes, aligned to 4 KiB; NULL: there are none now. *@chunk:
 * which one it is part of; BUFFERS_CHUNKS: of none.
 */
void *buffers_get(struct buffers *b, size_t size, unsigned int *chunk);

/** Takes it back. */
void buffers_put(struct buffers *b, void *at, unsigned int chunk);

#endif
