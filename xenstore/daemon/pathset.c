/* A set of paths in order of addition: see pathset.h. */
#include "xenstore/daemon/pathset.h"

#include <stdlib.h>
#include <string.h>

#include "xenstore/daemon/hash.h"
#include "xenstore/daemon/memory.h"

/* The slot that holds the path, or the free one where it belongs. */
static uint32_t *slot_of(const struct pathset *set, const char *path,
			 uint64_t hash)
{
	size_t i = hash & (set->slots - 1);

	while (set->slot[i]) {
		const struct pathset_entry *e = &set->entry[set->slot[i] - 1];

		if (e->hash == hash && !strcmp(e->path, path))
			break;
		i = (i + 1) & (set->slots - 1);
	}
	return &set->slot[i];
}

/* Double the room; slots stay at most half full. */
static void grow(struct pathset *set)
{
	set->room = set->room ? 2 * set->room : 8;
	set->entry = mem_resize(set->entry, set->room * sizeof(*set->entry));
	set->slots = 2 * set->room;
	free(set->slot);
	set->slot = mem_zalloc(set->slots * sizeof(*set->slot));
	for (size_t i = 0; i < set->count; i++) {
		const struct pathset_entry *e = &set->entry[i];

		*slot_of(set, e->path, e->hash) = (uint32_t)i + 1;
	}
}

struct pathset_entry *pathset_find(const struct pathset *set,
				   const char *path)
{
	uint32_t slot;

	if (!set->count)
		return NULL;
	slot = *slot_of(set, path, hash_text(path, strlen(path)));
	return slot ? &set->entry[slot - 1] : NULL;
}

struct pathset_entry *pathset_add(struct pathset *set, const char *path)
{
	size_t len = strlen(path);
	uint64_t hash = hash_text(path, len);
	uint32_t *slot;

	if (set->count == set->room)
		grow(set);
	slot = slot_of(set, path, hash);
	if (!*slot) {
		set->entry[set->count] = (struct pathset_entry){
			.path = mem_copy_text(path, len), .hash = hash,
		};
		*slot = (uint32_t)++set->count;
	}
	return &set->entry[*slot - 1];
}

void pathset_free(struct pathset *set)
{
	for (size_t i = 0; i < set->count; i++)
		free(set->entry[i].path);
	free(set->entry);
	free(set->slot);
	*set = (struct pathset){ 0 };
}
