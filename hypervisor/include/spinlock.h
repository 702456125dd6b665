/*
 * Ticket locks. Taken with interrupts off like everything here; the order of
 * all locks stands in hypervisor/README.md and is checked in debug builds
 * through the rank (a CPU takes locks in rising rank only).
 */
#ifndef PV_SPINLOCK_H
#define PV_SPINLOCK_H

#include "cpu.h"
#include "printk.h"

/* One rank per class of locks, in the order in which they may nest. */
enum lock_rank {
	RANK_DOMAIN_LIST,  /* domain/domain.c: table of domains */
	RANK_DOMAIN,       /* life cycle of one domain */
	RANK_GRANT,        /* a domain's grant table */
	RANK_GRANT_MAP,    /* a domain's maptrack */
	RANK_EVENT,        /* event/: life of ports */
	RANK_EVENT_PORT,   /* one port's binding */
	RANK_EVENT_FIFO,   /* a domain's FIFO queues */
	RANK_IRQ,          /* physical interrupts */
	RANK_TRACE,        /* trace rings, when they are made */
	RANK_PAGES,        /* a domain's page list and counts */
	RANK_HEAP,         /* frame allocator */
	RANK_WAIT,         /* sched/wait.c: a list of waiters */
	RANK_POOL,         /* CPU pools, and who is in which */
	RANK_SCHED,        /* a run queue */
	RANK_TIMER,        /* a CPU's timer queue */
	RANK_PCI,          /* configuration-space index/data pair */
	RANK_CONSOLE,      /* log ring and serial port: innermost */
};

struct spinlock {
	uint16_t next, owner;
	uint8_t rank;
};

#define SPINLOCK(r) { .rank = (r) }

static inline void spin_init(struct spinlock *l, enum lock_rank rank)
{
	*l = (struct spinlock){ .rank = rank };
}

/* Debug builds (make HV_DEBUG=1) keep count of the ranks that a CPU holds. */
static inline void rank_take(const struct spinlock *l, bool ordered)
{
	struct cpu *c = this_cpu();

	if (!PV_DEBUG)
		return;
	/* Two locks of one rank: their class has an order of its own. */
	if (ordered && c->ranks_held >> l->rank > 1)
		panic("lock of rank %u taken while %#x are held", l->rank,
		      c->ranks_held);
	c->rank_count[l->rank]++;
	c->ranks_held |= 1u << l->rank;
}

static inline void rank_drop(const struct spinlock *l)
{
	struct cpu *c = this_cpu();

	if (PV_DEBUG && --c->rank_count[l->rank] == 0)
		c->ranks_held &= ~(1u << l->rank);
}

/* Where a vCPU may be switched out, nothing is held. */
static inline void assert_no_lock_held(void)
{
	if (PV_DEBUG && this_cpu()->ranks_held)
		panic("locks of ranks %#x are held over a preemption point",
		      this_cpu()->ranks_held);
}

static inline void spin_lock(struct spinlock *l)
{
	uint16_t me;

	rank_take(l, true);
	me = atomic_add(&l->next, 1);
	while (load_acquire(&l->owner) != me)
		cpu_relax_poll();
}

/* For locks of one class where no order exists: takes it if it is free. */
static inline bool spin_trylock(struct spinlock *l)
{
	uint16_t free = READ_ONCE(l->owner);

	if (!atomic_cmpxchg(&l->next, &free, (uint16_t)(free + 1)))
		return false;
	rank_take(l, false);
	return true;
}

static inline void spin_unlock(struct spinlock *l)
{
	rank_drop(l);
	store_release(&l->owner, (uint16_t)(l->owner + 1));
}

static inline void spin_guard_end(struct spinlock **l)
{
	spin_unlock(*l);
}

/* Holds @l from here to the end of the block, however that is left. */
#define spin_guard(l) \
	struct spinlock *guard_ \
		__attribute__((cleanup(spin_guard_end))) = (l); \
	spin_lock(guard_)

#endif
