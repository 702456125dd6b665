/*
 * memory_op: one row for each sub-operation. What a guest asks to know stands
 * here, what changes reservations in reservation.c.
 */
#include "boot.h"
#include "guest.h"
#include "hypercall.h"
#include "mm.h"
#include "reservation.h"
#include <xen/memory.h>

#define M2P_SPAN (1UL << 38) /* of the table's virtual range */

static long op_current_reservation(struct domain *d, void *arg)
{
	return READ_ONCE(d->tot_pages);
}

static long op_maximum_reservation(struct domain *d, void *arg)
{
	return READ_ONCE(d->max_pages);
}

/* The guest says itself how far its pfns reach. */
static long op_maximum_gpfn(struct domain *d, void *arg)
{
	const struct shared_info *s = READ_ONCE(d->shared);

	return s ? READ_ONCE(s->arch.max_pfn) - 1 : 0;
}

static long op_machphys_mapping(struct domain *d, void *arg)
{
	*(struct xen_machphys_mapping *)arg = (struct xen_machphys_mapping){
		.v_start = M2P_RO_BASE,
		.v_end = M2P_RO_BASE + M2P_SPAN,
		.max_mfn = max_mfn().n - 1,
	};
	return 0;
}

/* The 2 MiB of the table that a virtual address lies in; 0 for a hole. */
static uint64_t m2p_extent(uint64_t va)
{
	uint64_t *table = hv_l4, e = 0;
	unsigned int level;

	for (level = 4; level >= 2; level--) {
		e = table[pt_index(va, level)];
		if (!(e & PTE_P))
			return 0;
		if (e & PTE_PSE)
			break;
		table = (uint64_t *)(DIRECT_BASE + (e & PTE_MFN_MASK));
	}
	if (level == 3) /* a gigabyte's entry: the part of it */
		e += va & ((1UL << 30) - 1);
	return (e & PTE_MFN_MASK) >> PAGE_SHIFT & ~511UL;
}

static long op_machphys_mfn_list(struct domain *d, void *arg)
{
	const uint64_t end = M2P_RO_BASE + max_mfn().n * sizeof(uint64_t);
	struct xen_machphys_mfn_list *l = arg;
	xen_pfn_t mfn;
	uint64_t va;

	l->nr_extents = 0;
	for (va = M2P_RO_BASE; va < end && l->nr_extents < l->max_extents;
	     va += 1UL << 21, l->nr_extents++) {
		mfn = m2p_extent(va);
		if (copy_to_handle(l->extent_start, l->nr_extents, &mfn, 1))
			return -EFAULT;
	}
	return 0;
}

/* --- memory maps --- */

#define TYPE_RESERVED 2

/* Places where interrupt controllers answer: never memory, never Dom0's. */
static const struct e820entry controllers[] = {
	{ 0xfec00000, 0x1000, TYPE_RESERVED },
	{ 0xfee00000, 0x100000, TYPE_RESERVED },
};

/* Adds @e in order of address, unless an entry has its place already. */
static void map_insert(struct e820_map *m, const struct e820entry *e)
{
	unsigned int i, at = 0;

	for (i = 0; i < m->entries; i++) {
		if (e->addr < m->entry[i].addr + m->entry[i].size &&
		    m->entry[i].addr < e->addr + e->size)
			return;
		if (m->entry[i].addr < e->addr)
			at = i + 1;
	}
	if (m->entries == ARRAY_SIZE(m->entry))
		return;
	memmove(&m->entry[at + 1], &m->entry[at],
		(m->entries - at) * sizeof(*e));
	m->entry[at] = *e;
	m->entries++;
}

/* Copies a map to its caller: *nr_entries tells room, then what was needed. */
static long give_map(struct xen_memory_map *m, const struct e820_map *map)
{
	if (!handle_null(m->buffer)) {
		if (m->nr_entries < map->entries)
			return -EINVAL;
		if (copy_to_guest_va(handle_va(m->buffer), map->entry,
				     map->entries * sizeof(map->entry[0])))
			return -EFAULT;
	}
	m->nr_entries = map->entries;
	return 0;
}

static long op_machine_memory_map(struct domain *d, void *arg)
{
	struct e820_map map = { .entries = 0 };
	unsigned int i;

	for (i = 0; i < boot_info.map_entries; i++)
		map_insert(&map, &boot_info.map[i]);
	for (i = 0; i < ARRAY_SIZE(controllers); i++)
		map_insert(&map, &controllers[i]);
	return give_map(arg, &map);
}

