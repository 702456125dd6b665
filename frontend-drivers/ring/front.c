/* See front.h. */
#include "frontend-drivers/ring/front.h"

#include <xen/errno.h>

void front_ring_init(struct front_ring *r, void *pages, size_t bytes,
		     uint32_t stride)
{
	uint32_t slots = (uint32_t)((bytes - sizeof(*r->head)) / stride);

	*r = (struct front_ring){ .head = pages, .stride = stride, .size = 1 };
	while (2 * r->size <= slots)
		r->size *= 2;
	shared_store(&r->head->req_event, 1);
	shared_store(&r->head->rsp_event, 1);
}

uint32_t front_ring_free(const struct front_ring *r)
{
	return r->size - (r->req_prod - r->rsp_cons);
}

static void *slot(const struct front_ring *r, uint32_t index)
{
	return (char *)(r->head + 1) +
	       (size_t)(index & (r->size - 1)) * r->stride;
}

void front_ring_put(struct front_ring *r, const void *req, size_t len)
{
	shared_copy_out(slot(r, r->req_prod++), req, len);
}

bool front_ring_push(struct front_ring *r)
{
	uint32_t before = r->req_told;

	shared_store_release(&r->head->req_prod, r->req_prod);
	r->req_told = r->req_prod;
	shared_fence(); /* told before asked: one of the two sees the other */
	return r->req_prod - shared_load(&r->head->req_event) <
	       r->req_prod - before;
}

/* Responses that wait; -XEN_EILSEQ. */
static int waiting(struct front_ring *r)
{
	uint32_t n = shared_load_acquire(&r->head->rsp_prod) - r->rsp_cons;

	if (n > r->req_told - r->rsp_cons)
		r->broken = true;
	return r->broken ? -XEN_EILSEQ : (int)n;
}

int front_ring_take(struct front_ring *r, void *rsp, size_t len)
{
	int n = waiting(r);

	if (!n) {
		shared_store(&r->head->rsp_event, r->rsp_cons + 1);
		shared_fence(); /* asked before looking again */
		n = waiting(r);
	}
	if (n <= 0)
		return n;
	shared_copy_in(rsp, slot(r, r->rsp_cons++), len);
	return 1;
}
