/*
 * A small machine for host tests of rooms that deal with domains and frames:
 * some pages of RAM with real frame records (mm/frame.c runs on them), domains
 * and vCPUs without a scheduler. Whatever a test leaves behind - a page, an
 * object, a reference - world_end() finds.
 */
#ifndef PV_TEST_WORLD_H
#define PV_TEST_WORLD_H

#include "domain.h"
#include "frame.h"

#define WORLD_PAGES 1024
#define WORLD_BASE 0x100 /* mfn of the first */

/* Built, alive, its vCPUs initialised; at most 8 of them at a time. */
struct domain *world_domain(uint16_t id, unsigned int vcpus,
			    bool privileged);
/* From here on this thread is that vCPU. */
void world_run(struct domain *d, unsigned int vcpu);
/* What the reaper does; the structure stays until its last reference goes. */
void world_kill(struct domain *d);
/* Kills those that are left, then fails the test if anything is left. */
void world_end(void);

/* A page of d's memory. */
mfn_t world_page(struct domain *d);
void *world_virt(mfn_t mfn);
uint64_t m2p_get(mfn_t mfn); /* ~0: none */
/*
 * The L1 table behind d's virtual addresses from 0 to 2 MiB: made on the first
 * call, typed, kept until the domain ends.
 */
mfn_t world_l1(struct domain *d);
uint64_t world_pte(struct domain *d, uint64_t va);
unsigned int world_refs(mfn_t mfn); /* general references */

/* Called at every preemption point and TLB flush, when not NULL. */
extern int (*world_preempt)(void);
extern void (*world_flush)(struct domain *d);
/* Counts of vcpu_wake() and vcpu_kick(). */
extern unsigned int world_wakes, world_kicks;
uint64_t world_free_pages(void);

#endif
