/* See memory.h: the stand-in for mm/memory.c, and what mm/ asks of others. */
#include <sys/mman.h>

#include "memory.h"
#include "features.h"
#include "heap.h"
#include "mm.h"

struct domain host_domains[2];
struct domain *idle_domain, *dom0;
struct cpu cpus[MAX_CPUS];
unsigned int cpus_present = HOST_CPUS;
struct cpu_features features = { .maddr_bits = 40 };
static struct vcpu vcpus[HOST_CPUS];
static uint64_t m2p[HOST_FIRST_MFN + HOST_FRAMES];
static uint64_t fake_l4[512];
uint64_t *hv_l4 = fake_l4;

static struct frame *records(void)
{
	return (struct frame *)FRAME_TABLE_BASE;
}

static void map_once(uint64_t at, size_t len)
{
	static const int prot = PROT_READ | PROT_WRITE;

	if (mmap((void *)at, len, prot,
		 MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == MAP_FAILED)
		panic("no memory at %#lx", at);
}

static void init_domain(struct domain *d, uint16_t id)
{
	memset(d, 0, sizeof(*d));
	d->id = id;
	d->refs = 1;
	d->privileged = d->pv.io_all = id == 0;
	d->state = DOM_ALIVE;
	d->max_pages = HOST_FRAMES;
	spin_init(&d->pages_lock, RANK_PAGES);
}

void host_memory_init(void)
{
	uint64_t end = HOST_FIRST_MFN + HOST_FRAMES, i;

	map_once(DIRECT_BASE, end * PAGE_SIZE);
	map_once(FRAME_TABLE_BASE, ROUND_UP(end * sizeof(struct frame),
					    PAGE_SIZE));
	for (i = 0; i < ARRAY_SIZE(host_domains); i++)
		init_domain(&host_domains[i], (uint16_t)i);
	dom0 = &host_domains[0];
	for (i = 0; i < HOST_CPUS; i++) {
		cpus[i] = (struct cpu){ .id = (unsigned int)i, .online = true,
					.running = &vcpus[i] };
		vcpus[i].domain = &host_domains[1];
	}
	heap_reset();
	for (i = HOST_FIRST_MFN; i < end; i++) {
		records()[i].owner = OWNER_HV;
		records()[i].free_state = FRAME_USED;
	}
	heap_add(HOST_FIRST_MFN * PAGE_SIZE, end * PAGE_SIZE);
}

struct frame *frame_of(mfn_t mfn)
{
	if (mfn.n < HOST_FIRST_MFN || mfn.n >= HOST_FIRST_MFN + HOST_FRAMES)
		return NULL;
	return records() + mfn.n;
}

mfn_t frame_mfn(const struct frame *f)
{
	return MFN((uint64_t)(f - records()));
}

void *frame_virt(const struct frame *f)
{
	return (void *)(DIRECT_BASE + mfn_paddr(frame_mfn(f)));
}

struct frame *virt_frame(const void *p)
{
	return records() + (((uint64_t)p - DIRECT_BASE) >> PAGE_SHIFT);
}

mfn_t max_mfn(void)
{
	return MFN(HOST_FIRST_MFN + HOST_FRAMES);
}

void m2p_set(mfn_t mfn, uint64_t pfn)
{
	m2p[mfn.n] = pfn;
}

paddr_t hv_cr3(void)
{
	return 0;
}

bool mfn_is_hv_mmio(mfn_t mfn)
{
	return mfn.n == 0xfee00;
}

struct domain *domain_get(uint16_t domid)
{
	if (domid >= ARRAY_SIZE(host_domains))
		return NULL;
	host_domains[domid].refs++;
	return &host_domains[domid];
}

void domain_put(struct domain *d)
{
	assert(d->refs > 0);
	d->refs--;
}

/* One thing at a time happens here: nobody ever waits. */
void wait_for_change(const uint64_t *word, uint64_t seen)
{
	panic("waits for a frame that nobody works on");
}

void wake_waiters(const uint64_t *word)
{
}

int host_preempt_fails_after = -1;

int preempt_point(void)
{
	if (host_preempt_fails_after < 0)
		return 0;
	return host_preempt_fails_after-- == 0 ? -EINTR : 0;
}

void preempt_yield(void)
{
}

/* The other CPU takes the interrupt at once. */
void ipi_kick(unsigned int cpu)
{
	struct cpu *me = host_cpu;

	host_cpu = &cpus[cpu];
	tlb_poll();
	host_cpu = me;
}
