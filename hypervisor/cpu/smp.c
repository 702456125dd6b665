/*
 * Starting the other CPUs (Intel SDM volume 3, 8.4): INIT, STARTUP, and a
 * page of real-mode code below 1 MiB (boot/trampoline.S). One at a time: the
 * page's words hold one CPU's stack.
 */
#include "smp.h"
#include "apic.h"
#include "cpu.h"
#include "domain.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"
#include "time.h"

#define TRAMPOLINE 0x8000UL /* machine address; a page */
#define START_TIMEOUT (2 * NSEC_PER_SEC)

struct cpu cpus[MAX_CPUS];
unsigned int cpus_present = 1;

extern uint8_t trampoline[], trampoline_end[], tr_gdt[], tr_gdtr[], tr_32[],
	tr_64[], tr_jump32[], tr_jump64[], tr_boot_cr3[], tr_cr3[],
	tr_entry[], tr_stack[], tr_cpu[], boot_l4[], trampoline_high[];

/* The word in the copy that stands at @symbol in the original. */
#define WORD(page, symbol, type) \
	(*(type *)((page) + ((symbol) - trampoline)))

static uint32_t low_address(const uint8_t *symbol)
{
	return (uint32_t)(TRAMPOLINE + (uint64_t)(symbol - trampoline));
}

static void trampoline_copy(uint8_t *page)
{
	memcpy(page, trampoline, (size_t)(trampoline_end - trampoline));
	WORD(page, tr_gdtr + 2, uint32_t) = low_address(tr_gdt);
	WORD(page, tr_jump32, uint32_t) = low_address(tr_32);
	WORD(page, tr_jump64, uint32_t) = low_address(tr_64);
	WORD(page, tr_boot_cr3, uint64_t) = (uint64_t)boot_l4 - IMAGE_BASE;
	WORD(page, tr_cr3, uint64_t) = hv_cr3();
	WORD(page, tr_entry, uint64_t) = (uint64_t)trampoline_high;
}

static void wait_until(nsec_t when)
{
	while (now() < when)
		cpu_relax_poll();
}

static void start_one(struct cpu *c, uint8_t *page)
{
	struct stack_top *top =
		(struct stack_top *)((uint8_t *)c->idle->stack + STACK_SIZE) - 1;
	nsec_t end;

	top->cpu = c;
	c->running = c->idle;
	/* The stack as a function expects it: 16-aligned before the call. */
	WORD(page, tr_stack, uint64_t) = (uint64_t)top & ~15UL;
	WORD(page, tr_cpu, uint64_t) = (uint64_t)c;
	smp_wmb();

	apic_send_init(c->apic_id);
	wait_until(now() + 10 * NSEC_PER_MSEC);
	apic_send_startup(c->apic_id, TRAMPOLINE / PAGE_SIZE);
	wait_until(now() + NSEC_PER_MSEC);
	if (!load_acquire(&c->arrived))
		apic_send_startup(c->apic_id, TRAMPOLINE / PAGE_SIZE);

	end = now() + START_TIMEOUT;
	while (!load_acquire(&c->arrived) && now() < end)
		cpu_relax_poll();
	if (!load_acquire(&c->arrived)) {
		log_line(LOG_ERR, "CPU%u (APIC id %u) does not start", c->id,
			 c->apic_id);
		return;
	}
	time_meet_cpu(c->id);
	while (!load_acquire(&c->online))
		cpu_relax_poll();
}

void smp_arrived(struct cpu *c)
{
	store_release(&c->arrived, true);
	time_meet_boot_cpu();
}

void smp_start(void)
{
	uint8_t *page = (uint8_t *)(DIRECT_BASE + TRAMPOLINE);
	uint8_t saved[512];
	unsigned int i, online = 1;
	size_t len = (size_t)(trampoline_end - trampoline);

	assert(len <= sizeof(saved));
	memcpy(saved, page, len);
	trampoline_copy(page);
	for (i = 1; i < cpus_present; i++) {
		start_one(&cpus[i], page);
		online += cpus[i].online;
	}
	memcpy(page, saved, len);
	log_line(LOG_INFO, "%u of %u CPUs are up", online, cpus_present);
}
