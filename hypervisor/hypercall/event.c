/*
 * event_channel_op: the argument is copied in, given to its function in event/,
 * and copied back when that succeeded and has something to say.
 */
#include "guest.h"
#include "hypercall.h"
#include "../event/port.h"

#define MEMBER(op, flags) struct evtchn_##op op;
union event_arg {
	EVENT_OPS(MEMBER)
};

#define CALL(op, flags) \
	static long op_##op(union event_arg *a) \
	{ \
		return event_##op(&a->op); \
	}
EVENT_OPS(CALL)

#define ROW(op, flags) \
	[EVTCHNOP_##op] = { sizeof(struct evtchn_##op), flags, op_##op },
static const struct {
	uint8_t size, flags;
	long (*fn)(union event_arg *a);
} ops[] = {
	EVENT_OPS(ROW)
};

/* Apart, so that the two below do not pay for what it wants saved. */
static no_inline long by_table(uint64_t op, uint64_t arg)
{
	union event_arg a;
	long rc;

	if (op >= ARRAY_SIZE(ops))
		return hypercall_unknown("event_channel_op", op);
	if (copy_from_guest_va(&a, arg, ops[op].size))
		return -EFAULT;
	if (ops[op].flags & LOCKED)
		spin_lock(&event_lock);
	rc = ops[op].fn(&a);
	if (ops[op].flags & LOCKED)
		spin_unlock(&event_lock);
	if (rc == 0 && ops[op].flags & BACK &&
	    copy_to_guest_va(arg, &a, ops[op].size))
		rc = -EFAULT;
	return rc;
}

long hc_event_channel_op(uint64_t op, uint64_t arg, uint64_t a2, uint64_t a3,
			 uint64_t a4)
{
	union event_arg a;

	/* Nearly all of them are these two. */
	if (likely(op == EVTCHNOP_send))
		return get_guest_u32(&a.send.port, arg) ? -EFAULT :
		       event_send(&a.send);
	if (op == EVTCHNOP_unmask)
		return get_guest_u32(&a.unmask.port, arg) ? -EFAULT :
		       event_unmask(&a.unmask);
	return by_table(op, arg);
}
