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
 * A CPU that goes idle keeps the tables of the vCPU that ran last, for most
 * often that one runs there next: then nothing is loaded. The first flush that
 * it is asked for makes it leave them, for good. The vCPU's base references
 * hold the tables until it runs elsewhere and changes them: who takes an L4
 * apart looks for CPUs that have kept it. A domain's CPUs are flushed before
 * its vCPUs are freed.
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
	if (unlikely(this_cpu()->kept))
		tlb_leave_guests();
	else
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

/* --- from guest to guest --- */

static void left(struct domain *d)
{
	(void)atomic_and(&d->dirty_cpus, ~(1UL << this_cpu()->id));
}

void tlb_leave_guests(void)
{
	struct cpu *c = this_cpu();

	tlb_load_cr3(hv_cr3());
	WRITE_ONCE(c->flushed_at, UINT32_MAX);
	WRITE_ONCE(c->kept_cr3, 0);
	if (c->kept)
		left(c->kept->domain);
	c->kept = NULL;
}

static inline paddr_t cr3_of(const struct vcpu *v)
{
	return v->pv.in_kernel ? v->pv.kernel_cr3 : v->pv.user_cr3;
}

void tlb_keep(struct vcpu *v)
{
	struct cpu *c = this_cpu();

	c->kept = v;
	WRITE_ONCE(c->kept_cr3, cr3_of(v));
}

void tlb_enter_guest(struct vcpu *v, struct vcpu *last)
{
	struct cpu *c = this_cpu();
	/* A full barrier: see tlb_flush_vcpu(). */
	struct cpu *was_on = atomic_xchg(&v->pv.tables_on, c);

	if (c->kept == v && was_on == c) {
		assert(c->kept_cr3 == cr3_of(v));
	} else {
		if (!last)
			last = c->kept;
		(void)atomic_or(&v->domain->dirty_cpus, 1UL << c->id);
		tlb_load_cr3(cr3_of(v));
		if (last && last->domain != v->domain)
			left(last->domain);
	}
	c->kept = NULL;
	WRITE_ONCE(c->kept_cr3, 0);
}

/*
 * A vCPU that was seen on its CPU is flushed there, also if it has gone to sleep
 * since. Otherwise either we see it come back, or the switch to it, which sets
 * on_cpu first, sees tables_on cleared and loads CR3.
 */
uint64_t tlb_flush_vcpu(struct vcpu *v)
{
	bool on_cpu = READ_ONCE(v->sched.on_cpu);

	if (!on_cpu) {
		(void)atomic_xchg(&v->pv.tables_on, NULL);
		on_cpu = READ_ONCE(v->sched.on_cpu);
	}
	return (uint64_t)on_cpu << READ_ONCE(v->sched.cpu);
}

void tlb_forget_table(paddr_t cr3)
{
	uint64_t mask = 0;
	unsigned int i;

	for (i = 0; i < cpus_present; i++)
		mask |= (uint64_t)(READ_ONCE(cpus[i].kept_cr3) == cr3) << i;
	if (unlikely(mask))
		tlb_flush_mask(mask);
}
