/*
 * Permission lists: who may do what with a node.
 *
 * A list is immutable and counted, and shared by all nodes that inherited
 * it.  Entry 0 names the owner, its rights are those of everybody whom no
 * later entry names.  An entry carries the incarnation of the domain that it
 * was given to; when that domain is gone the entry is void, and stays so
 * when the domain's number is used again.
 */
#ifndef XENSTORE_DAEMON_PERMS_H
#define XENSTORE_DAEMON_PERMS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PERM_READ	1u
#define PERM_WRITE	2u
#define PERM_OWNER	4u	/* only in what perms_of() answers */

struct perm {
	uint16_t domid;
	uint8_t access;		/* PERM_READ, PERM_WRITE */
	uint64_t incarnation;	/* 0: names nobody */
};

struct perms {
	uint32_t refs;
	uint32_t count;		/* at least 1 */
	struct perm entry[];
};

/* Who asks: what the check needs to know of a connection. */
struct caller {
	uint32_t domid;
	uint64_t incarnation;
	bool privileged;
	bool has_target;
	uint32_t target;
	uint64_t target_incarnation;
};

/* A list of `count` entries, not yet filled; one reference, the caller's. */
struct perms *perms_new(unsigned int count);
/* Take or drop a reference; NULL is allowed. */
struct perms *perms_get(struct perms *p);
void perms_put(struct perms *p);

/* The same list with another owner, whose entry keeps its rights. */
struct perms *perms_with_owner(const struct perms *p, uint32_t domid,
			       uint64_t incarnation);

/* PERM_READ | PERM_WRITE | PERM_OWNER of `who`. */
unsigned int perms_of(const struct perms *p, const struct caller *who);

/*
 * Parse one entry ("n0", "r5", "w", "b"): letter and decimal domain number.
 * 0 or -EINVAL; the incarnation is left to the caller.
 */
int perm_parse(const char *text, struct perm *out);

/* Room for one entry as text with its NUL. */
#define PERM_TEXT_MAX 16
/* Format one entry; returns its length without the NUL. */
size_t perm_format(const struct perm *p, char text[PERM_TEXT_MAX]);

#endif
