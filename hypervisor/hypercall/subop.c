/* The frame around a sub-operation: see subop.h. */
#include "subop.h"
#include "guest.h"

/* Any row's structure, and any interface's. */
#define ARG_BUFFER(name) uint8_t name[256] __attribute__((aligned(16)))

static long call_of_domain(const struct subop *op, domid_t id, void *arg)
{
	struct domain *d;
	long rc = domain_get_target(id, &d);

	if (rc)
		return rc;
	if (!(op->flags & SUBOP_ALIVE)) {
		rc = op->fn(d, arg);
	} else if (!domain_use(d)) {
		rc = -ESRCH;
	} else {
		rc = op->fn(d, arg);
		domain_unuse(d);
	}
	domain_put(d);
	return rc;
}

static long answer(const struct subop *op, long rc, uint64_t va,
		   const void *arg, size_t size)
{
	if ((op->flags & SUBOP_OUT_ERR || (op->flags & SUBOP_OUT && !rc)) &&
	    copy_to_guest_va(va, arg, size))
		return rc ? rc : -EFAULT;
	return rc;
}

long subop_framed(const struct subop *op, uint64_t va)
{
	ARG_BUFFER(arg);
	long rc;

	if (op->flags & SUBOP_PRIVILEGED && !current->domain->privileged)
		return -EPERM;
	if (!op->size)
		return op->fn(NULL, (void *)va);
	if (copy_from_guest_va(arg, va, op->size))
		return -EFAULT;
	if (op->flags & SUBOP_DOMAIN)
		rc = call_of_domain(op, *(domid_t *)(arg + op->domid), arg);
	else
		rc = op->fn(NULL, arg);
	return answer(op, rc, va, arg, op->size);
}

long control_call(const struct control *c, uint64_t va)
{
	ARG_BUFFER(arg);
	const struct { uint32_t cmd, version; domid_t domain; } *head =
		(void *)arg;
	const struct subop *op = c->ops;
	long rc;

	if (!current->domain->privileged)
		return -EPERM;
	if (copy_from_guest_va(arg, va, c->size))
		return -EFAULT;
	if (head->version != c->version)
		return -EACCES;
	if (head->cmd >= c->n || !op[head->cmd].fn)
		return hypercall_unknown(c->family, head->cmd);
	op += head->cmd;
	if (!(op->flags & SUBOP_DOMAIN))
		rc = op->fn(NULL, arg + c->head);
	else if (head->domain >= DOMID_FIRST_RESERVED)
		rc = -ESRCH;
	else
		rc = call_of_domain(op, head->domain, arg + c->head);
	return answer(op, rc, va, arg, c->size);
}
