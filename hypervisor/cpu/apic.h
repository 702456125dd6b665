/*
 * The local APIC, reached through its memory window (xAPIC) or MSRs (x2APIC).
 */
#ifndef PV_APIC_H
#define PV_APIC_H

#include "types.h"

/* Register numbers: offsets in the memory window (Intel SDM, chapter 11). */
enum {
	APIC_ID = 0x20, APIC_VERSION = 0x30, APIC_TPR = 0x80, APIC_EOI = 0xb0,
	APIC_SVR = 0xf0, APIC_ISR = 0x100,
	APIC_ESR = 0x280, APIC_ICR = 0x300, APIC_ICR_HIGH = 0x310,
	APIC_LVT_TIMER = 0x320, APIC_LVT_THERMAL = 0x330,
	APIC_LVT_PERF = 0x340, APIC_LVT_LINT0 = 0x350, APIC_LVT_LINT1 = 0x360,
	APIC_LVT_ERROR = 0x370, APIC_TIMER_INITIAL = 0x380,
	APIC_TIMER_CURRENT = 0x390, APIC_TIMER_DIVIDE = 0x3e0,
};

#define APIC_MODE_FIXED 0x000u
#define APIC_MODE_NMI 0x400u
#define APIC_MODE_INIT 0x500u
#define APIC_MODE_STARTUP 0x600u
#define APIC_ICR_PENDING 0x1000u
#define APIC_LEVEL_ASSERT 0x4000u
#define APIC_LVT_MASKED 0x10000u

extern bool x2apic;
extern volatile uint32_t *xapic_base; /* the memory window, otherwise */

uint32_t apic_read(unsigned int reg);
void apic_write(unsigned int reg, uint32_t v);
/* @low: low word of the command register, without a destination. */
void apic_send(uint32_t apic_id, uint32_t low);

/*
 * Boot CPU, after acpi_init() and with map_mmio(): chooses the way,
 * silences the old interrupt controllers, sets the CPU's own APIC up.
 */
void apic_init(void);
/* Each CPU: spurious vector, error vector, all other sources closed. */
void apic_init_cpu(void);

static inline void apic_eoi(void)
{
	apic_write(APIC_EOI, 0);
}

#endif
