/* What this machine's CPUs can do, found once at boot (cpu/features.c). */
#ifndef PV_FEATURES_H
#define PV_FEATURES_H

#include "types.h"

struct cpu_features {
	bool intel;          /* vendor: SYSENTER rather than SYSCALL32 */
	bool smap, smep, xsave, page1g;
	uint64_t xcr0;       /* states that guests may use */
	uint32_t xsave_size; /* of an area for them */
	uint64_t cr4;        /* of the running hypervisor */
	unsigned int maddr_bits;
};

extern struct cpu_features features;

void features_init(void);     /* boot CPU, first */
void features_init_cpu(void); /* each CPU: CR0, CR4, EFER, PAT, XCR0 */

#define PAT_VALUE 0x0000050100070406UL /* WB WT UC- UC WC WP UC UC */

#define X86_CR0_TS 0x8UL
#define X86_CR4_TSD 0x4UL
#define X86_CR4_DE 0x8UL
#define X86_CR4_PAE 0x20UL
#define X86_CR4_MCE 0x40UL
#define X86_CR4_PGE 0x80UL
#define X86_CR4_OSFXSR 0x200UL
#define X86_CR4_OSXMMEXCPT 0x400UL
#define X86_CR4_OSXSAVE 0x40000UL
#define X86_CR4_SMEP 0x100000UL
#define X86_CR4_SMAP 0x200000UL

#define X86_EFLAGS_CF 0x1UL
#define X86_EFLAGS_TF 0x100UL
#define X86_EFLAGS_IF 0x200UL
#define X86_EFLAGS_DF 0x400UL
#define X86_EFLAGS_IOPL 0x3000UL
#define X86_EFLAGS_NT 0x4000UL
#define X86_EFLAGS_RF 0x10000UL
#define X86_EFLAGS_VM 0x20000UL
#define X86_EFLAGS_AC 0x40000UL

#define MSR_EFER 0xc0000080
#define MSR_STAR 0xc0000081
#define MSR_LSTAR 0xc0000082
#define MSR_CSTAR 0xc0000083
#define MSR_SFMASK 0xc0000084
#define MSR_FS_BASE 0xc0000100
#define MSR_GS_BASE 0xc0000101
#define MSR_KERNEL_GS_BASE 0xc0000102
#define MSR_TSC_AUX 0xc0000103
#define MSR_PAT 0x277
#define MSR_SYSENTER_CS 0x174
#define MSR_SYSENTER_ESP 0x175
#define MSR_SYSENTER_EIP 0x176
#define EFER_SCE 0x1UL
#define EFER_LME 0x100UL
#define EFER_NX 0x800UL

#endif
