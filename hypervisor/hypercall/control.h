/* What domctl and sysctl share. */
#ifndef PV_CONTROL_H
#define PV_CONTROL_H

#include "subop.h"
#include <xen/domctl.h>
#include <xen/sysctl.h>

/*
 * Bitmaps of CPUs and nodes in tools' memory: bits beyond theirs or ours read
 * as 0 and are written as 0. 0 or -EFAULT.
 */
must_check int get_bitmap(const struct xenctl_bitmap *map, uint64_t *bits);
must_check int put_bitmap(const struct xenctl_bitmap *map, uint64_t bits);

void domain_info(struct domain *d, struct xen_domctl_getdomaininfo *info);

/* hypercall/domctl_vcpu.c: as rows of domctl's table want them. */
subop_fn domctl_max_vcpus, domctl_set_context, domctl_get_context,
	domctl_vcpu_info, domctl_set_affinity, domctl_get_affinity,
	domctl_scheduler, domctl_set_policy, domctl_get_policy;

/* domain/cpu_policy.c */
enum policy_kind { POLICY_RAW, POLICY_HOST, POLICY_PV };

/*
 * Writes the leaves of a policy (PV: as @d sees it; NULL: any PV domain) to a
 * tool's array; *nr is its size, then how many there are. A null handle asks
 * for the size that always suffices. 0, -ENOBUFS, -EFAULT.
 */
must_check int policy_put_leaves(enum policy_kind kind, const struct domain *d,
				 XEN_GUEST_HANDLE_64(xen_cpuid_leaf_t) h,
				 uint32_t *nr);
must_check int policy_put_msrs(XEN_GUEST_HANDLE_64(xen_msr_entry_t) h,
			       uint32_t *nr);
/*
 * Limits d to a tool's policy. 0, -EFAULT, -E2BIG, -ERANGE (no such leaf or
 * MSR), -EINVAL (more leaves than there are); err_* says which.
 */
must_check int policy_set(struct domain *d, struct xen_domctl_cpu_policy *op);

void policy_features(enum policy_kind kind, uint32_t words[FEATURE_WORDS]);

#endif
