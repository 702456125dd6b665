/*
 * Which receive queue a frame goes to. A front end may choose the way by its
 * control ring (<xen/io/netif.h>, "Hash types" and what follows): Toeplitz
 * over addresses and ports with a key of its own, and a table of queues.
 * Else the frames of one connection keep to one queue, which one is ours to
 * choose.
 *
 * Plain data, so that a successor can be given it as it is.
 */
#ifndef BACKEND_NET_HASH_H
#define BACKEND_NET_HASH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HASH_KEY 40u		/* bytes: enough for two IPv6 addresses, ports */
#define HASH_MAP 128u		/* entries of the table */

struct hash {
	uint32_t algorithm;	/* XEN_NETIF_CTRL_HASH_ALGORITHM_* */
	uint32_t types;		/* XEN_NETIF_CTRL_HASH_TYPE_* */
	uint8_t key[HASH_KEY];
	uint32_t map_size;	/* 0: by remainder */
	uint8_t map[HASH_MAP];
};

/* What is told to the guest about a frame. */
struct hash_value {
	bool there;
	uint8_t type;		/* _XEN_NETIF_CTRL_HASH_TYPE_* */
	uint32_t value;
};

/* What a front end asks for; all return XEN_NETIF_CTRL_STATUS_*. */
uint32_t hash_set_algorithm(struct hash *h, uint32_t algorithm);
uint32_t hash_types(const struct hash *h, uint32_t *types);
uint32_t hash_set_types(struct hash *h, uint32_t types);
/** The key itself, @size <= HASH_KEY bytes of it, comes by hash_put_key(). */
uint32_t hash_check_key(uint32_t size);
void hash_put_key(struct hash *h, const uint8_t *key, uint32_t size);
uint32_t hash_set_map_size(struct hash *h, uint32_t size);
uint32_t hash_check_map(const struct hash *h, uint32_t offset, uint32_t count);
/** @map: @count entries, checked to fit; each must be below @queues. */
uint32_t hash_put_map(struct hash *h, const uint32_t *map, uint32_t offset,
		      uint32_t count, unsigned int queues);

/**
 * The queue of a frame, below @queues. *@value is what a guest that asked
 * for hashes is told of this frame.
 */
unsigned int hash_queue(const struct hash *h, const uint8_t *frame, size_t len,
			unsigned int queues, struct hash_value *value);

#endif
