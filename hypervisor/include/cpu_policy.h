/* What a domain is told of its CPUs beyond what all PV guests are. */
#ifndef PV_CPU_POLICY_H
#define PV_CPU_POLICY_H

#include "types.h"

struct domain;
struct cpuid_regs;

/* pv_cpuid() calls it last: takes away what d's own policy does not have. */
void cpu_policy_limit(const struct domain *d, uint32_t leaf, uint32_t sub,
		      struct cpuid_regs *r);

#endif
