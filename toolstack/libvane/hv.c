/*
 * Hypercalls of the toolstack: domctl and sysctl at the published version,
 * memory_op, and the few others that building a domain takes.
 *
 * The scratch of a connection is one page for the structure of the call and
 * HC_DATA_SIZE bytes for what that structure points to. One call at a time
 * uses them: a connection serves one thread.
 */
#include "toolstack/libvane/internal.h"

#include <errno.h>
#include <string.h>

#include <xen/event_channel.h>
#include <xen/version.h>

#include "toolstack/sys/privcmd.h"

static long call(struct vane *v, unsigned int op, uint64_t a0, uint64_t a1,
		 uint64_t a2, uint64_t a3)
{
	return privcmd_hypercall(v->privcmd, op, a0, a1, a2, a3, 0);
}

static uint64_t addr(const void *p)
{
	return (uintptr_t)p;
}

int hv_domctl(struct vane *v, struct xen_domctl *op)
{
	int rc;

	op->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	memcpy(v->hc, op, sizeof(*op));
	rc = call(v, __HYPERVISOR_domctl, addr(v->hc), 0, 0, 0);
	if (rc >= 0)
		memcpy(op, v->hc, sizeof(*op));
	return rc;
}

int hv_sysctl(struct vane *v, struct xen_sysctl *op)
{
	int rc;

	op->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
	memcpy(v->hc, op, sizeof(*op));
	rc = call(v, __HYPERVISOR_sysctl, addr(v->hc), 0, 0, 0);
	if (rc >= 0)
		memcpy(op, v->hc, sizeof(*op));
	return rc;
}

/*
 * The ioctl returns an int, too small for counts of pages: a multicall of
 * one entry brings the whole result.
 */
long hv_memory_op(struct vane *v, unsigned int cmd, void *arg, size_t size)
{
	struct multicall_entry *multi = (void *)v->hc;
	void *copy = v->hc + sizeof(*multi);
	long rc;

	memset(multi, 0, sizeof(*multi));
	memcpy(copy, arg, size);
	multi->op = __HYPERVISOR_memory_op;
	multi->args[0] = cmd;
	multi->args[1] = addr(copy);
	rc = call(v, __HYPERVISOR_multicall, addr(multi), 1, 0, 0);
	if (rc < 0)
		return rc;
	memcpy(arg, copy, size);
	return (long)multi->result;
}

long hv_version(struct vane *v, unsigned int cmd, void *arg, size_t size)
{
	long rc;

	if (size)
		memcpy(v->hc, arg, size);
	rc = call(v, __HYPERVISOR_xen_version, cmd,
		  size ? addr(v->hc) : 0, 0, 0);
	if (rc >= 0 && size)
		memcpy(arg, v->hc, size);
	return rc;
}

int hv_domctl_simple(struct vane *v, unsigned int cmd, uint32_t domid)
{
	struct xen_domctl op = { .cmd = cmd, .domain = domid };

	return hv_domctl(v, &op);
}

int hv_domain_info(struct vane *v, uint32_t domid,
		   struct xen_domctl_getdomaininfo *info)
{
	struct xen_domctl op = {
		.cmd = XEN_DOMCTL_getdomaininfo, .domain = domid,
	};
	int rc = hv_domctl(v, &op);

	if (rc < 0)
		return rc;
	/* The call gives the first domain from this number on. */
	if (op.u.getdomaininfo.domain != domid)
		return -ESRCH;
	*info = op.u.getdomaininfo;
	return 0;
}

long hv_populate(struct vane *v, uint32_t domid, unsigned int count,
		 unsigned int order)
{
	struct xen_memory_reservation res = {
		.nr_extents = count, .extent_order = order, .domid = domid,
	};

	set_xen_guest_handle(res.extent_start, v->hc_data);
	return hv_memory_op(v, XENMEM_populate_physmap, &res, sizeof(res));
}

bool hv_gives_clean_frames(struct vane *v)
{
	xen_extraversion_t extra = "";

	return hv_version(v, XENVER_extraversion, &extra, sizeof(extra)) >= 0 &&
		!strncmp(extra, "-paravane", sizeof(extra));
}

static int mmuext(struct vane *v, uint32_t domid, unsigned int count)
{
	/* The list lies in the data part, the count of done ones before it. */
	return call(v, __HYPERVISOR_mmuext_op, addr(v->hc_data), count,
		    addr(v->hc), domid);
}

int hv_pin_l4(struct vane *v, uint32_t domid, uint64_t mfn)
{
	struct mmuext_op *op = v->hc_data;

	memset(op, 0, sizeof(*op));
	op->cmd = MMUEXT_PIN_L4_TABLE;
	op->arg1.mfn = mfn;
	return mmuext(v, domid, 1);
}

int hv_clear_frames(struct vane *v, uint32_t domid, const uint64_t *mfns,
		    unsigned int count)
{
	struct mmuext_op *op = v->hc_data;
	unsigned int max = HC_DATA_SIZE / sizeof(*op), n;
	int rc;

	for (; count; count -= n, mfns += n) {
		n = count < max ? count : max;
		memset(op, 0, n * sizeof(*op));
		for (unsigned int i = 0; i < n; i++) {
			op[i].cmd = MMUEXT_CLEAR_PAGE;
			op[i].arg1.mfn = mfns[i];
		}
		rc = mmuext(v, domid, n);
		if (rc < 0)
			return rc;
	}
	return 0;
}

int hv_alloc_unbound(struct vane *v, uint32_t domid, uint32_t remote)
{
	struct evtchn_alloc_unbound *alloc = (void *)v->hc;
	long rc;

	memset(alloc, 0, sizeof(*alloc));
	alloc->dom = domid;
	alloc->remote_dom = remote;
	rc = call(v, __HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound,
		  addr(alloc), 0, 0);
	return rc < 0 ? rc : (int)alloc->port;
}
