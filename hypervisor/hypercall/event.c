/*
 * event_channel_op: the argument is copied in, given to its function in event/,
 * and copied back when that succeeded and has something to say.
 */
#include "access.h"
#include "hypercall.h"
#include "../event/port.h"

/* Nearly all calls are send and unmask, with a port and nothing more. */
static inline int fetch(void *a, uint64_t arg, size_t size)
{
	return size == sizeof(uint32_t) ? get_guest_u32(a, arg) :
	       copy_in(a, arg, size);
}

#define CALL(op, flags) \
static long op_##op(uint64_t arg) \
{ \
	struct evtchn_##op a; \
	long rc; \
\
	if (fetch(&a, arg, sizeof(a))) \
		return -EFAULT; \
	if ((flags) & LOCKED) \
		spin_lock(&event_lock); \
	rc = event_##op(&a); \
	if ((flags) & LOCKED) \
		spin_unlock(&event_lock); \
	if (rc == 0 && (flags) & BACK && \
	    copy_out(arg, &a, sizeof(a))) \
		rc = -EFAULT; \
	return rc; \
}
EVENT_OPS(CALL)

#define ROW(op, flags) [EVTCHNOP_##op] = op_##op,
static long (*const ops[])(uint64_t arg) = { EVENT_OPS(ROW) };

long hc_event_channel_op(uint64_t op, uint64_t arg, uint64_t a2, uint64_t a3,
			 uint64_t a4)
{
	if (unlikely(op >= ARRAY_SIZE(ops)))
		return hypercall_unknown("event_channel_op", op);
	return ops[op](arg);
}
