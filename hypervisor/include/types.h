/*
 * Basic types, and the published ABI: every structure, number and errno that
 * a guest sees comes from Debian's libxen-dev, included here once.
 */
#ifndef PV_TYPES_H
#define PV_TYPES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define __XEN_TOOLS__ 1
#define __XEN_INTERFACE_VERSION__ 0x00041100
#include <xen/xen.h>

enum {
#define XEN_ERRNO(name, value) name = value,
#include <xen/errno.h>
	EINTR = 4, /* internal: the caller's domain is dying; never shown */
};

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096UL
#define PAGE_MASK (~(PAGE_SIZE - 1))

/* A machine frame number. For PV guests a gfn in a hypercall is an mfn. */
typedef struct mfn {
	uint64_t n;
} mfn_t;

#define MFN(x) ((mfn_t){ (x) })

typedef uint64_t paddr_t; /* a machine address */

static inline mfn_t paddr_mfn(paddr_t pa)
{
	return MFN(pa >> PAGE_SHIFT);
}

static inline paddr_t mfn_paddr(mfn_t mfn)
{
	return mfn.n << PAGE_SHIFT;
}

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))
#define min(a, b) ({ __auto_type a_ = (a); __auto_type b_ = (b); \
		     a_ < b_ ? a_ : b_; })
#define max(a, b) ({ __auto_type x_ = (a); __auto_type y_ = (b); \
		     x_ > y_ ? x_ : y_; })
#define container_of(p, type, member) \
	((type *)((char *)(p) - offsetof(type, member)))
#define DIV_ROUND_UP(n, d) (((n) + (d) - 1) / (d))
#define ROUND_UP(n, a) (((n) + (a) - 1) & ~((__typeof__(n))(a) - 1))

#define no_inline __attribute__((noinline))
#define must_check __attribute__((warn_unused_result))
#define noreturn_fn __attribute__((noreturn))
#define printf_like(f, a) __attribute__((format(printf, f, a)))
#define likely(x) __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)
#define static_assert _Static_assert

#endif
