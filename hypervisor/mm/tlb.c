/*
 * Stale TLB entries. There is one clock; each full flush of a CPU advances it
 * and is noted as that CPU's flushed_at. A frame that loses its type is stamped
 * with the clock: a CPU whose last flush is not younger than the stamp may
 * still hold an entry of the old use, and is flushed before the new one.
 *
 * A CPU asks others by raising their flush_requested and kicking them; they
 * flush when they take the interrupt, or in cpu_relax_poll() if they wait for a
 * lock with interrupts off, and say in flush_done which request that covers.
 * The asker goes on when its own request is covered.
 *
 * The stamp is 32 bits wide. When the clock wraps, everybody flushes: then any
 * old stamp, whatever its value, compares as needing no less than it does.
 */
#include "cpu.h"
#include "domain.h"
#include "features.h"
#include "mm.h"

static uint32_t clock = 1;

static uint32_t next_stamp(void)
{
	return __atomic_add_fetch(&clock, 1, __ATOMIC_SEQ_CST);
}

uint32_t tlb_clock(void)
{
	return load_acquire(&clock);
}

/* The clock wrapped; stamp 0 means "never used": skip it, flush everybody. */
static no_inline void load_after_wrap(paddr_t cr3)
{
	struct cpu *c = this_cpu();

	WRITE_ONCE(c->flushed_at, next_stamp());
	tlb_flush_mask(~(1UL << c->id));
	write_cr3(cr3);
}

/* The clock is read before the flush: what comes later is not covered. */
void tlb_load_cr3(paddr_t cr3)
{
	uint32_t t = next_stamp();

	if (unlikely(t == 0)) {
		load_after_wrap(cr3);
		return;
	}
	WRITE_ONCE(this_cpu()->flushed_at, t);
	write_cr3(cr3);
}

void tlb_flush_local(void)
{
	tlb_load_cr3(read_cr3());
}

void tlb_poll(void)
{
	struct cpu *c = this_cpu();
	uint32_t asked = load_acquire(&c->flush_requested);

	/* What is asked for after this read is not answered by this flush. */
	if (asked == c->flush_done)
		return;
	tlb_flush_local();
	store_release(&c->flush_done, asked);
}

void cpu_relax_poll(void)
{
	tlb_poll();
	cpu_pause();
}

void tlb_flush_mask(uint64_t mask)
{
	const uint64_t me = 1UL << this_cpu()->id;
	uint64_t others = mask & ~me, m;
	uint32_t ticket[MAX_CPUS];
	unsigned int i;

	if (unlikely(others))
		others &= cpus_online();
	for (m = others; m; m &= m - 1) {
		i = (unsigned int)__builtin_ctzll(m);
		ticket[i] = atomic_add(&cpus[i].flush_requested, 1) + 1;
		ipi_kick(i);
	}
	if (mask & me)
		tlb_flush_local();
	for (m = others; m; m &= m - 1) {
		i = (unsigned int)__builtin_ctzll(m);
		while ((int32_t)(load_acquire(&cpus[i].flush_done) -
				 ticket[i]) < 0)
			cpu_relax_poll();
	}
}

uint64_t tlb_stale(uint64_t mask, uint32_t stamp)
{
	uint64_t stale = 0;
	unsigned int i;

	for (i = 0; i < cpus_present; i++)
		if ((mask >> i & 1) && READ_ONCE(cpus[i].flushed_at) <= stamp)
			stale |= 1UL << i;
	return stale;
}

void tlb_flush_domain(struct domain *d)
{
	tlb_flush_mask(load_acquire(&d->dirty_cpus));
}

void tlb_enter_idle(void)
{
	tlb_load_cr3(hv_cr3());
	WRITE_ONCE(this_cpu()->flushed_at, UINT32_MAX);
}
