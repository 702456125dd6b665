/*
 * The local APIC (Intel SDM volume 3, chapter 11): acknowledging, sending
 * interrupts to other CPUs, and the timer's registers for cpu/timer.c.
 * x2APIC is taken only where the firmware has left it on already, since
 * leaving xAPIC gains nothing below 256 CPUs.
 */
#include "apic.h"
#include "acpi.h"
#include "cpu.h"
#include "frame.h"
#include "irq.h"
#include "mm.h"
#include "printk.h"

#define MSR_APIC_BASE 0x1b
#define APIC_BASE_ENABLE 0x800UL
#define APIC_BASE_X2 0x400UL
#define MSR_X2APIC 0x800 /* + register / 16 */

#define SVR_ENABLE 0x100u
#define LVT_NMI 0x400u

bool x2apic;
volatile uint32_t *xapic_base;

uint32_t apic_read(unsigned int reg)
{
	return x2apic ? (uint32_t)rdmsr(MSR_X2APIC + reg / 16) :
	       xapic_base[reg / 4];
}

void apic_write(unsigned int reg, uint32_t v)
{
	if (x2apic)
		wrmsr(MSR_X2APIC + reg / 16, v);
	else
		xapic_base[reg / 4] = v;
}

void apic_send(uint32_t apic_id, uint32_t low)
{
	if (x2apic) {
		/*
		 * These writes are not serialising: what the interrupt is
		 * about must be visible first (SDM 11.12.3).
		 */
		smp_mb();
		wrmsr(MSR_X2APIC + APIC_ICR / 16,
		      (uint64_t)apic_id << 32 | low);
		return;
	}
	/* The one before must have left; a matter of a few bus cycles. */
	while (apic_read(APIC_ICR) & APIC_ICR_PENDING)
		cpu_pause();
	apic_write(APIC_ICR_HIGH, apic_id << 24);
	apic_write(APIC_ICR, low);
}

/* Remaps both 8259s away from the exceptions, then masks all their lines. */
static void pic_silence(void)
{
	static const uint8_t steps[][2] = {
		{ 0x20, 0x11 }, { 0xa0, 0x11 }, { 0x21, 0x20 }, { 0xa1, 0x28 },
		{ 0x21, 0x04 }, { 0xa1, 0x02 }, { 0x21, 0x01 }, { 0xa1, 0x01 },
		{ 0x21, 0xff }, { 0xa1, 0xff },
	};

	for (unsigned int i = 0; i < ARRAY_SIZE(steps); i++)
		outb(steps[i][0], steps[i][1]);
}

void apic_init_cpu(void)
{
	uint64_t mode = APIC_BASE_ENABLE | (x2apic ? APIC_BASE_X2 : 0);
	unsigned int lvts;

	/* A CPU that was reset or sleeps may have lost these bits. */
	wrmsr(MSR_APIC_BASE, rdmsr(MSR_APIC_BASE) | mode);
	apic_write(APIC_SVR, SVR_ENABLE | VEC_SPURIOUS);
	apic_write(APIC_TPR, 0);
	lvts = (apic_read(APIC_VERSION) >> 16 & 0xff) + 1;
	apic_write(APIC_LVT_TIMER, APIC_LVT_MASKED | VEC_TIMER);
	apic_write(APIC_LVT_LINT0, APIC_LVT_MASKED);
	apic_write(APIC_LVT_LINT1, LVT_NMI |
		    (this_cpu()->id ? APIC_LVT_MASKED : 0));
	if (lvts > 4)
		apic_write(APIC_LVT_PERF, APIC_LVT_MASKED);
	if (lvts > 5)
		apic_write(APIC_LVT_THERMAL, APIC_LVT_MASKED);
	apic_write(APIC_ESR, 0);
	apic_write(APIC_LVT_ERROR, VEC_ERROR);
	/* Whatever the firmware left in service. */
	for (unsigned int i = 0; i < 8; i++)
		if (apic_read(APIC_ISR + i * 0x10))
			apic_eoi();
}

void apic_init(void)
{
	x2apic = cpuid(1).c >> 21 & 1 && rdmsr(MSR_APIC_BASE) & APIC_BASE_X2;
	if (!x2apic) {
		xapic_base = map_mmio(acpi.lapic_addr, PAGE_SIZE);
		if (!xapic_base)
			panic("no mapping for the local APIC");
	}
	mmio_reserve(acpi.lapic_addr, PAGE_SIZE);
	pic_silence();
	apic_init_cpu();
	log_line(LOG_INFO, "%s at %#lx, boot CPU has id %u",
		 x2apic ? "x2APIC" : "xAPIC", acpi.lapic_addr, cpus[0].apic_id);
}

void ipi_kick(unsigned int cpu)
{
	apic_send(cpus[cpu].apic_id, APIC_MODE_FIXED | VEC_KICK);
}
