/*
 * Trees as bytes.  Snapshots share most of their nodes with each other, and
 * what is shared is written once: an object with more than one reference
 * gets a number when it is first met, and is that number from then on.
 */
#ifndef XENSTORE_DAEMON_GRAPH_H
#define XENSTORE_DAEMON_GRAPH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "xenstore/daemon/save.h"

struct perms;
struct node;

struct saver {
	save_room *get_room;
	void *arg;
	bool failed;		/* no room: what is written goes nowhere */
	struct numbered *slot;	/* hash of shared objects by address */
	size_t slots, count;
};

struct loader {
	const char *at, *end;
	bool failed;		/* the bytes end too early, or lie */
	void **object;		/* shared ones by number */
	size_t count, room;
};

void saver_init(struct saver *s, save_room *get_room, void *arg);
void saver_free(struct saver *s);
void save_bytes(struct saver *s, const void *data, size_t len);
void save_u32(struct saver *s, uint32_t n);
void save_u64(struct saver *s, uint64_t n);
void save_text(struct saver *s, const char *text);
void save_perms(struct saver *s, struct perms *p);	/* NULL allowed */
void save_node(struct saver *s, struct node *n);

void loader_init(struct loader *l, const void *data, size_t len);
void loader_free(struct loader *l);
/* The next bytes; a zeroed place of at most 64 if there are not as many. */
const void *load_bytes(struct loader *l, size_t len);
uint32_t load_u32(struct loader *l);
uint64_t load_u64(struct loader *l);
/* A text, which lives as long as the bytes. */
const char *load_text(struct loader *l);
/* With one reference, the caller's. */
struct perms *load_perms(struct loader *l);
struct node *load_node(struct loader *l);

#endif
