/* A guest's side of a ring page: see guest_ring.h. */
#include "xenstore/test/guest_ring.h"

#include <stdint.h>

static size_t piece_of(const struct guest_ring *r, size_t len)
{
	return r->piece && r->piece < len ? r->piece : len;
}

bool guest_ring_put(struct guest_ring *r, const void *data, size_t len)
{
	struct xenstore_domain_interface *page = r->page;
	const char *from = data;

	while (len) {
		uint32_t prod = page->req_prod;
		size_t room = XENSTORE_RING_SIZE -
			      (prod - __atomic_load_n(&page->req_cons,
						      __ATOMIC_ACQUIRE));
		size_t n = piece_of(r, len < room ? len : room);

		if (!n) {
			r->notify(r->arg);
			if (!r->wait(r->arg))
				return false;
			continue;
		}
		for (size_t i = 0; i < n; i++)
			page->req[MASK_XENSTORE_IDX(prod + i)] = *from++;
		__atomic_store_n(&page->req_prod, prod + (uint32_t)n,
				 __ATOMIC_RELEASE);
		len -= n;
		if (r->piece)
			r->notify(r->arg);
	}
	return true;
}

bool guest_ring_get(struct guest_ring *r, void *data, size_t len)
{
	struct xenstore_domain_interface *page = r->page;
	char *to = data;

	while (len) {
		uint32_t cons = page->rsp_cons;
		size_t there = __atomic_load_n(&page->rsp_prod,
					       __ATOMIC_ACQUIRE) - cons;
		size_t n = piece_of(r, len < there ? len : there);

		if (!n) {
			r->notify(r->arg);
			if (!r->wait(r->arg))
				return false;
			continue;
		}
		for (size_t i = 0; i < n; i++)
			*to++ = page->rsp[MASK_XENSTORE_IDX(cons + i)];
		__atomic_store_n(&page->rsp_cons, cons + (uint32_t)n,
				 __ATOMIC_RELEASE);
		len -= n;
		if (r->piece)
			r->notify(r->arg);
	}
	return true;
}

bool guest_ring_send(struct guest_ring *r, const struct xsd_sockmsg *hdr,
		     const void *data)
{
	bool ok = guest_ring_put(r, hdr, sizeof(*hdr)) &&
		  guest_ring_put(r, data, hdr->len);

	r->notify(r->arg);
	return ok;
}

bool guest_ring_receive(struct guest_ring *r, struct xsd_sockmsg *hdr,
			char *data)
{
	if (!guest_ring_get(r, hdr, sizeof(*hdr)) ||
	    hdr->len > XENSTORE_PAYLOAD_MAX ||
	    !guest_ring_get(r, data, hdr->len))
		return false;
	data[hdr->len] = '\0';
	r->notify(r->arg);
	return true;
}
