/*
 * See domains.h. XEN_DOMCTL_getdomaininfo answers for the first domain whose
 * number is not below the one asked for, -ESRCH if there is none.
 */
#include "backend-drivers/base/domains.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>

#define __XEN_TOOLS__ 1
#include <xen/xen.h>
#include <xen/domctl.h>

#include "toolstack/sys/privcmd.h"

static int privcmd = -1;
static struct xen_domctl *call;		/* reachable by hypercalls */

int domains_init(void)
{
	privcmd = privcmd_open();
	if (privcmd < 0)
		return privcmd;
	call = hcbuf_alloc(sizeof(*call));
	return call ? 0 : -errno;
}

int domain_next(uint32_t from, uint32_t *domid, bool *dying)
{
	long rc;

	if (from >= DOMID_FIRST_RESERVED)
		return 0;
	memset(call, 0, sizeof(*call));
	call->cmd = XEN_DOMCTL_getdomaininfo;
	call->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
	call->domain = (domid_t)from;
	rc = privcmd_hypercall(privcmd, __HYPERVISOR_domctl,
			       (uint64_t)(uintptr_t)call, 0, 0, 0, 0);
	if (rc == -ESRCH)
		return 0;
	if (rc < 0)
		return (int)rc;
	*domid = call->u.getdomaininfo.domain;
	*dying = call->u.getdomaininfo.flags & XEN_DOMINF_dying;
	return 1;
}

static bool look_up(uint32_t domid, bool dying_counts)
{
	bool dying = false;
	uint32_t found = 0;
	int rc = domain_next(domid, &found, &dying);

	if (rc < 0)
		return true;
	return rc == 1 && found == domid && (dying_counts || !dying);
}

bool domain_lives(uint32_t domid)
{
	return look_up(domid, false);
}

bool domain_exists(uint32_t domid)
{
	return look_up(domid, true);
}
