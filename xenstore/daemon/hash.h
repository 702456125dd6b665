/*
 * A keyed hash of text that can be carried on byte by byte, so that the hash
 * of every prefix of a path comes out of one pass over it.  The key is drawn
 * at start: a guest cannot choose names that collide.
 */
#ifndef XENSTORE_DAEMON_HASH_H
#define XENSTORE_DAEMON_HASH_H

#include <stddef.h>
#include <stdint.h>

/* Draw the key; before the first use of the others. */
void hash_init(void);

extern uint64_t hash_seed, hash_factor;

static inline uint64_t hash_start(void)
{
	return hash_seed;
}

static inline uint64_t hash_byte(uint64_t h, unsigned char c)
{
	h = (h ^ c) * hash_factor;
	return h ^ (h >> 29);
}

/* The last step: spreads what the loop left in the upper bits. */
static inline uint64_t hash_end(uint64_t h)
{
	h ^= h >> 32;
	h *= 0xd6e8feb86659fd93u;
	return h ^ (h >> 32);
}

static inline uint64_t hash_text(const char *text, size_t len)
{
	uint64_t h = hash_start();

	for (size_t i = 0; i < len; i++)
		h = hash_byte(h, (unsigned char)text[i]);
	return hash_end(h);
}

#endif
