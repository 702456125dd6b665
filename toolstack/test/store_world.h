/*
 * What the tests of a domain's nodes share: a real store daemon without a
 * hypervisor, the answers of a hypervisor that has one domain, and the domain.
 * Back ends and guests are child processes.
 */
#ifndef TOOLSTACK_TEST_STORE_WORLD_H
#define TOOLSTACK_TEST_STORE_WORLD_H

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <cmocka.h>

#include "toolstack/libvane/internal.h"
#include "toolstack/libvane/device.h"
#include "xenstore/client/connection.h"

#define DOMID 7
#define HOME "/local/domain/7"
#define VBD "/local/domain/0/backend/vbd/7/51712"
#define VIF "/local/domain/0/backend/vane-vif/7/0"
#define CON "/local/domain/0/backend/console/7/0"
#define VM "/vm/770d64a4-72e4-4a21-937f-992fe23ae65b"

/* The hypervisor: its domain as it says, and what it was asked to do. */
extern struct fake {
	bool exists, shutdown, runs;
	unsigned int reason;
	unsigned int paused, destroyed;
} fake;

extern char dir[];		/* for files; empty again at the end */
extern char told[512];		/* the last error's text */

/* Before and after all tests. world_begin(): argv[1] is the store daemon. */
int world_begin(int argc, char **argv);
void world_end(void);
/* Before and after each: *state is the library's context. */
int world_start(void **state);
int world_stop(void **state);

/* NULL: the daemon does not answer. */
struct store *connect_store(void);
/* Runs @act in a process of its own, with its own connection. */
pid_t play(void (*act)(struct store *s));
/* Waits for that process, which must have done well. */
void end(pid_t pid);
/* In such a process: waits until a node has a value. */
void await(struct store *s, const char *path, const char *value);

#define TREE_BYTES 16384
extern char tree[TREE_BYTES];	/* by dump_all(): every node with its rights */
void dump_all(struct store *s);

/* A disk of the kernel's back end, an interface of ours. */
extern struct vane_disk disk;
extern struct vane_nic nic;
extern struct vane_config config;
extern const uint8_t uuid[16];

/* The nodes that the domain gets when it is made. */
void enter_config(struct vane *v, const struct vane_config *c);
void enter(struct vane *v);

#endif
