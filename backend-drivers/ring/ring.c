/*
 * See ring.h for the model. Everything here is index arithmetic modulo 2^32:
 * differences of free-running indices are exact as long as they are taken in
 * uint32_t.
 */
#include "backend-drivers/ring/ring.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "backend-drivers/ring/shared.h"

_Static_assert(sizeof(struct ring_shared) == 64, "slots start at byte 64");

static void *slot(const struct ring *r, uint32_t index)
{
	size_t at = (size_t)(index & (r->size - 1)) * r->stride;

	return (char *)(r->shared + 1) + at;
}

/*
 * Looks at the producer index. A front end never has more requests
 * unanswered than there are slots, because answers need their slots: hence
 * the bound is counted from our responses and not from what we have taken.
 */
static int look(struct ring *r)
{
	uint32_t prod;

	if (r->broken)
		return -EPROTO;
	prod = shared_load_acquire(&r->shared->req_prod);
	if (prod - r->rsp_prod > r->size ||
	    prod - r->rsp_prod < r->req_cons - r->rsp_prod) {
		r->broken = true;
		return -EPROTO;
	}
	r->req_seen = prod;
	return 0;
}

int ring_attach(struct ring *r, void *shared, unsigned int pages,
		uint32_t stride)
{
	size_t room = (size_t)pages * RING_PAGE;
	uint32_t rsp;

	if (room <= sizeof(struct ring_shared) || !stride || stride % 4)
		return -EINVAL;
	room = (room - sizeof(struct ring_shared)) / stride;
	if (!room)
		return -EINVAL;
	*r = (struct ring){ .shared = shared, .stride = stride, .size = 1 };
	while (r->size <= room / 2)
		r->size *= 2;
	rsp = shared_load(&r->shared->rsp_prod);
	r->req_cons = r->req_seen = r->rsp_prod = r->rsp_told = rsp;
	return look(r);
}

static uint8_t *kept(const struct ring *r, uint32_t index)
{
	return r->journal->slots + (size_t)(index & (r->size - 1)) * r->stride;
}

/* Copies responses, @len bytes of each, from the journal into their slots. */
static void copy_kept(struct ring *r, uint32_t from, uint32_t to, uint32_t len)
{
	for (; from != to; from++)
		shared_copy_out(slot(r, from), kept(r, from), len);
}

int ring_keep(struct ring *r, struct ring_journal *journal)
{
	uint32_t put = journal->put, begun = put - r->rsp_prod;

	assert((size_t)r->size * r->stride <= sizeof(journal->slots));
	r->journal = journal;
	/* Further than there are slots: of another ring, which is no more. */
	if (!begun || begun > r->size) {
		journal->put = r->rsp_prod;
		return 0;
	}
	copy_kept(r, r->rsp_prod, put, r->stride);
	shared_store_release(&r->shared->rsp_prod, put);
	r->req_cons = r->req_seen = r->rsp_prod = r->rsp_told = put;
	return look(r);
}

int ring_waiting(struct ring *r)
{
	int rc = look(r);

	return rc ? rc : (int)(r->req_seen - r->req_cons);
}

int ring_take(struct ring *r, void *req, size_t len)
{
	assert(len <= r->stride && len % 4 == 0);
	if (r->req_cons == r->req_seen || r->broken) {
		int rc = look(r);

		if (rc)
			return rc;
		if (r->req_cons == r->req_seen)
			return 0;
	}
	shared_copy_in(req, slot(r, r->req_cons), len);
	r->req_cons++;
	return 1;
}

uint32_t ring_unanswered(const struct ring *r)
{
	return r->req_cons - r->rsp_prod;
}

void ring_put(struct ring *r, const void *rsp, size_t len)
{
	assert(len <= r->stride && len % 4 == 0);
	assert(ring_unanswered(r) > 0);
	if (r->journal)
		memcpy(kept(r, r->rsp_prod), rsp, len);
	else
		shared_copy_out(slot(r, r->rsp_prod), rsp, len);
	r->rsp_len = (uint32_t)len;
	r->rsp_prod++;
}

bool ring_push(struct ring *r)
{
	uint32_t old = r->rsp_told, new = r->rsp_prod;
	uint32_t event;

	if (old == new)
		return false;
	if (r->journal) {
		/* From here on it will be done, by us or by a successor. */
		__atomic_store_n(&r->journal->put, new, __ATOMIC_RELEASE);
		__atomic_signal_fence(__ATOMIC_SEQ_CST);
		copy_kept(r, old, new, r->rsp_len);
	}
	shared_store_release(&r->shared->rsp_prod, new);
	r->rsp_told = new;
	/*
	 * Pairs with the front end's fence between its store of rsp_event and
	 * its last look at rsp_prod: one of us sees what the other wrote, so
	 * that it does not sleep on a response we did not announce.
	 */
	shared_fence();
	event = shared_load(&r->shared->rsp_event);
	return new - event < new - old;
}

int ring_rest(struct ring *r, uint32_t wanted)
{
	int rc;

	if (r->broken)
		return -EPROTO;
	shared_store(&r->shared->req_event, r->req_cons + wanted);
	/* Pairs with a front end's fence between req_prod and req_event. */
	shared_fence();
	rc = look(r);
	return rc ? rc : r->req_seen - r->req_cons >= wanted;
}
