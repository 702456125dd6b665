/* The small machine: see world.h. */
#include "world.h"
#include "features.h"
#include "guest.h"
#include "../../mm/heap.h"
#include "irq.h"
#include "mm.h"
#include "sched.h"

#define WEAK __attribute__((weak))
#define DOMAINS 8

void *calloc(size_t n, size_t size);
void free(void *p);
int sched_yield_(void) __asm__("sched_yield");

static uint8_t ram[WORLD_PAGES * PAGE_SIZE]
	__attribute__((aligned(PAGE_SIZE)));
static struct frame frames[WORLD_PAGES];
static bool used[WORLD_PAGES];
static uint64_t m2p[WORLD_PAGES];
static uint64_t objects; /* from hv_alloc(): atomic */
static struct domain *domains[DOMAINS];
static struct {
	mfn_t mfn;
	struct frame *f;
} l1[DOMAINS];
static uint8_t pool_lock;

int (*world_preempt)(void);
void (*world_flush)(struct domain *d);
unsigned int world_wakes, world_kicks;
struct domain *dom0, *idle_domain;
struct cpu_features features;
static uint64_t l4_page[512];
uint64_t *hv_l4 = l4_page;

static void lock(void)
{
	while (__atomic_test_and_set(&pool_lock, __ATOMIC_ACQUIRE))
		sched_yield_();
}

static void unlock(void)
{
	__atomic_clear(&pool_lock, __ATOMIC_RELEASE);
}

/* --- frames and memory --- */

struct frame *frame_of(mfn_t mfn)
{
	return mfn.n - WORLD_BASE < WORLD_PAGES ?
	       &frames[mfn.n - WORLD_BASE] : NULL;
}

mfn_t frame_mfn(const struct frame *f)
{
	return MFN((uint64_t)(f - frames) + WORLD_BASE);
}

void *frame_virt(const struct frame *f)
{
	return ram + (f - frames) * PAGE_SIZE;
}

struct frame *virt_frame(const void *p)
{
	return &frames[((const uint8_t *)p - ram) / PAGE_SIZE];
}

void *world_virt(mfn_t mfn)
{
	return frame_virt(frame_of(mfn));
}

unsigned int world_refs(mfn_t mfn)
{
	return frame_of(mfn)->word & 0xfffffff;
}

void m2p_set(mfn_t mfn, uint64_t pfn)
{
	m2p[mfn.n - WORLD_BASE] = pfn;
}

uint64_t m2p_get(mfn_t mfn)
{
	return frame_of(mfn) ? m2p[mfn.n - WORLD_BASE] : ~0UL;
}

mfn_t max_mfn(void)
{
	return MFN(WORLD_BASE + WORLD_PAGES);
}

struct frame *heap_alloc(unsigned int order, unsigned int address_bits,
			 bool zero)
{
	unsigned int n = 1u << order, i, k;
	struct frame *f = NULL;

	if (address_bits && address_bits < 24)
		return NULL;
	lock();
	for (i = 0; !f && i + n <= WORLD_PAGES; i += n) {
		for (k = 0; k < n && !used[i + k]; k++)
			;
		if (k < n)
			continue;
		f = &frames[i];
		for (k = 0; k < n; k++)
			used[i + k] = true;
	}
	unlock();
	if (f)
		memset(frame_virt(f), zero ? 0 : 0x5a, n * PAGE_SIZE);
	return f;
}

void heap_free(struct frame *f, unsigned int order, bool clean)
{
	unsigned int i;

	memset(frame_virt(f), 0xdb, PAGE_SIZE << order);
	lock();
	for (i = 0; i < 1u << order; i++) {
		assert(used[f - frames + i]);
		used[f - frames + i] = false;
	}
	unlock();
}

uint64_t world_free_pages(void)
{
	uint64_t n = 0;
	unsigned int i;

	for (i = 0; i < WORLD_PAGES; i++)
		n += !used[i];
	return n;
}

