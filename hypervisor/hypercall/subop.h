/*
 * Sub-operations of a hypercall: a table for each family, by number. What all
 * of them need is done in one place (subop.c): rights, the copies of the
 * structure that the argument points to, the domain that it names.
 */
#ifndef PV_SUBOP_H
#define PV_SUBOP_H

#include "domain.h"
#include "hypercall.h"

/*
 * arg: a copy of the caller's structure; for rows without a size, what the
 * caller gave. d: NULL without SUBOP_DOMAIN. 0 or positive, or an error.
 */
typedef long subop_fn(struct domain *d, void *arg);

enum subop_flags {
	SUBOP_PRIVILEGED = 1, /* for the control domain alone */
	SUBOP_DOMAIN = 2, /* names a domain: one's own; any if privileged */
	SUBOP_ALIVE = 4,  /* ... which is not dying, and kept from that */
	SUBOP_OUT = 8,    /* the structure goes back when fn returns 0 */
	SUBOP_OUT_ERR = 16, /* ... and when it fails */
};

struct subop {
	subop_fn *fn;
	uint8_t size; /* of the structure; 0: none */
	uint8_t flags;
	uint8_t domid; /* where the structure names its domain */
};

/* Rows: the structure's type, and for those with a domain its member. */
#define SUBOP(fn, type, flags) { fn, sizeof(type), flags, 0 }
#define SUBOP_OF(fn, type, member, flags) \
	{ fn, sizeof(type), (flags) | SUBOP_DOMAIN, offsetof(type, member) }

long subop_framed(const struct subop *op, uint64_t arg);

/* ops has n rows; those without a function are not offered. */
static inline long subop_call(const char *family, const struct subop *ops,
			      size_t n, uint64_t op, uint64_t arg)
{
	if (unlikely(op >= n || !ops[op].fn))
		return hypercall_unknown(family, op);
	/* Nothing around it: the short ones that guests call all the time. */
	if (!ops[op].size && !ops[op].flags)
		return ops[op].fn(NULL, (void *)arg);
	return subop_framed(&ops[op], arg);
}

/*
 * An interface of the control domain: one structure for all operations, that
 * begins with the number, the version, and where there is one the domain.
 * Handlers are given what follows.
 */
struct control {
	const char *family;
	const struct subop *ops;
	uint32_t n, version;
	uint8_t size, head; /* of the structure; of its beginning */
};

long control_call(const struct control *c, uint64_t va);

/* The hypercall hc_NAME of such an interface. */
#define CONTROL(name, rows, type, version) \
	long hc_##name(uint64_t va, uint64_t a1, uint64_t a2, uint64_t a3, \
		       uint64_t a4) \
	{ \
		static const struct control c = { \
			#name, rows, ARRAY_SIZE(rows), version, \
			sizeof(struct type), offsetof(struct type, u) }; \
\
		return control_call(&c, va); \
	}

#endif
