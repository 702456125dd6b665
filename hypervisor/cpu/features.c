/*
 * CPU features and control registers. CR4 is computed here from what the CPU
 * has, and never from what happens to be in the register.
 */
#include "features.h"
#include "cpu.h"
#include "printk.h"

struct cpu_features features;

#define XCR0_X87 0x1UL
#define XCR0_SSE 0x2UL
#define XCR0_AVX 0x4UL
#define XCR0_AVX512 0xe0UL

static void find_xstate(void)
{
	struct cpuid_regs r = cpuid_count(0xd, 0);
	uint64_t host = (uint64_t)r.d << 32 | r.a;

	features.xcr0 = host & (XCR0_X87 | XCR0_SSE | XCR0_AVX);
	if ((host & XCR0_AVX512) == XCR0_AVX512)
		features.xcr0 |= XCR0_AVX512;
}

void features_init(void)
{
	struct cpuid_regs id = cpuid(0), l1 = cpuid(1), l7 = { 0 }, e1;

	features.intel = id.b == 0x756e6547; /* "Genu" */
	if (id.a >= 7)
		l7 = cpuid_count(7, 0);
	e1 = cpuid(0x80000001);
	features.smep = l7.b >> 7 & 1;
	features.smap = l7.b >> 20 & 1;

	features.xsave = l1.c >> 26 & 1;
	features.page1g = e1.d >> 26 & 1;
	features.maddr_bits = 36;
	if (cpuid(0x80000000).a >= 0x80000008)
		features.maddr_bits = cpuid(0x80000008).a & 0xff;
	if (!(e1.d >> 20 & 1))
		panic("this CPU has no NX bit");

	features.cr4 = X86_CR4_PAE | X86_CR4_MCE | X86_CR4_PGE |
		       X86_CR4_OSFXSR | X86_CR4_OSXMMEXCPT;
	if (features.smep)
		features.cr4 |= X86_CR4_SMEP;
	if (features.smap)
		features.cr4 |= X86_CR4_SMAP;
	features.xsave_size = 512;
	if (features.xsave) {
		features.cr4 |= X86_CR4_OSXSAVE;
		find_xstate();
	}
}

void features_init_cpu(void)
{
	write_cr0(0x80050033); /* PG AM WP NE ET MP PE */
	write_cr4(features.cr4);
	wrmsr(MSR_EFER, rdmsr(MSR_EFER) | EFER_SCE | EFER_NX);
	wrmsr(MSR_PAT, PAT_VALUE);
	if (features.xsave) {
		write_xcr0(features.xcr0);
		features.xsave_size = cpuid_count(0xd, 0).b;
	}
}
