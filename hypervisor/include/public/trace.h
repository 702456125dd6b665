/*
 * Events of our scheduler's policies, in the classes of <xen/trace.h>: a policy
 * has charged a vCPU for what it ran. Words: domain, vCPU, 64 bits, one more.
 */
#ifndef PV_PUBLIC_TRACE_H
#define PV_PUBLIC_TRACE_H

#include <xen/trace.h>

/* Credit in ns, signed; class: 0 BOOST, 1 UNDER, 2 OVER. */
#define TRC_CREDIT_CHARGED TRC_SCHED_CLASS_EVT(CSCHED, 0x20)
/* Actual virtual time, ns at weight 256; 1: it is warped. */
#define TRC_BVT_CHARGED \
	(TRC_SCHED_CLASS + (7 << TRC_SCHED_ID_SHIFT) + 0x20)

#endif
