/*
 * Failures that can happen in many places, told in one way.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <string.h>

int vane_no_domain(struct vane *v, int rc, uint32_t domid)
{
	return rc == -ESRCH ?
		vane_fail(v, rc, "there is no domain %u (`vane list` shows "
			  "them)", domid) :
		vane_fail(v, rc, "domain %u: the hypervisor tells nothing "
			  "about it: %s", domid, strerror(-rc));
}

int vane_no_memory(struct vane *v, const char *what)
{
	return vane_fail(v, -ENOMEM, "no memory for %s: Dom0 has too little",
			 what);
}

int vane_store_lost(struct vane *v, int rc)
{
	return vane_fail(v, rc, "the store does not answer any more: %s (is "
			 "vane-stored running?)", strerror(-rc));
}

int vane_hv_refused(struct vane *v, int rc, const char *name, const char *step)
{
	return rc < 0 ? vane_fail(v, rc, "%s: %s: the hypervisor refuses: %s "
				  "(`vane dmesg` may tell more)", name, step,
				  strerror(-rc)) : 0;
}

int vane_nodes_refused(struct vane *v, int rc, const char *name)
{
	return rc < 0 ? vane_fail(v, rc, "%s: its nodes in the store: %s "
				  "(`vane store quota` shows what may be "
				  "there)", name, strerror(-rc)) : 0;
}
