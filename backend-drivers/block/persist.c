/*
 * See persist.h. An open hash table of references, twice as large as it may
 * become full, whose entries point into mappings; a mapping is as long as the
 * batch that it was made for. If one reference of a batch is bad, the whole
 * batch is copied this time and its references are not tried again: a front
 * end that grants badly gets no more than what it would have without.
 */
#include "backend-drivers/block/persist.h"

#include <stdbool.h>
#include <stdlib.h>

#include "backend-drivers/base/grants.h"
#include "backend-drivers/ring/ring.h"

#define SLOTS 4096u		/* a power of two above 2 * PERSIST_MAX */

struct entry {
	uint32_t ref;
	bool used;
	void *page;		/* NULL: it cannot be mapped, or not yet */
};

struct persist {
	uint32_t domid;
	unsigned int known;		/* entries in use */
	struct entry table[SLOTS];
	struct grant_map maps[PERSIST_MAX];
	unsigned int map_count;
	uint32_t wanted[PERSIST_BATCH];
	unsigned int wanted_count;
};

/* Where @ref is, or would be. There is always a free slot. */
static struct entry *slot_of(const struct persist *p, uint32_t ref)
{
	uint32_t at = ref * 2654435761u >> 20;

	while (p->table[at % SLOTS].used && p->table[at % SLOTS].ref != ref)
		at++;
	return (struct entry *)&p->table[at % SLOTS];
}

struct persist *persist_open(uint32_t domid)
{
	struct persist *p = calloc(1, sizeof(*p));

	if (p)
		p->domid = domid;
	return p;
}

void persist_close(struct persist *p)
{
	for (unsigned int i = 0; p && i < p->map_count; i++)
		grant_unmap(&p->maps[i]);
	free(p);
}

void persist_want(struct persist *p, uint32_t ref)
{
	struct entry *e = slot_of(p, ref);

	if (e->used || p->known == PERSIST_MAX)
		return;
	if (p->wanted_count == PERSIST_BATCH)
		persist_map(p);
	*e = (struct entry){ .ref = ref, .used = true };
	p->known++;
	p->wanted[p->wanted_count++] = ref;
}

void persist_map(struct persist *p)
{
	struct grant_map *map = &p->maps[p->map_count];

	if (p->wanted_count &&
	    !grant_map(map, p->domid, p->wanted, p->wanted_count)) {
		p->map_count++;
		for (unsigned int i = 0; i < p->wanted_count; i++)
			slot_of(p, p->wanted[i])->page =
				(char *)map->addr + i * RING_PAGE;
	}
	p->wanted_count = 0;
}

void *persist_find(const struct persist *p, uint32_t ref)
{
	return slot_of(p, ref)->page;
}
