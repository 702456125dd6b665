/*
 * mm/tlb.c on two CPUs at once: one flushes a vCPU, as a guest's
 * MMUEXT_TLB_FLUSH_MULTI does, while that vCPU goes to sleep and comes back on
 * the other, which keeps its tables in between. Pinned: when a flush is over,
 * the vCPU does not run with entries from before it, wherever it was.
 *
 * Entries have ages: the CPU's are as old as its last load of CR3. The asker
 * counts up before each flush, and tells the count when it is over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include "domain.h"
#include "lib.h"
#include "mm.h"
#include "threads.h"

#define FLUSHES 4000000

static struct domain dom;
static struct vcpu vcpu = { .domain = &dom, .sched.cpu = 1 };
static uint64_t asked;  /* flushes begun */
static uint64_t over;   /* flushes that are over */
static uint64_t age;    /* of CPU 1's entries: asked, when CR3 was loaded */
static uint64_t stale;  /* times that it ran with older ones */
static bool stopping;

paddr_t hv_cr3(void)
{
	return 0;
}

void ipi_kick(unsigned int cpu)
{
	/* CPU 1 looks for requests all the time. */
}

static void load(uint64_t cr3)
{
	if (this_cpu()->id == 1)
		age = READ_ONCE(asked);
}

static void sleep_and_wake(void)
{
	WRITE_ONCE(vcpu.sched.on_cpu, true);
	tlb_enter_guest(&vcpu, NULL);
	stale += age < load_acquire(&over);
	tlb_keep(&vcpu);
	store_release(&vcpu.sched.on_cpu, false);
	tlb_poll();
}

static void flush(void)
{
	uint64_t n = atomic_add(&asked, 1) + 1;
	uint64_t mask = tlb_flush_vcpu(&vcpu) & load_acquire(&dom.dirty_cpus);

	tlb_flush_mask(mask);
	store_release(&over, n);
}

static void run_cpu(unsigned int id)
{
	unsigned int i;

	host_cpu = &cpus[id];
	if (id == 0) {
		for (i = 0; i < FLUSHES; i++)
			flush();
		WRITE_ONCE(stopping, true);
	} else {
		while (!READ_ONCE(stopping))
			sleep_and_wake();
	}
}

static void no_stale_entry_after_a_flush(void **state)
{
	host_machine.write_cr3 = load;
	cpus_present = 2;
	cpus[1].id = 1;
	cpus[0].online = cpus[1].online = true;
	host_limit(120);
	threads_run(2, run_cpu);
	assert_int_equal(stale, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_stale_entry_after_a_flush),
	};

	cmocka_set_message_output(CM_OUTPUT_TAP);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
