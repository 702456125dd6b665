/*
 * The control ring of <xen/io/netif.h>, "Control messages": how a front end
 * chooses the queues of what it receives. Requests are few, and what they
 * bring with them is copied out of the guest before it is looked at.
 */
#include "backend-drivers/net/vif.h"

#include <string.h>

#include <xen/xen.h>
#include <xen/io/netif.h>

#define BATCH 16

_Static_assert(HASH_MAP * sizeof(uint32_t) <= RING_PAGE, "one page holds it");

static struct grant_copies copies;

/* @len bytes of a granted page; false: it is not granted. */
static bool fetch(struct vif *v, uint32_t ref, void *to, uint32_t len)
{
	bool failed = false;

	if (!len)
		return true;
	grant_copy_from(&copies, v->served.dev.domid, ref, 0, to, (uint16_t)len,
			&failed);
	grant_copies_run(&copies);
	return !failed;
}

static uint32_t set_key(struct vif *v, uint32_t ref, uint32_t size)
{
	uint32_t status = hash_check_key(size);
	uint8_t key[HASH_KEY];

	if (status)
		return status;
	if (!fetch(v, ref, key, size))
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	hash_put_key(&v->memory->hash, key, size);
	return XEN_NETIF_CTRL_STATUS_SUCCESS;
}

static uint32_t set_map(struct vif *v, uint32_t ref, uint32_t count,
			uint32_t offset)
{
	struct hash *h = &v->memory->hash;
	uint32_t map[HASH_MAP], status = hash_check_map(h, offset, count);

	if (status)
		return status;
	if (!fetch(v, ref, map, count * (uint32_t)sizeof(map[0])))
		return XEN_NETIF_CTRL_STATUS_INVALID_PARAMETER;
	return hash_put_map(h, map, offset, count, v->queues);
}

/* Carries out a request. Returns the status; *@data goes with it. */
static uint32_t carry_out(struct vif *v,
			  const struct xen_netif_ctrl_request *q,
			  uint32_t *data)
{
	struct hash *h = &v->memory->hash;

	switch (q->type) {
	case XEN_NETIF_CTRL_TYPE_SET_HASH_ALGORITHM:
		return hash_set_algorithm(h, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_FLAGS:
		return hash_types(h, data);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_FLAGS:
		return hash_set_types(h, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_KEY:
		return set_key(v, q->data[0], q->data[1]);
	case XEN_NETIF_CTRL_TYPE_GET_HASH_MAPPING_SIZE:
		*data = HASH_MAP;
		return XEN_NETIF_CTRL_STATUS_SUCCESS;
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING_SIZE:
		return hash_set_map_size(h, q->data[0]);
	case XEN_NETIF_CTRL_TYPE_SET_HASH_MAPPING:
		return set_map(v, q->data[0], q->data[1], q->data[2]);
	default:
		return XEN_NETIF_CTRL_STATUS_NOT_SUPPORTED;
	}
}

int control_serve(struct vif *v, const char **why)
{
	struct control *c = &v->control;
	int rc = 1;

	*why = "control ring corrupted";
	for (int i = 0; i < BATCH; i++) {
		struct xen_netif_ctrl_response rsp = { 0 };
		struct xen_netif_ctrl_request q;

		rc = ring_take(&c->ring, &q, sizeof(q));
		if (rc != 1)
			break;
		rsp.id = q.id;
		rsp.type = q.type;
		rsp.status = carry_out(v, &q, &rsp.data);
		ring_put(&c->ring, &rsp, sizeof(rsp));
	}
	if (ring_push(&c->ring))
		port_notify(&c->port);
	return rc ? rc : ring_rest(&c->ring, 1);
}
