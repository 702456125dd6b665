/*
 * The rooms around sched/ and domain/, for tests of these: memory is the
 * host's, counted; events, grants and page tables do nothing, or note that
 * they were asked to.
 */
#include "domain.h"
#include "cpu.h"
#include "guest.h"
#include "hypercall.h"
#include "irq.h"
#include "mm.h"
#include "smp.h"

void *calloc(size_t n, size_t size);
void *aligned_alloc(size_t align, size_t size);
void free(void *p);

#define WEAK __attribute__((weak))

uint32_t rooms_objects, rooms_pages, rooms_virqs;

void *hv_alloc(size_t size)
{
	(void)atomic_add(&rooms_objects, 1);
	return calloc(1, size);
}

void hv_free(void *p)
{
	if (p)
		(void)atomic_sub(&rooms_objects, 1);
	free(p);
}

void *hv_alloc_pages(unsigned int order, unsigned int flags)
{
	size_t size = PAGE_SIZE << order;
	void *p = aligned_alloc(size, size);

	(void)atomic_add(&rooms_pages, 1u << order);
	memset(p, flags & FRAME_ZERO ? 0 : 0x5a, size);
	return p;
}

void hv_free_pages(void *p, unsigned int order)
{
	(void)atomic_sub(&rooms_pages, 1u << order);
	free(p);
}

/* As the real ones: a shared page holds a reference to its domain. */
void frame_share(void *p, struct domain *d)
{
	(void)atomic_add(&d->refs, 1);
	*(struct domain **)((char *)p + PAGE_SIZE - sizeof(d)) = d;
}

void tlb_flush_domain(struct domain *d)
{
}

void frame_unshare(void *p)
{
	struct domain *d = *(struct domain **)((char *)p + PAGE_SIZE -
					       sizeof(d));

	hv_free_pages(p, 0);
	domain_put(d);
}

struct frame *virt_frame(const void *p)
{
	return (struct frame *)p;
}

mfn_t frame_mfn(const struct frame *f)
{
	return MFN((uint64_t)f >> PAGE_SHIFT);
}

/* No guest has memory here. */
int frame_get_as(const struct domain *d, mfn_t mfn, enum frame_type type,
		 struct frame **f)
{
	return -EINVAL;
}

void frame_put_as(struct frame *f)
{
}

struct frame *frame_get(const struct domain *d, mfn_t mfn)
{
	return NULL;
}

void frame_put(struct frame *f)
{
}

enum frame_type frame_type(const struct frame *f)
{
	return TYPE_NONE;
}

bool frame_is_pinned(const struct frame *f)
{
	return false;
}

void *frame_virt(const struct frame *f)
{
	return (void *)f;
}

void domain_release_frames(struct domain *d)
{
	preempt_yield();
}

bool guest_walk(uint64_t cr3, uint64_t va, uint64_t *pte);
bool guest_walk(uint64_t cr3, uint64_t va, uint64_t *pte)
{
	return false;
}

WEAK int event_init_domain(struct domain *d, unsigned int max_port)
{
	return 0;
}

void event_destroy_domain(struct domain *d)
{
	preempt_yield();
}

void event_rescan_vcpu(struct vcpu *v)
{
}

int event_pending_port(struct domain *d, uint32_t port)
{
	return port == 0 || port >= 1024 ? -EINVAL : 0;
}

void virq_raise_global(unsigned int virq)
{
	(void)atomic_add(&rooms_virqs, 1);
}

void virq_raise_vcpu(struct vcpu *v, unsigned int virq)
{
}

WEAK int grant_init_domain(struct domain *d, unsigned int max_frames,
			   unsigned int max_maptrack)
{
	return 0;
}

void grant_destroy_domain(struct domain *d)
{
}

void grant_free_domain(struct domain *d)
{
}

void irq_destroy_domain(struct domain *d)
{
}

void time_init_vcpu(struct vcpu *v)
{
	timer_init(&v->time.singleshot, poll_timeout, v);
	timer_init(&v->time.periodic, poll_timeout, v);
}

void time_destroy_vcpu(struct vcpu *v)
{
	timer_stop(&v->time.singleshot);
	timer_stop(&v->time.periodic);
}

void time_update_wallclock(struct domain *d)
{
}

uint32_t tsc_khz(void)
{
	return 1000000;
}

int pv_vcpu_init(struct vcpu *v)
{
	return 0;
}

int pv_set_context(struct vcpu *v, const struct vcpu_guest_context *c)
{
	return 0;
}

void pv_get_context(struct vcpu *v, struct vcpu_guest_context *c)
{
	memset(c, 0, sizeof(*c));
}

void regs_dump(const struct cpu_user_regs *regs)
{
}

void machine_power_off(void)
{
	panic("power off");
}

void machine_reboot(void)
{
	panic("reboot");
}

void machine_panic(void)
{
	panic("crash");
}

void hypercall_page_fill(uint8_t *page)
{
}

long hypercall_unknown(const char *family, uint64_t op)
{
	return -ENOSYS;
}

/* A guest's addresses are the test's own; the first page is not mapped. */
int copy_from_guest_va(void *dst, uint64_t va, size_t len)
{
	if (va < PAGE_SIZE)
		return -EFAULT;
	memcpy(dst, (const void *)va, len);
	return 0;
}

int copy_to_guest_va(uint64_t va, const void *src, size_t len)
{
	if (va < PAGE_SIZE)
		return -EFAULT;
	memcpy((void *)va, src, len);
	return 0;
}
