/* The key of the daemon's hash: see hash.h. */
#include "xenstore/daemon/hash.h"

#include <sys/random.h>

uint64_t hash_seed = 0x51a9c3e7b2d4f685u;
uint64_t hash_factor = 0x9e3779b97f4a7c15u;

void hash_init(void)
{
	uint64_t key[2];

	/* Without entropy (early boot) the built-in key must do. */
	if (getrandom(key, sizeof(key), GRND_NONBLOCK) != sizeof(key))
		return;
	hash_seed = key[0];
	hash_factor = key[1] | 1;
}
