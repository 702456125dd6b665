/*
 * Guest memory that stays registered (area.h). What is kept are frames, not an
 * address: whatever the guest does to its page tables afterwards, the area is
 * the memory that it showed, as with a registered vcpu_info.
 */
#include "domain.h"
#include "guest.h"
#include "mm.h"

static int get_page(struct vcpu *v, uint64_t va, struct frame **f)
{
	uint64_t pte;

	if (!guest_walk(v->pv.kernel_cr3, va, &pte) ||
	    (pte & (PTE_P | PTE_RW)) != (PTE_P | PTE_RW))
		return -EFAULT;
	return frame_get_as(v->domain, pte_mfn(pte), TYPE_WRITABLE, f);
}

int area_create(struct vcpu *v, uint64_t va, size_t len,
		struct guest_area **out)
{
	struct guest_area *a;
	int rc;

	assert(len <= PAGE_SIZE);
	if (!va_canonical(va) || !guest_range_ok(va, len))
		return -EFAULT;
	a = hv_alloc(sizeof(*a));
	if (!a)
		return -ENOMEM;
	a->offset = va % PAGE_SIZE;
	a->len = len;
	rc = get_page(v, va, &a->frame[0]);
	if (!rc && a->offset + len > PAGE_SIZE)
		rc = get_page(v, va + len - 1, &a->frame[1]);
	if (rc) {
		area_free(a);
		return rc;
	}
	*out = a;
	return 0;
}

void area_free(struct guest_area *a)
{
	unsigned int i;

	if (!a)
		return;
	for (i = 0; i < ARRAY_SIZE(a->frame); i++)
		if (a->frame[i])
			frame_put_as(a->frame[i]);
	hv_free(a);
}

void area_write(struct guest_area *a, size_t at, const void *src, size_t len)
{
	size_t pos = a->offset + at, n = 0;

	assert(at + len <= a->len);
	if (pos < PAGE_SIZE) {
		n = min(len, PAGE_SIZE - pos);
		memcpy((char *)frame_virt(a->frame[0]) + pos, src, n);
	}
	if (n < len)
		memcpy((char *)frame_virt(a->frame[1]) + (pos + n - PAGE_SIZE),
		       (const char *)src + n, len - n);
}
