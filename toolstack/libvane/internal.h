/*
 * What the files of libvane share: the connection, messages, and hypercalls.
 */
#ifndef TOOLSTACK_LIBVANE_INTERNAL_H
#define TOOLSTACK_LIBVANE_INTERNAL_H

#include "toolstack/libvane.h"

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/domctl.h>
#include <xen/sysctl.h>
#include <xen/memory.h>

#define PAGE_SHIFT	12
#define PAGE_SIZE	((size_t)1 << PAGE_SHIFT)

/* Scratch for hypercalls: a page for the call's structure, then data. */
#define HC_DATA_SIZE	(8 * PAGE_SIZE)

struct vane {
	vane_message_fn *message;
	void *message_arg;
	int privcmd;			/* /dev/xen/privcmd */
	uint8_t *hc;			/* hypercall scratch, see hv.c */
	void *hc_data;			/* its second part: HC_DATA_SIZE */
	struct store *store;		/* NULL until first use */
	int no_store;			/* errno: it was tried and told once */
	int error;			/* of the last message: errno */
};

/* --- context.c: messages ------------------------------------------------- */

/*
 * Tell the user something. vane_fail() returns @rc, so that one line can
 * tell and return.
 */
void vane_say(struct vane *v, enum vane_level level, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));
int vane_fail(struct vane *v, int rc, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

/* --- messages.c ----------------------------------------------------------- */

/* Tells that @domid is not there, or why it cannot be asked about. */
int vane_no_domain(struct vane *v, int rc, uint32_t domid);
/* Tells that there is no memory for @what. */
int vane_no_memory(struct vane *v, const char *what);
/* Tells that the store does not answer any more. */
int vane_store_lost(struct vane *v, int rc);
/*
 * Tells that the hypervisor refused @step for the domain @name, that the store
 * refused its nodes. Both return @rc, and tell nothing unless it is negative.
 */
int vane_hv_refused(struct vane *v, int rc, const char *name,
		    const char *step);
int vane_nodes_refused(struct vane *v, int rc, const char *name);

/* --- sched.c ------------------------------------------------------------- */

/* Name of XEN_SCHEDULER_*, "unknown"; and its number, -EINVAL. */
const char *sched_name(unsigned int id);
int sched_number(const char *name);
/* Of the pool that a domain is in: XEN_SCHEDULER_*, or an error. */
int sched_of_domain(struct vane *v, uint32_t domid);

/* --- hv.c: hypercalls ---------------------------------------------------- */

/*
 * Each copies its structure into the scratch, calls, and copies it back on
 * success. Pointers inside must point into v->hc_data or other memory of
 * hcbuf_alloc(). Results: >= 0, or -errno. None tells a message.
 */
int hv_domctl(struct vane *v, struct xen_domctl *op);
int hv_sysctl(struct vane *v, struct xen_sysctl *op);
long hv_memory_op(struct vane *v, unsigned int cmd, void *arg, size_t size);
long hv_version(struct vane *v, unsigned int cmd, void *arg, size_t size);

/* A domctl that needs only its number and a domain. */
int hv_domctl_simple(struct vane *v, unsigned int cmd, uint32_t domid);

/* getdomaininfo of exactly this domain; -ESRCH. */
int hv_domain_info(struct vane *v, uint32_t domid,
		   struct xen_domctl_getdomaininfo *info);

/* populate_physmap: extents from v->hc_data; returns how many were done. */
long hv_populate(struct vane *v, uint32_t domid, unsigned int count,
		 unsigned int order);

/* Whether populated frames are zero: Xen gives some as a guest left them. */
bool hv_gives_clean_frames(struct vane *v);

/* Makes @mfn, a filled L4 table of @domid, a pinned page table. */
int hv_pin_l4(struct vane *v, uint32_t domid, uint64_t mfn);

/* Clears @count frames of @domid. @mfns may lie anywhere. */
int hv_clear_frames(struct vane *v, uint32_t domid, const uint64_t *mfns,
		    unsigned int count);

/* Offers @remote a port of @domid; returns the port. */
int hv_alloc_unbound(struct vane *v, uint32_t domid, uint32_t remote);

#endif
