/*
 * CPUID for PV guests: the host's leaves less what a PV guest cannot use, and
 * the hypervisor's own leaves at 0x40000000 (public header arch-x86/cpuid.h).
 */
#include <xen/arch-x86/cpuid.h>

#include "domain.h"
#include "features.h"
#include "lib.h"
#include "pv_cpu.h"
#include "time.h"

/* Leaf 1. */
#define HIDE_1C (1u << 2 /* DTES64 */ | 1u << 3 /* MONITOR */ | \
		 1u << 4 | 1u << 5 /* VMX */ | 1u << 6 /* SMX */ | \
		 1u << 7 /* EIST */ | 1u << 8 /* TM2 */ | 1u << 15 /* PDCM */ | \
		 1u << 17 /* PCID */ | 1u << 18 /* DCA */ | \
		 1u << 21 /* X2APIC */ | 1u << 24 /* TSC deadline */)
#define HIDE_1D (1u << 1 /* VME */ | 1u << 3 /* PSE */ | \
		 1u << 12 /* MTRR */ | 1u << 13 /* PGE */ | 1u << 17 /* PSE36 */ | \
		 1u << 21 /* DS */ | 1u << 22 /* ACPI */ | 1u << 29 /* TM */)
/* Leaf 7.0. */
#define HIDE_7B (1u << 0 /* FSGSBASE */ | 1u << 2 /* SGX */ | \
		 1u << 7 /* SMEP */ | 1u << 10 /* INVPCID */ | \
		 1u << 12 /* PQM */ | 1u << 14 /* MPX */ | 1u << 15 /* PQE */ | \
		 1u << 20 /* SMAP */ | 1u << 25 /* PT */)
#define HIDE_7C (1u << 2 /* UMIP */ | 1u << 3 /* PKU */ | 1u << 4 | \
		 1u << 5 /* WAITPKG */ | 1u << 7 /* CET-SS */ | \
		 1u << 16 /* LA57 */ | 1u << 27 | 1u << 28 | \
		 1u << 29 /* ENQCMD */ | 1u << 30 | 1u << 31)
#define HIDE_7D (1u << 18 | 1u << 19 | 1u << 20 /* CET-IBT */)
/* Leaf 0x80000001. */
#define HIDE_E1C (1u << 2 /* SVM */ | 1u << 3 | 1u << 9 /* OSVW */ | \
		  1u << 10 /* IBS */ | 1u << 12 /* SKINIT */ | 1u << 13 | \
		  1u << 15 /* LWP */ | 1u << 19 /* NODEID */ | \
		  1u << 22 /* TOPOEXT */ | 1u << 23 | 1u << 24 | \
		  1u << 29 /* MONITORX */)
#define HIDE_E1D (1u << 1 | 1u << 3 | 1u << 12 | 1u << 13 | 1u << 17 | \
		  1u << 26 /* 1 GiB pages */)

static void hypervisor_leaf(const struct domain *d, uint32_t leaf,
			    struct cpuid_regs *r)
{
	*r = (struct cpuid_regs){ 0 };
	switch (leaf - 0x40000000) {
	case 0:
		*r = (struct cpuid_regs){ 0x40000005, XEN_CPUID_SIGNATURE_EBX,
					  XEN_CPUID_SIGNATURE_ECX,
					  XEN_CPUID_SIGNATURE_EDX };
		break;
	case 1:
		r->a = 4u << 16 | 17;
		break;
	case 2:
		r->a = 1;
		r->b = 0x40000000;
		r->c = XEN_CPUID_FEAT1_MMU_PT_UPDATE_PRESERVE_AD;
		break;
	case 3:
		r->c = tsc_khz();
		break;
	case 5:
		/* Above 44 bits the kernel would ask for grant tables v2. */
		r->b = min(features.maddr_bits, 44u);
		break;
	}
}

/* What is taken away from leaves of the machine: a, b, c, d. */
static const struct {
	uint32_t leaf;
	struct cpuid_regs hide;
} hidden[] = {
	{ 1, { 0, 0, HIDE_1C, HIDE_1D } },
	{ 7, { 0, HIDE_7B, HIDE_7C, HIDE_7D } }, /* of sub-leaf 0 */
	{ 0xa, { ~0u, ~0u, ~0u, ~0u } },
	{ 0xb, { ~0u, ~0u, 0, 0 } },
	{ 0x80000001, { 0, 0, HIDE_E1C, HIDE_E1D } },
	{ 0x80000007, { 0, 0, 0, ~0u } },
	{ 0x8000000a, { ~0u, ~0u, ~0u, ~0u } },
	{ 0x8000001f, { ~0u, ~0u, ~0u, ~0u } },
};

static void leaf_d(uint32_t sub, struct cpuid_regs *r)
{
	if (!features.xsave) {
		*r = (struct cpuid_regs){ 0 };
	} else if (sub == 0) {
		r->a = (uint32_t)features.xcr0;
		r->d = (uint32_t)(features.xcr0 >> 32);
		r->b = r->c = features.xsave_size;
	} else if (sub == 1) {
		r->a &= 7; /* no XSAVES */
		r->b = r->c = r->d = 0;
	} else if (sub > 63 || !(features.xcr0 >> sub & 1)) {
		*r = (struct cpuid_regs){ 0 };
	}
}

void pv_cpuid(const struct domain *d, uint32_t leaf, uint32_t sub,
	      struct cpuid_regs *r)
{
	if (leaf >= 0x40000000 && leaf < 0x40010000) {
		hypervisor_leaf(d, leaf < 0x40000100 ? leaf : ~0u, r);
		return;
	}
	*r = cpuid_count(leaf, sub);
	for (unsigned int i = 0; i < ARRAY_SIZE(hidden); i++) {
		if (hidden[i].leaf != leaf || (leaf == 7 && sub))
			continue;
		r->a &= ~hidden[i].hide.a;
		r->b &= ~hidden[i].hide.b;
		r->c &= ~hidden[i].hide.c;
		r->d &= ~hidden[i].hide.d;
	}
	if (leaf == 1) {
		r->c |= 1u << 31; /* hypervisor */
		/* Offered means enabled: a kernel looks before it sets CR4. */
		if (features.xsave)
			r->c |= 1u << 27;
	} else if (leaf == 0xd) {
		leaf_d(sub, r);
	}
	cpu_policy_limit(d, leaf, sub, r);
}
