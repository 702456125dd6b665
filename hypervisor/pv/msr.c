/*
 * MSRs as a PV guest sees them. A table of what may be read and what becomes
 * of a write; everything else is #GP, which the guest's kernel expects.
 * Nothing is passed through to hardware but segment bases.
 */
#include "domain.h"
#include "features.h"
#include "guest.h"
#include "lib.h"
#include "pv_cpu.h"

enum msr_kind { READ_ONLY, IGNORE_WRITES };

static const struct msr_row {
	uint32_t first, last;
	enum msr_kind kind;
	uint64_t value;
} msr_table[] = {
	{ 0x10a, 0x10a, READ_ONLY, 0 },          /* ARCH_CAPABILITIES */
	{ 0x3a, 0x3a, READ_ONLY, 1 },            /* FEATURE_CONTROL: locked */
	{ 0xce, 0xce, READ_ONLY, 0 },            /* PLATFORM_INFO */
	{ 0x140, 0x140, IGNORE_WRITES, 0 },      /* MISC_FEATURES_ENABLES */
	{ 0x34, 0x34, READ_ONLY, 0 },            /* SMI_COUNT */
	{ 0x64e, 0x64e, READ_ONLY, 0 },          /* PPERF */
	{ 0x8b, 0x8b, IGNORE_WRITES, 0 },        /* microcode revision */
	{ 0x17, 0x17, READ_ONLY, 0 },            /* PLATFORM_ID */
	{ 0x179, 0x17b, IGNORE_WRITES, 0 },      /* MCG_CAP: no banks; CTL */
	{ 0x1a0, 0x1a0, IGNORE_WRITES, 1 },      /* MISC_ENABLE: fast strings */
	{ MSR_PAT, MSR_PAT, READ_ONLY, PAT_VALUE },
	{ 0xc0010000, 0xc0010007, IGNORE_WRITES, 0 }, /* K7 counters */
	{ 0xc0010015, 0xc0010015, IGNORE_WRITES, 0 }, /* HWCR */
	{ 0xc0010055, 0xc0010055, READ_ONLY, 0 },     /* interrupt pending */
	{ 0xc0011029, 0xc0011029, IGNORE_WRITES, 2 }, /* LFENCE serialises */
};

static const struct msr_row *row_of(uint32_t msr)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(msr_table); i++)
		if (msr >= msr_table[i].first && msr <= msr_table[i].last)
			return &msr_table[i];
	return NULL;
}

bool pv_rdmsr(struct vcpu *v, uint32_t msr, uint64_t *val)
{
	const struct msr_row *row;

	switch (msr) {
	case MSR_FS_BASE:
	case MSR_GS_BASE:
	case MSR_KERNEL_GS_BASE: /* the inactive base: callers are kernels */
		*val = rdmsr(msr);
		return true;
	case MSR_EFER:
		*val = EFER_SCE | EFER_LME | 0x400 | EFER_NX;
		return true;
	case MSR_TSC_AUX:
		*val = v->pv.tsc_aux;
		return true;
	case 0x1b: /* APIC base: enabled, xAPIC; the first is the boot CPU */
		*val = 0xfee00800 | (v->id == 0 ? 0x100 : 0);
		return true;
	}
	row = row_of(msr);
	if (!row)
		return false;
	*val = row->value;
	return true;
}

bool pv_wrmsr(struct vcpu *v, uint32_t msr, uint64_t val)
{
	const struct msr_row *row;

	switch (msr) {
	case MSR_FS_BASE:
		return pv_set_segment_base(v, SEGBASE_FS, val) == 0;
	case MSR_GS_BASE:
		return pv_set_segment_base(v, SEGBASE_GS_KERNEL, val) == 0;
	case MSR_KERNEL_GS_BASE:
		return pv_set_segment_base(v, SEGBASE_GS_USER, val) == 0;
	case MSR_TSC_AUX:
		v->pv.tsc_aux = (uint32_t)val;
		return true;
	}
	row = row_of(msr);
	return row && (row->kind == IGNORE_WRITES || row->value == val);
}