uint64_t heap_free_frames(void)
{
	return world_free_pages();
}

void *hv_alloc_pages(unsigned int order, unsigned int flags)
{
	struct frame *f = heap_alloc(order, 0, flags & FRAME_ZERO);

	return f ? frame_virt(f) : NULL;
}

void hv_free_pages(void *p, unsigned int order)
{
	heap_free(virt_frame(p), order, false);
}

void *hv_alloc(size_t size)
{
	(void)atomic_add(&objects, 1);
	return calloc(1, size);
}

void hv_free(void *p)
{
	if (p)
		(void)atomic_sub(&objects, 1);
	free(p);
}

mfn_t world_page(struct domain *d)
{
	mfn_t mfn = MFN(~0UL);

	if (domain_alloc_frames(d, 0, 0, &mfn))
		panic("world: no page for d%u", d->id);
	return mfn;
}

/* --- translation --- */

uint32_t tlb_clock(void)
{
	return 1;
}

uint64_t tlb_stale(uint64_t mask, uint32_t stamp)
{
	return 0;
}

void tlb_flush_mask(uint64_t mask)
{
}

void tlb_forget_table(paddr_t cr3)
{
}

void tlb_flush_domain(struct domain *d)
{
	if (world_flush)
		world_flush(d);
}

bool mfn_is_hv_mmio(mfn_t mfn)
{
	return true;
}

mfn_t world_l1(struct domain *d)
{
	if (!l1[d->id].f) {
		l1[d->id].mfn = world_page(d);
		if (frame_get_as(d, l1[d->id].mfn, TYPE_L1, &l1[d->id].f))
			panic("world: no L1 table for d%u", d->id);
	}
	return l1[d->id].mfn;
}

uint64_t world_pte(struct domain *d, uint64_t va)
{
	return ((uint64_t *)world_virt(l1[d->id].mfn))[va >> PAGE_SHIFT];
}

struct frame *guest_l1_frame(const struct domain *d, mfn_t mfn);
struct frame *guest_l1_frame(const struct domain *d, mfn_t mfn)
{
	struct frame *f = frame_get(d, mfn);

	if (f && frame_type(f) == TYPE_L1 && !frame_get_type(f, TYPE_L1))
		return f;
	if (f)
		frame_put(f);
	return NULL;
}

uint64_t *guest_l1_entry(struct vcpu *v, uint64_t va, struct frame **table)
{
	const struct domain *d = v->domain;

	if (va >= 512 * PAGE_SIZE || !l1[d->id].f)
		return NULL;
	*table = guest_l1_frame(d, l1[d->id].mfn);
	return *table ? (uint64_t *)frame_virt(*table) + va / PAGE_SIZE : NULL;
}

/* Guest addresses are the test's own; its first page faults. */
int copy_from_guest_va(void *dst, uint64_t va, size_t len)
{
	if (va < PAGE_SIZE || !guest_range_ok(va, len))
		return -EFAULT;
	memcpy(dst, (const void *)va, len);
	return 0;
}

int copy_to_guest_va(uint64_t va, const void *src, size_t len)
{
	if (va < PAGE_SIZE || !guest_range_ok(va, len))
		return -EFAULT;
	memcpy((void *)va, src, len);
	return 0;
}

/* --- running --- */

int preempt_point(void)
{
	return world_preempt ? world_preempt() : 0;
}

void preempt_yield(void)
{
	if (world_preempt)
		(void)world_preempt();
}

void wait_for_change(const uint64_t *word, uint64_t seen)
{
	while (READ_ONCE(*word) == seen)
		sched_yield_();
}

void wake_waiters(const uint64_t *word)
{
}

WEAK void vcpu_wake(struct vcpu *v)
{
	(void)atomic_add(&world_wakes, 1);
}

WEAK void vcpu_kick(struct vcpu *v)
{
	(void)atomic_add(&world_kicks, 1);
}

WEAK void sched_poll_wake_slow(struct domain *d, uint32_t port)
{
}

