/*
 * event_channel_op: one row for each sub-operation. The argument is copied in,
 * given to its function in event/, and copied back when that succeeded and has
 * something to say.
 */
#include "guest.h"
#include "hypercall.h"
#include "../event/port.h"

union event_arg {
	struct evtchn_alloc_unbound alloc_unbound;
	struct evtchn_bind_interdomain bind_interdomain;
	struct evtchn_bind_virq bind_virq;
	struct evtchn_bind_pirq bind_pirq;
	struct evtchn_close close;
	struct evtchn_send send;
	struct evtchn_status status;
	struct evtchn_bind_ipi bind_ipi;
	struct evtchn_bind_vcpu bind_vcpu;
	struct evtchn_unmask unmask;
	struct evtchn_reset reset;
	struct evtchn_init_control init_control;
	struct evtchn_expand_array expand_array;
	struct evtchn_set_priority set_priority;
};

#define ROW(op, back) \
	[EVTCHNOP_##op] = { sizeof(struct evtchn_##op), back, \
			    op_##op }
#define OP(op) \
	static long op_##op(union event_arg *a) \
	{ \
		return event_##op(&a->op); \
	}

OP(bind_interdomain)
OP(bind_virq)
OP(bind_pirq)
OP(close)
OP(send)
OP(status)
OP(alloc_unbound)
OP(bind_ipi)
OP(bind_vcpu)
OP(unmask)
OP(reset)
OP(init_control)
OP(expand_array)
OP(set_priority)

static const struct {
	uint8_t size;
	bool back; /* the argument goes back to the caller */
	long (*fn)(union event_arg *a);
} ops[] = {
	ROW(bind_interdomain, true),
	ROW(bind_virq, true),
	ROW(bind_pirq, true),
	ROW(close, false),
	ROW(send, false),
	ROW(status, true),
	ROW(alloc_unbound, true),
	ROW(bind_ipi, true),
	ROW(bind_vcpu, false),
	ROW(unmask, false),
	ROW(reset, false),
	ROW(init_control, true),
	ROW(expand_array, false),
	ROW(set_priority, false),
};

long hc_event_channel_op(uint64_t op, uint64_t arg, uint64_t a2, uint64_t a3,
			 uint64_t a4)
{
	union event_arg a;
	long rc;

	/* Nearly all of them are these two. */
	if (likely(op == EVTCHNOP_send))
		return get_guest_u32(&a.send.port, arg) ? -EFAULT :
		       event_send(&a.send);
	if (op == EVTCHNOP_unmask)
		return get_guest_u32(&a.unmask.port, arg) ? -EFAULT :
		       event_unmask(&a.unmask);
	if (op >= ARRAY_SIZE(ops))
		return hypercall_unknown("event_channel_op", op);
	if (copy_from_guest_va(&a, arg, ops[op].size))
		return -EFAULT;
	rc = ops[op].fn(&a);
	if (rc == 0 && ops[op].back &&
	    copy_to_guest_va(arg, &a, ops[op].size))
		rc = -EFAULT;
	return rc;
}