static long op_memory_map(struct domain *none, void *arg)
{
	struct domain *d = current->domain;
	struct e820_map map;

	spin_lock(&d->lock);
	map = d->pv.e820;
	spin_unlock(&d->lock);
	/* Without one, the kernel assumes one range of RAM. */
	return map.entries ? give_map(arg, &map) : -ENOSYS;
}

static long op_set_memory_map(struct domain *d, void *arg)
{
	const struct xen_memory_map *m =
		&((struct xen_foreign_memory_map *)arg)->map;
	struct e820_map map = { .entries = m->nr_entries };

	if (m->nr_entries == 0 || m->nr_entries > ARRAY_SIZE(map.entry))
		return -EINVAL;
	if (copy_from_guest_va(map.entry, handle_va(m->buffer),
			       m->nr_entries * sizeof(map.entry[0])))
		return -EFAULT;
	spin_guard(&d->lock);
	d->pv.e820 = map;
	return 0;
}

/* --- pages that belong to a domain's interface --- */

/* Without a list: how many frames could there be? */
static long op_acquire_resource(struct domain *d, void *arg)
{
	struct xen_mem_acquire_resource *a = arg;
	int rc;

	if (a->pad || a->type != XENMEM_resource_grant_table ||
	    a->id != XENMEM_resource_grant_table_id_shared)
		return -EOPNOTSUPP;
	if (handle_null(a->frame_list)) {
		rc = a->nr_frames ? -EINVAL : 0;
		a->nr_frames = d->grant.max_frames;
		return rc;
	}
	return grant_list_frames(d, a->frame, a->nr_frames, a->frame_list);
}

/* --- what PV does not have; no line in the log for what tools try --- */

static long op_absent(struct domain *d, void *arg)
{
	return -ENOSYS;
}

static long op_unsupported(struct domain *d, void *arg)
{
	return -EOPNOTSUPP;
}

#define PRIV SUBOP_PRIVILEGED
#define OUT SUBOP_OUT
#define RESERVATION(fn, flags) \
	SUBOP_OF(fn, struct xen_memory_reservation, domid, flags)
#define OF_DOMAIN(fn) SUBOP_OF(fn, struct xen_memory_domain, domid, 0)

static const struct subop ops[] = {
	[XENMEM_increase_reservation] = RESERVATION(reservation_increase, 0),
	[XENMEM_decrease_reservation] = RESERVATION(reservation_decrease, 0),
	[XENMEM_current_reservation] = OF_DOMAIN(op_current_reservation),
	[XENMEM_maximum_reservation] = OF_DOMAIN(op_maximum_reservation),
	[XENMEM_machphys_mfn_list] = SUBOP(op_machphys_mfn_list,
		struct xen_machphys_mfn_list, PRIV | OUT),
	[XENMEM_populate_physmap] = RESERVATION(reservation_populate, 0),
	[XENMEM_add_to_physmap] = { .fn = op_unsupported },
	[XENMEM_memory_map] = SUBOP(op_memory_map, struct xen_memory_map, OUT),
	[XENMEM_machine_memory_map] = SUBOP(op_machine_memory_map,
		struct xen_memory_map, PRIV | OUT),
	[XENMEM_exchange] = SUBOP_OF(reservation_exchange,
		struct xen_memory_exchange, in.domid, SUBOP_OUT_ERR),
	[XENMEM_machphys_mapping] = SUBOP(op_machphys_mapping,
		struct xen_machphys_mapping, OUT),
	[XENMEM_set_memory_map] = SUBOP_OF(op_set_memory_map,
		struct xen_foreign_memory_map, domid, 0),
	[XENMEM_maximum_gpfn] = OF_DOMAIN(op_maximum_gpfn),
	[XENMEM_remove_from_physmap] = { .fn = op_unsupported },
	[XENMEM_get_sharing_freed_pages] = { .fn = op_absent },
	[XENMEM_get_sharing_shared_pages] = { .fn = op_absent },
	[XENMEM_add_to_physmap_batch] = { .fn = op_unsupported },
	[XENMEM_claim_pages] = RESERVATION(reservation_claim, PRIV),
	[XENMEM_get_vnumainfo] = { .fn = op_unsupported },
	[XENMEM_acquire_resource] = SUBOP_OF(op_acquire_resource,
		struct xen_mem_acquire_resource, domid, PRIV | OUT),
};

/*
 * The bits above the sub-operation would say where an interrupted call goes on:
 * calls here are never interrupted that way, and a guest that sets them means
 * something that does not exist.
 */
long hc_memory_op(uint64_t op, uint64_t arg, uint64_t a2, uint64_t a3,
		  uint64_t a4)
{
	if (op == XENMEM_maximum_ram_page)
		return max_mfn().n - 1;
	return subop_call("memory_op", ops, ARRAY_SIZE(ops), op, arg);
}