WEAK int pirq_bind(struct domain *d, unsigned int pirq, unsigned int vcpu)
{
	return -EINVAL;
}

WEAK void pirq_unbind(struct domain *d, unsigned int pirq)
{
}

WEAK void pirq_follow(struct domain *d, unsigned int pirq, unsigned int vcpu)
{
}

/* --- domains --- */

WEAK int event_init_domain(struct domain *d, unsigned int max_port)
{
	return 0;
}

WEAK void event_destroy_domain(struct domain *d)
{
}

WEAK int grant_init_domain(struct domain *d, unsigned int max_frames,
			   unsigned int max_maptrack)
{
	return 0;
}

WEAK void grant_destroy_domain(struct domain *d)
{
}

WEAK void grant_free_domain(struct domain *d)
{
}

struct domain *domain_get(uint16_t id)
{
	struct domain *d = id == DOMID_SELF ? current->domain :
			   id < DOMAINS ? domains[id] : NULL;

	if (d)
		(void)atomic_add(&d->refs, 1);
	return d;
}

void domain_put(struct domain *d)
{
	assert(atomic_sub(&d->refs, 1) > 0);
}

struct domain *world_domain(uint16_t id, unsigned int vcpus, bool privileged)
{
	struct domain *d = calloc(1, sizeof(*d));
	unsigned int i;

	d->id = id;
	d->refs = 1;
	d->privileged = privileged;
	d->state = DOM_ALIVE;
	d->max_pages = WORLD_PAGES;
	d->max_vcpus = vcpus;
	d->vcpu = calloc(vcpus, sizeof(*d->vcpu));
	spin_init(&d->lock, RANK_DOMAIN);
	spin_init(&d->pages_lock, RANK_PAGES);
	domains[id] = d;
	if (privileged)
		dom0 = d;
	d->shared = hv_alloc_pages(0, FRAME_ZERO);
	frame_share(d->shared, d);
	for (i = 0; i < vcpus; i++) {
		d->vcpu[i] = calloc(1, sizeof(*d->vcpu[i]));
		d->vcpu[i]->domain = d;
		d->vcpu[i]->id = i;
		d->vcpu[i]->info = &d->shared->vcpu_info[i];
	}
	if (event_init_domain(d, ~0u) || grant_init_domain(d, 4, 2))
		panic("world: no domain %u", id);
	return d;
}

void world_run(struct domain *d, unsigned int vcpu)
{
	host_cpu->running = d->vcpu[vcpu];
}

void world_kill(struct domain *d)
{
	d->state = DOM_DYING;
	event_destroy_domain(d);
	grant_destroy_domain(d);
	frame_unshare(d->shared);
	if (l1[d->id].f)
		frame_put_as(l1[d->id].f);
	l1[d->id].f = NULL;
	domain_release_frames(d);
	d->state = DOM_DEAD;
	domain_put(d);
}

static void forget(struct domain *d)
{
	unsigned int i;

	domains[d->id] = NULL;
	grant_free_domain(d);
	for (i = 0; i < d->max_vcpus; i++)
		free(d->vcpu[i]);
	free(d->vcpu);
	free(d);
}

void world_end(void)
{
	unsigned int i;

	world_preempt = NULL;
	world_flush = NULL;
	for (i = 0; i < DOMAINS; i++)
		if (domains[i] && domains[i]->state == DOM_ALIVE)
			world_kill(domains[i]);
	for (i = 0; i < DOMAINS; i++) {
		if (!domains[i])
			continue;
		if (domains[i]->refs)
			panic("world: d%u still has %u references", i,
			      domains[i]->refs);
		forget(domains[i]);
	}
	if (world_free_pages() != WORLD_PAGES)
		panic("world: %lu pages left behind",
		      WORLD_PAGES - world_free_pages());
	if (objects)
		panic("world: %lu objects left behind", objects);
	dom0 = NULL;
	world_wakes = world_kicks = 0;
}
