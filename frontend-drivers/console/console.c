/* See console.h. */
#include "frontend-drivers/console/console.h"

#include <xen/xen.h>
#include <xen/io/console.h>

#include "backend-drivers/ring/shared.h"
#include "frontend-drivers/os.h"

size_t console_put(const struct console *c, const char *text, size_t len)
{
	struct xencons_interface *ring = c->ring;
	uint32_t prod = ring->out_prod, used;
	size_t n = 0;

	used = prod - shared_load_acquire(&ring->out_cons);
	for (; n < len && used + n < sizeof(ring->out); n++)
		ring->out[MASK_XENCONS_IDX(prod++, ring->out)] = text[n];
	shared_store_release(&ring->out_prod, prod);
	os_event_send(c->port);
	return n;
}

size_t console_get(const struct console *c, char *text, size_t size)
{
	struct xencons_interface *ring = c->ring;
	uint32_t cons = ring->in_cons, ready;
	size_t n = 0;

	ready = shared_load_acquire(&ring->in_prod) - cons;
	for (; n < size && n < ready && n < sizeof(ring->in); n++)
		text[n] = ring->in[MASK_XENCONS_IDX(cons++, ring->in)];
	if (n) {
		shared_store_release(&ring->in_cons, cons);
		os_event_send(c->port);
	}
	return n;
}
