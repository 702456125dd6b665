/*
 * Starting the other CPUs (Intel SDM volume 3, 8.4): INIT, STARTUP, and a
 * page of real-mode code below 1 MiB (boot/start.S). One at a time: ap_stack
 * is one CPU's.
 */
#include "apic.h"
#include "cpu.h"
#include "domain.h"
#include "lib.h"
#include "mm.h"
#include "printk.h"
#include "time.h"

#define TRAMPOLINE 0x8000u /* machine address; a page */
#define STARTUP (APIC_MODE_STARTUP | TRAMPOLINE >> PAGE_SHIFT)
#define START_TIMEOUT (2 * NSEC_PER_SEC)

struct cpu cpus[MAX_CPUS];
unsigned int cpus_present = 1;

extern uint8_t trampoline[], trampoline_end[];

/* For the CPU that comes next (boot/start.S). */
paddr_t ap_cr3;
struct stack_top *ap_stack;

static void wait_until(nsec_t when)
{
	while (now() < when)
		cpu_relax_poll();
}

static void start_one(struct cpu *c)
{
	nsec_t end;

	ap_stack = stack_top_of(c->idle->stack);
	ap_stack->cpu = c;
	c->running = c->idle;
	smp_wmb();

	apic_send(c->apic_id, APIC_MODE_INIT | APIC_LEVEL_ASSERT);
	wait_until(now() + 10 * NSEC_PER_MSEC);
	apic_send(c->apic_id, STARTUP);
	wait_until(now() + NSEC_PER_MSEC);
	if (!load_acquire(&c->arrived))
		apic_send(c->apic_id, STARTUP);

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
	size_t len = (size_t)(trampoline_end - trampoline);
	unsigned int i, online = 1;
	uint8_t saved[64];

	assert(len <= sizeof(saved));
	memcpy(saved, page, len);
	memcpy(page, trampoline, len);
	ap_cr3 = hv_cr3();
	for (i = 1; i < cpus_present; i++) {
		start_one(&cpus[i]);
		online += cpus[i].online;
	}
	memcpy(page, saved, len);
	log_line(LOG_INFO, "%u of %u CPUs are up", online, cpus_present);
}
