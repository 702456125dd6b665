/*
 * What the daemon wants of the hypervisor.  hv_xen.c asks a real one through
 * the kernel's device nodes; hv_none.c stands in on a host without one; the
 * tests bring their own.
 */
#ifndef XENSTORE_DAEMON_HV_H
#define XENSTORE_DAEMON_HV_H

#include <stdbool.h>
#include <stdint.h>

struct xenstore_domain_interface;

struct hv_domain {
	bool dying;
	bool shutdown;		/* shut down or crashed, not yet resumed */
};

/* All take the `arg` that came with the table; 0 or negative errno. */
struct hv_ops {
	/* -ENOENT: there is no such domain. */
	int (*domain_state)(void *arg, uint32_t domid, struct hv_domain *out);

	/*
	 * Map a domain's store page through its reserved grant.  NULL with
	 * errno; *index identifies the mapping to ring_unmap().
	 */
	struct xenstore_domain_interface *(*ring_map)(void *arg,
				uint32_t domid, uint64_t *index);
	void (*ring_unmap)(void *arg, struct xenstore_domain_interface *ring,
			   uint64_t index);

	/* Connect to a domain's port; returns our own. */
	int (*port_bind)(void *arg, uint32_t domid, uint32_t remote_port);
	void (*port_unbind)(void *arg, uint32_t port);
	void (*port_notify)(void *arg, uint32_t port);
};

/* A host without a hypervisor: every domain exists, none has a ring. */
extern const struct hv_ops hv_none;

#endif
