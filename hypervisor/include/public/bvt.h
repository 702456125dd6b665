/*
 * What tools say of the scheduler BVT, which the 4.17 headers no longer have:
 * its old number, and what stands in the union of XEN_DOMCTL_scheduler_op's
 * argument (commands XEN_DOMCTL_SCHEDOP_putinfo, _getinfo). A pool's
 * XEN_SYSCTL_scheduler_op has the fields of sched_credit, where the slice is the
 * context-switch allowance.
 */
#ifndef PV_PUBLIC_BVT_H
#define PV_PUBLIC_BVT_H

#include <stdint.h>

#define XEN_SCHEDULER_BVT 0

struct sched_bvt_params {
	uint16_t weight, cap;    /* as credit's; put: 0 and ~0 leave what is there */
	uint32_t warp_us;        /* how far it is put forward; 0: not */
	uint32_t warp_limit_us;  /* how long it may run so; 0: for ever */
	uint32_t unwarp_us;      /* how long not, after that */
};

#define SCHED_BVT_US_MAX 100000000u /* of the three times: 100 s */

#endif
