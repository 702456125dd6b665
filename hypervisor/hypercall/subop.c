/* The frame around a sub-operation: see subop.h. */
#include "subop.h"
#include "guest.h"

/* Rights over others are the control domain's. With a reference. */
static int find_domain(domid_t id, struct domain **d)
{
	*d = domain_get(id);
	if (!*d)
		return -ESRCH;
	if (*d != current->domain && !current->domain->privileged) {
		domain_put(*d);
		return -EPERM;
	}
	return 0;
}

long subop_framed(const struct subop *op, uint64_t va)
{
	uint64_t arg[32]; /* as much as a row's size can say */
	struct domain *d = NULL;
	long rc = 0;

	if (op->flags & SUBOP_PRIVILEGED && !current->domain->privileged)
		return -EPERM;
	if (!op->size)
		return op->fn(NULL, (void *)va);
	if (copy_from_guest_va(arg, va, op->size))
		return -EFAULT;
	if (op->flags & SUBOP_DOMAIN)
		rc = find_domain(*(domid_t *)((char *)arg + op->domid), &d);
	if (rc)
		return rc;
	rc = op->fn(d, arg);
	if (d)
		domain_put(d);
	if ((op->flags & SUBOP_OUT_ERR || (op->flags & SUBOP_OUT && !rc)) &&
	    copy_to_guest_va(va, arg, op->size))
		return rc ? rc : -EFAULT;
	return rc;
}
