/*
 * A small machine's memory for host tests of mm/: a few hundred frames at the
 * place that DIRECT_BASE names on the host, their records, two domains, four
 * CPUs. Everything below mm/memory.c is the real code.
 */
#ifndef PV_HOST_MEMORY_H
#define PV_HOST_MEMORY_H

#include "domain.h"

#define HOST_FIRST_MFN 0x100UL
#define HOST_FRAMES 256UL
#define HOST_CPUS 4U

extern struct domain host_domains[2]; /* 0 is privileged, 1 is not */

/* Fresh memory, domains without a page, CPUs that have flushed. */
void host_memory_init(void);
/* host/heap.c: a heap to which nothing was ever added. */
void heap_reset(void);
/* preempt_point() says -EINTR at the n-th look from here on; -1: never. */
extern int host_preempt_fails_after;

#endif
